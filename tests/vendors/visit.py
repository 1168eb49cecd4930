"""One visit to a shop for every client: a person, the pages and a purchase.

The visit contains every personal value that a client can send. The values are unique to
this visit, and no stored or returned byte may contain them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from tests.canaries import CANARIES

# The person; each value is a canary, from CANARIES or with a unique number.
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
    """Return the data for a driver, whose client sends to *host*.

    Pages are on *site*. Both are origins, and the host includes its prefix.
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
    """Return the landing page of a campaign, with personal values in its URL."""
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
    """Return the last page of the visit."""
    return f"{CHECKOUT_PATH}?{urlencode({'step': 1, 'token': person['token']})}"


def _signup(person: Mapping[str, str]) -> Values:
    """Return the properties of a custom event."""
    return {
        "plan": "pro",
        "seats": 3,
        "trial": True,
        "note": f"naïve café ☕ {person['email']} {person['phone']}",
        "password": person["token"],
        "place": person["place"],
    }


def _purchase(person: Mapping[str, str]) -> Values:
    """Return the steps of a purchase with the field names of Segment."""
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
