"""The visit, told to umami-analytics."""

from typing import Any

import umami
from visit import TOLD, hand, send_all

WHO, PAGE = TOLD["who"], TOLD["page"]
PERSON = {"ip_address": WHO["address"], "distinct_id": WHO["user"]}
umami.set_url_base(TOLD["host"])
umami.set_website_id(TOLD["key"])
umami.set_hostname("shop.example")


def track(event: str, data: dict[str, Any]) -> None:
    """Hand one event to the client."""
    umami.new_event(
        hand(event),
        url=PAGE["url"],
        title=PAGE["title"],
        referrer=PAGE["referrer"],
        custom_data=data,
        **PERSON,
    )


hand("pageview")
umami.new_page_view(PAGE["title"], PAGE["url"], referrer=PAGE["referrer"], **PERSON)
track("Signup Clicked", TOLD["signup"])
track("Product Viewed", TOLD["product"])
track("Product Added", TOLD["product"])
track("Cart Viewed", TOLD["cart"])
track("Checkout Started", TOLD["checkout"])
umami.new_revenue_event(
    TOLD["order"]["total"],
    TOLD["order"]["currency"],
    event_name=hand("Order Completed"),
    url=PAGE["url"],
    custom_data=TOLD["order"],
    **PERSON,
)
track("Order Refunded", TOLD["refund"])
send_all()
