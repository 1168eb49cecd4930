"""Sends the visit with ga4mp, a client for Google's Measurement Protocol."""

from typing import Any

from ga4mp import GtagMP
from visit import VISIT, print_sent, record_sent

PERSON, PAGE, ORDER = VISIT["person"], VISIT["page"], VISIT["order"]
CLIENT = GtagMP(
    api_secret=PERSON["token"], measurement_id=VISIT["key"], client_id="1.2"
)
CLIENT.client_id = PERSON["device"]
# The client has no setting for its address.
CLIENT._base_domain = f"{VISIT['host']}/mp/collect"  # noqa: SLF001
for trait in ("email", "name", "phone"):
    CLIENT.store.set_user_property(trait, PERSON[trait])


def event(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return one event, and record it as sent."""
    return {"name": record_sent(name), "params": params}


def bought(step: dict[str, Any]) -> dict[str, Any]:
    """Return a step of the purchase with Google's parameter names."""
    items = [
        {
            "item_id": product["sku"],
            "item_name": product["name"],
            "item_category": product["category"],
            "price": product["price"],
            "quantity": product["quantity"],
        }
        for product in step.get("products", [step])
    ]
    value = sum(item["price"] * item["quantity"] for item in items)
    return {"currency": step["currency"], "value": value, "items": items}


CLIENT.send(
    [
        event(
            "page_view",
            {
                "page_location": PAGE["url"],
                "page_referrer": PAGE["referrer"],
                "page_title": PAGE["title"],
                "user_id": PERSON["user"],
                "ip_override": PERSON["address"],
            },
        ),
        event("signup_clicked", VISIT["signup"]),
    ]
)
paid = {
    "transaction_id": ORDER["order_id"],
    "tax": ORDER["tax"],
    "shipping": ORDER["shipping"],
    "coupon": ORDER["coupon"],
}
CLIENT.send(
    [
        event("view_item", bought(VISIT["product"])),
        event("add_to_cart", bought(VISIT["product"])),
        event("view_cart", bought(VISIT["cart"])),
        event("begin_checkout", bought(VISIT["checkout"])),
        event("purchase", bought(ORDER) | paid | {"value": ORDER["total"]}),
        event("refund", bought(VISIT["refund"]) | {"transaction_id": PERSON["order"]}),
    ]
)
print_sent()
