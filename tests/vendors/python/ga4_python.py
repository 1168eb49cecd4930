"""The visit, told to ga4mp, which speaks Google's Measurement Protocol."""

from typing import Any

from ga4mp import GtagMP
from visit import TOLD, hand, send_all

WHO, PAGE, ORDER = TOLD["who"], TOLD["page"], TOLD["order"]
CLIENT = GtagMP(api_secret=WHO["token"], measurement_id=TOLD["key"], client_id="1.2")
CLIENT.client_id = WHO["device"]
# There is no setting for it.
CLIENT._base_domain = f"{TOLD['host']}/mp/collect"  # noqa: SLF001
for trait in ("email", "name", "phone"):
    CLIENT.store.set_user_property(trait, WHO[trait])


def event(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return one event, noted as handed to the client."""
    return {"name": hand(name), "params": params}


def bought(step: dict[str, Any]) -> dict[str, Any]:
    """Return a step of the purchase in Google's words."""
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
                "user_id": WHO["user"],
                "ip_override": WHO["address"],
            },
        ),
        event("signup_clicked", TOLD["signup"]),
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
        event("view_item", bought(TOLD["product"])),
        event("add_to_cart", bought(TOLD["product"])),
        event("view_cart", bought(TOLD["cart"])),
        event("begin_checkout", bought(TOLD["checkout"])),
        event("purchase", bought(ORDER) | paid | {"value": ORDER["total"]}),
        event("refund", bought(TOLD["refund"]) | {"transaction_id": WHO["order"]}),
    ]
)
send_all()
