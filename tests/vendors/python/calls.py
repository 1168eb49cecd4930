"""Sends the visit with the calls that the clients of Segment and RudderStack share."""

from typing import Any

from visit import VISIT, print_sent, record_sent

PERSON, PAGE = VISIT["person"], VISIT["page"]
TRAITS = {key: PERSON[key] for key in ("email", "name", "phone")}
CONTEXT = {
    "ip": PERSON["address"],
    "userAgent": PERSON["agent"],
    "page": PAGE,
    "device": {"id": PERSON["device"], "advertisingId": PERSON["device"]},
    "timezone": "Europe/Berlin",
    "locale": "de-DE",
}


def send_to(client: Any) -> None:
    """Send the whole visit with *client*, and print the count of each event."""
    anonymous = {"anonymous_id": PERSON["anonymous"], "context": CONTEXT}
    record_sent("page:Blue Mug")
    client.page(**anonymous, name="Blue Mug", properties=PAGE)
    record_sent("track:Signup Clicked")
    client.track(**anonymous, event="Signup Clicked", properties=VISIT["signup"])
    record_sent("identify")
    client.identify(PERSON["user"], TRAITS, **anonymous)
    record_sent("alias")
    client.alias(PERSON["anonymous"], PERSON["user"])
    record_sent("group")
    client.group(PERSON["user"], PERSON["group"], {"name": PERSON["name"]})
    record_sent("screen:Cart")
    client.screen(PERSON["user"], name="Cart", context=CONTEXT)
    for event, step in (
        ("Product Viewed", "product"),
        ("Product Added", "product"),
        ("Cart Viewed", "cart"),
        ("Checkout Started", "checkout"),
        ("Order Completed", "order"),
        ("Order Refunded", "refund"),
    ):
        record_sent(f"track:{event}")
        context = CONTEXT | {"traits": TRAITS}
        client.track(PERSON["user"], event, VISIT[step], context=context)
    client.shutdown()
    print_sent()
