"""Sends the visit with posthog."""

from typing import Any

from posthog import Posthog
from visit import VISIT, print_sent, record_sent

PERSON, PAGE = VISIT["person"], VISIT["page"]
CLIENT = Posthog(VISIT["key"], host=VISIT["host"], flush_at=100, **VISIT["options"])


def capture(event: str, properties: dict[str, Any]) -> None:
    """Send one event."""
    CLIENT.capture(
        record_sent(event),
        distinct_id=PERSON["user"],
        properties=properties,
        groups={"company": PERSON["group"]},
    )


capture(
    "$pageview",
    {
        "$current_url": PAGE["url"],
        "$referrer": PAGE["referrer"],
        "$ip": PERSON["address"],
        "$raw_user_agent": PERSON["agent"],
        "$device_id": PERSON["device"],
        "$session_id": PERSON["session"],
        "title": PAGE["title"],
    },
)
capture("Signup Clicked", VISIT["signup"])
record_sent("$set")
CLIENT.set(
    distinct_id=PERSON["user"],
    properties={key: PERSON[key] for key in ("email", "name", "phone")},
)
record_sent("$create_alias")
CLIENT.alias(previous_id=PERSON["anonymous"], distinct_id=PERSON["user"])
record_sent("$groupidentify")
CLIENT.group_identify("company", PERSON["group"], {"name": PERSON["name"]})
capture("Product Viewed", VISIT["product"])
capture("Product Added", VISIT["product"])
capture("Cart Viewed", VISIT["cart"])
capture("Checkout Started", VISIT["checkout"])
capture("Order Completed", VISIT["order"])
capture("Order Refunded", VISIT["refund"])
CLIENT.shutdown()
print_sent()
