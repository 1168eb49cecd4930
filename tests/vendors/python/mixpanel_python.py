"""The visit, told to mixpanel.

Its alias() is left out: it sends to the vendor, whatever host it was given.
"""

from typing import Any

from mixpanel import BufferedConsumer, Consumer, Mixpanel
from visit import TOLD, hand, send_all

WHO, PAGE, HOST = TOLD["who"], TOLD["page"], TOLD["host"]
# From a host alone the client makes an https address.
URLS = [f"{HOST}/{path}" for path in ("track", "engage", "import")]
GROUPS = {"groups_url": f"{HOST}/groups"}
CLIENT = Mixpanel(TOLD["key"], consumer=Consumer(*URLS, **GROUPS))
BUFFER = BufferedConsumer(50, *URLS, **GROUPS)
PERSON = {
    "$device_id": WHO["device"],
    "ip": WHO["address"],
    "$browser": "Chrome",
    "$city": WHO["name"],
    "$current_url": PAGE["url"],
    "$referrer": PAGE["referrer"],
}


def track(client: Mixpanel, event: str, properties: dict[str, Any]) -> None:
    """Hand one event to *client*."""
    client.track(WHO["user"], hand(event), PERSON | properties)


track(CLIENT, "Page View", {"title": PAGE["title"]})
track(CLIENT, "Signup Clicked", TOLD["signup"])
hand("engage:$set")
CLIENT.people_set(
    WHO["user"],
    {"$email": WHO["email"], "$name": WHO["name"], "$phone": WHO["phone"]},
    meta={"$ip": WHO["address"]},
)
hand("groups:$set")
CLIENT.group_set("company", WHO["group"], {"name": WHO["name"]})
track(CLIENT, "Product Viewed", TOLD["product"])
track(CLIENT, "Product Added", TOLD["product"])
BUFFERED = Mixpanel(TOLD["key"], consumer=BUFFER)
hand("engage:$append")
BUFFERED.people_track_charge(WHO["user"], 59.9, {"order": WHO["order"]})
track(BUFFERED, "Cart Viewed", TOLD["cart"])
track(BUFFERED, "Checkout Started", TOLD["checkout"])
track(BUFFERED, "Order Completed", TOLD["order"])
track(BUFFERED, "Order Refunded", TOLD["refund"])
BUFFER.flush()
send_all()
