"""Sends the visit with mixpanel.

Its alias() is left out: it always sends to the vendor and ignores the host.
"""

from typing import Any

from mixpanel import BufferedConsumer, Consumer, Mixpanel
from visit import VISIT, print_sent, record_sent

PERSON, PAGE, HOST = VISIT["person"], VISIT["page"], VISIT["host"]
# The client turns a host without a scheme into an https address.
URLS = [f"{HOST}/{path}" for path in ("track", "engage", "import")]
GROUPS = {"groups_url": f"{HOST}/groups"}
CLIENT = Mixpanel(VISIT["key"], consumer=Consumer(*URLS, **GROUPS))
BUFFER = BufferedConsumer(50, *URLS, **GROUPS)
PROPERTIES = {
    "$device_id": PERSON["device"],
    "ip": PERSON["address"],
    "$browser": "Chrome",
    "$city": PERSON["name"],
    "$current_url": PAGE["url"],
    "$referrer": PAGE["referrer"],
}


def track(client: Mixpanel, event: str, properties: dict[str, Any]) -> None:
    """Send one event with *client*."""
    client.track(PERSON["user"], record_sent(event), PROPERTIES | properties)


track(CLIENT, "Page View", {"title": PAGE["title"]})
track(CLIENT, "Signup Clicked", VISIT["signup"])
record_sent("engage:$set")
CLIENT.people_set(
    PERSON["user"],
    {"$email": PERSON["email"], "$name": PERSON["name"], "$phone": PERSON["phone"]},
    meta={"$ip": PERSON["address"]},
)
record_sent("groups:$set")
CLIENT.group_set("company", PERSON["group"], {"name": PERSON["name"]})
track(CLIENT, "Product Viewed", VISIT["product"])
track(CLIENT, "Product Added", VISIT["product"])
BUFFERED = Mixpanel(VISIT["key"], consumer=BUFFER)
record_sent("engage:$append")
BUFFERED.people_track_charge(PERSON["user"], 59.9, {"order": PERSON["order"]})
track(BUFFERED, "Cart Viewed", VISIT["cart"])
track(BUFFERED, "Checkout Started", VISIT["checkout"])
track(BUFFERED, "Order Completed", VISIT["order"])
track(BUFFERED, "Order Refunded", VISIT["refund"])
BUFFER.flush()
print_sent()
