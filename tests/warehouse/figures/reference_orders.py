"""What an order and a refund are, again, in plain Python: reference, its other part."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]

FROM_FIRST = (
    *("hostname", "referrer", "source", "channel", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content", "click_id", "country", "region"),
    *("browser", "browser_major", "os", "device", "screen", "language"),
)
FIGURES = (
    *("value_minor", "tax_minor", "shipping_minor", "discount_minor"),
    *("coupon", "items"),
)


def is_among(event: Row, events: Iterable[Row]) -> bool:
    """Return whether *event* itself, not only one like it, is in *events*."""
    return any(event is other for other in events)


def merged_orders(placed: list[Row], inside: list[Row]) -> list[Row]:
    """Return each order once: where it belongs, with the figures that hold.

    *placed* are in order; *inside* are the events of sessions.
    """
    reports: dict[Any, list[Row]] = defaultdict(list)
    for number, event in enumerate(placed):
        key = event["order_key"]
        reports[event["site"], key, number if key is None else None].append(event)
    return [_merged(each, inside) for each in reports.values()]


def _merged(reports: list[Row], inside: list[Row]) -> Row:
    def loose(event: Row) -> tuple[bool, bool]:
        outside = not is_among(event, inside)
        return (outside, outside and event["server"])

    place = min(reports, key=loose)
    told = sorted(reports, key=lambda e: (e["value_minor"] is None, not e["server"]))
    currency = told[0]["currency"]
    figures = {
        name: next(
            (
                event[name]
                for event in told
                if event["currency"] == currency and event[name] is not None
            ),
            None,
        )
        for name in FIGURES
    }
    return {**place, **figures, "currency": currency, "place": place}


def resolved_refunds(refunded: list[Row], orders: list[Row]) -> list[Row]:
    """Return each refund with what it takes back, where its order belongs."""
    found = []
    left = {id(order): order["value_minor"] for order in orders}
    for event in refunded:
        amount = event["refund_minor"]
        order = next((each for each in orders if _is_of(event, each)), None)
        if order is None:
            found.append({**event, "refund_minor": amount or 0, "place": event})
            continue
        currency = order["currency"] if amount is None else event["currency"]
        value, items = order["value_minor"], event["items"]
        if value is not None and currency == order["currency"]:
            amount = min(value if amount is None else amount, left[id(order)])
            left[id(order)] -= amount
            if amount == value and not items:
                items = order["items"]
        place = {name: order[name] for name in FROM_FIRST}
        taken = {"refund_minor": amount or 0, "currency": currency, "items": items}
        found.append({**event, **place, **taken, "place": order["place"]})
    return found


def _is_of(refund: Row, order: Row) -> bool:
    key = refund["order_key"]
    return key is not None and (refund["site"], key) == (
        order["site"],
        order["order_key"],
    )
