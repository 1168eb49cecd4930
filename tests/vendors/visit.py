"""One visit to a shop, told to every client alike: who, which pages, what was bought.

Whatever a client offers to say about a person is said, with values that only this visit
has: they may be found nowhere afterwards.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from tests.canaries import CANARIES

# The person; each value is a canary, made of CANARIES or told apart by its number.
PERSON: Mapping[str, str] = MappingProxyType(
    {
        "user": CANARIES["customer id"],
        "anonymous": "anonymous-canary-7731",
        "device": "device-canary-7731",
        "session": "session-canary-7731",
        "group": "group-canary-7731",
        "email": CANARIES["e-mail"],
        "name": CANARIES["name"],
        "phone": CANARIES["telephone"],
        "address": CANARIES["address"],
        "agent": CANARIES["User-Agent"],
        "place": CANARIES["place"],
        "token": CANARIES["token"],
        "query": CANARIES["query value"],
        "fragment": CANARIES["fragment"],
        "referrer": CANARIES["referrer's path"],
        "cookie": CANARIES["cookie"],
        "order": CANARIES["order id"],
        "cart": CANARIES["cart id"],
    }
)
PRODUCT_PATH = "/products/blue-mug"
CHECKOUT_PATH = "/checkout"

Values = dict[str, Any]


def visit(
    *, host: str, key: str, site: str, referrer: str, options: Values, person: Values
) -> Values:
    """Return what a driver is told; *host* is where its client shall send to.

    Pages are on *site*; both are origins, the host with its prefix.
    """
    return {
        "host": host,
        "key": key,
        "options": options,
        "person": person,
        "page": {
            "url": f"{site}{product_page(person)}",
            "path": PRODUCT_PATH,
            "title": "Blue Mug",
            "referrer": f"{referrer}/{person['referrer']}?id={person['query']}",
        },
        "signup": _signup(person),
        **_purchase(person),
    }


def product_page(person: Mapping[str, str]) -> str:
    """Return the page a campaign leads to, with what no address should carry."""
    query = {
        "utm_source": "newsletter",
        "utm_medium": "email",
        "utm_campaign": "spring",
        "email": person["email"],
        "token": person["token"],
        "session": person["query"],
        "gclid": person["device"],
    }
    return f"{PRODUCT_PATH}?{urlencode(query)}#{person['fragment']}"


def checkout_page(person: Mapping[str, str]) -> str:
    """Return the page the visit ends on."""
    return f"{CHECKOUT_PATH}?{urlencode({'step': 1, 'token': person['token']})}"


def _signup(person: Mapping[str, str]) -> Values:
    """Return what goes with an event of the site's own."""
    return {
        "plan": "pro",
        "seats": 3,
        "trial": True,
        "note": f"naïve café ☕ {person['email']} {person['phone']}",
        "password": person["token"],
        "place": person["place"],
    }


def _purchase(person: Mapping[str, str]) -> Values:
    """Return the steps of a purchase, in the words of Segment's specification."""
    mug = {
        "product_id": "prod-1",
        "sku": "MUG-BLUE",
        "name": "Blue Mug",
        "category": "Kitchen",
        "price": 15.0,
        "quantity": 2,
    }
    tea = {
        "product_id": "prod-2",
        "sku": "TEA-GRN",
        "name": "Green Tea",
        "category": "Drinks",
        "price": 20.0,
        "quantity": 1,
    }
    cart = {"cart_id": person["cart"], "currency": "EUR", "products": [mug, tea]}
    order = {"order_id": person["order"], "currency": "EUR", "products": [mug, tea]}
    return {
        "product": {**mug, "quantity": 1, "currency": "EUR"},
        "cart": {**cart, "value": 50.0},
        "checkout": {**cart, "order_id": person["order"], "value": 50.0},
        "order": {
            **order,
            "checkout_id": person["cart"],
            "total": 59.9,
            "revenue": 50.0,
            "tax": 5.0,
            "shipping": 4.9,
            "coupon": "SPRING",
            "email": person["email"],
        },
        "refund": {**order, "total": 15.0, "products": [{**mug, "quantity": 1}]},
    }
