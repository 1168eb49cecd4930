"""The visit, told to posthog."""

from typing import Any

from posthog import Posthog
from visit import TOLD, hand, send_all

WHO, PAGE = TOLD["who"], TOLD["page"]
CLIENT = Posthog(TOLD["key"], host=TOLD["host"], flush_at=100, **TOLD["options"])


def capture(event: str, properties: dict[str, Any]) -> None:
    """Hand one event to the client."""
    CLIENT.capture(
        hand(event),
        distinct_id=WHO["user"],
        properties=properties,
        groups={"company": WHO["group"]},
    )


capture(
    "$pageview",
    {
        "$current_url": PAGE["url"],
        "$referrer": PAGE["referrer"],
        "$ip": WHO["address"],
        "$raw_user_agent": WHO["agent"],
        "$device_id": WHO["device"],
        "$session_id": WHO["session"],
        "title": PAGE["title"],
    },
)
capture("Signup Clicked", TOLD["signup"])
hand("$set")
CLIENT.set(
    distinct_id=WHO["user"],
    properties={key: WHO[key] for key in ("email", "name", "phone")},
)
hand("$create_alias")
CLIENT.alias(previous_id=WHO["anonymous"], distinct_id=WHO["user"])
hand("$groupidentify")
CLIENT.group_identify("company", WHO["group"], {"name": WHO["name"]})
capture("Product Viewed", TOLD["product"])
capture("Product Added", TOLD["product"])
capture("Cart Viewed", TOLD["cart"])
capture("Checkout Started", TOLD["checkout"])
capture("Order Completed", TOLD["order"])
capture("Order Refunded", TOLD["refund"])
CLIENT.shutdown()
send_all()
