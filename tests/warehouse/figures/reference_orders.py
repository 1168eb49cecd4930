"""The reference for orders and refunds in plain Python; part of ``reference``."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]

FROM_FIRST = (
    *("hostname", "referrer", "source", "channel", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content", "click_id", "country", "region"),
    *("browser", "browser_major", "os", "device", "screen", "language"),
)
MERGED_COLUMNS = (
    *("value_minor", "tax_minor", "shipping_minor", "discount_minor"),
    *("coupon", "items"),
)


def is_among(event: Row, events: Iterable[Row]) -> bool:
    """Return whether *event* itself, not only an equal one, is in *events*."""
    return any(event is other for other in events)


def merged_orders(placed: list[Row], events_in_sessions: list[Row]) -> list[Row]:
    """Return each order once: with the place of one report, and the merged figures.

    *placed* is in order.
    """
    reports: dict[Any, list[Row]] = defaultdict(list)
    for number, event in enumerate(placed):
        key = event["order_key"]
        reports[event["site"], key, number if key is None else None].append(event)
    return [_merged(group, events_in_sessions) for group in reports.values()]


def _merged(reports: list[Row], events_in_sessions: list[Row]) -> Row:
    def rank(event: Row) -> tuple[bool, bool]:
        is_outside = not is_among(event, events_in_sessions)
        return (is_outside, is_outside and event["server"])

    place = min(reports, key=rank)
    by_priority = sorted(
        reports,
        key=lambda e: (
            e["value_minor"] is None,
            e["amount_from_items"],
            not e["server"],
        ),
    )
    currency = by_priority[0]["currency"]
    figures = {
        name: next(
            (
                event[name]
                for event in by_priority
                if event["currency"] == currency and event[name] is not None
            ),
            None,
        )
        for name in MERGED_COLUMNS
    }
    return {**place, **figures, "currency": currency, "place": place}


def resolved_refunds(refunded: list[Row], orders: list[Row]) -> list[Row]:
    """Return each refund with its amount, and the place of its order."""
    resolved = []
    remaining_minor = {id(order): order["value_minor"] for order in orders}
    for event in refunded:
        amount = event["refund_minor"]
        order = next((other for other in orders if _is_refund_of(event, other)), None)
        if order is None:
            resolved.append({**event, "refund_minor": amount or 0, "place": event})
            continue
        currency = order["currency"] if amount is None else event["currency"]
        value, items = order["value_minor"], event["items"]
        if value is not None and currency == order["currency"]:
            amount = min(
                value if amount is None else amount, remaining_minor[id(order)]
            )
            remaining_minor[id(order)] -= amount
            if amount == value and not items:
                items = order["items"]
        place = {name: order[name] for name in FROM_FIRST}
        refunded_fields = {
            "refund_minor": amount or 0,
            "currency": currency,
            "items": items,
        }
        resolved.append({**event, **place, **refunded_fields, "place": order["place"]})
    return resolved


def _is_refund_of(refund: Row, order: Row) -> bool:
    key = refund["order_key"]
    return key is not None and (refund["site"], key) == (
        order["site"],
        order["order_key"],
    )
