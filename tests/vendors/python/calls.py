"""The visit in the calls that Segment's and RudderStack's clients share."""

from typing import Any

from visit import TOLD, hand, send_all

WHO, PAGE = TOLD["who"], TOLD["page"]
TRAITS = {key: WHO[key] for key in ("email", "name", "phone")}
CONTEXT = {
    "ip": WHO["address"],
    "userAgent": WHO["agent"],
    "page": PAGE,
    "device": {"id": WHO["device"], "advertisingId": WHO["device"]},
    "timezone": "Europe/Berlin",
    "locale": "de-DE",
}


def send_to(client: Any) -> None:
    """Hand the whole visit to *client*, and print what was handed."""
    anonymous = {"anonymous_id": WHO["anonymous"], "context": CONTEXT}
    hand("page:Blue Mug")
    client.page(**anonymous, name="Blue Mug", properties=PAGE)
    hand("track:Signup Clicked")
    client.track(**anonymous, event="Signup Clicked", properties=TOLD["signup"])
    hand("identify")
    client.identify(WHO["user"], TRAITS, **anonymous)
    hand("alias")
    client.alias(WHO["anonymous"], WHO["user"])
    hand("group")
    client.group(WHO["user"], WHO["group"], {"name": WHO["name"]})
    hand("screen:Cart")
    client.screen(WHO["user"], name="Cart", context=CONTEXT)
    for event, step in (
        ("Product Viewed", "product"),
        ("Product Added", "product"),
        ("Cart Viewed", "cart"),
        ("Checkout Started", "checkout"),
        ("Order Completed", "order"),
        ("Order Refunded", "refund"),
    ):
        hand(f"track:{event}")
        context = CONTEXT | {"traits": TRAITS}
        client.track(WHO["user"], event, TOLD[step], context=context)
    client.shutdown()
    send_all()
