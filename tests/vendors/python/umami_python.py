"""Sends the visit with umami-analytics."""

from typing import Any

import umami
from visit import VISIT, print_sent, record_sent

PERSON, PAGE = VISIT["person"], VISIT["page"]
VISITOR = {"ip_address": PERSON["address"], "distinct_id": PERSON["user"]}
umami.set_url_base(VISIT["host"])
umami.set_website_id(VISIT["key"])
umami.set_hostname("shop.example")


def track(event: str, data: dict[str, Any]) -> None:
    """Send one event."""
    umami.new_event(
        record_sent(event),
        url=PAGE["url"],
        title=PAGE["title"],
        referrer=PAGE["referrer"],
        custom_data=data,
        **VISITOR,
    )


record_sent("pageview")
umami.new_page_view(PAGE["title"], PAGE["url"], referrer=PAGE["referrer"], **VISITOR)
track("Signup Clicked", VISIT["signup"])
track("Product Viewed", VISIT["product"])
track("Product Added", VISIT["product"])
track("Cart Viewed", VISIT["cart"])
track("Checkout Started", VISIT["checkout"])
umami.new_revenue_event(
    VISIT["order"]["total"],
    VISIT["order"]["currency"],
    event_name=record_sent("Order Completed"),
    url=PAGE["url"],
    custom_data=VISIT["order"],
    **VISITOR,
)
track("Order Refunded", VISIT["refund"])
print_sent()
