"""The comparison with the shop's list as a table, JSON or CSV."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from reports.export import json_text, rows_csv
from reports.formatting import money_text, printable
from reports.reconcile.compare import (
    EQUAL,
    ListReading,
    OrderComparison,
    OrderStatus,
    Reconciled,
)
from reports.reconcile.unseen import UnseenOrders
from reports.terminal.overview import days_text
from reports.terminal.text import BOLD, TableCells, Terminal, print_cells

_MOST_ROWS: Final = 50
_MEANING: Final = {
    OrderStatus.MATCHED: "same in the shop and here",
    OrderStatus.REFUNDED: "same, but refunded here",
    OrderStatus.DIFFERENT: "amount or currency differs",
    OrderStatus.VOID: "cancelled, failed or test",
    OrderStatus.VOID_COUNTED: "void, but counted here",
    OrderStatus.MISSING: "in the shop, but not here",
    OrderStatus.EXTRA: "here, but not in the shop",
}

_LIST: Final = {"general": "a general list"}
_SHARE: Final = (
    "{:,} orders could be checked: {:,} of them ({:.1%}) came from a browser that"
    " reported nothing to Millpond (95% confidence interval: {:.1%} to {:.1%})"
)
_HINT: Final = (
    "for visitors in general this share is only a hint: not every visitor buys, and an"
    " order by telephone has no browser"
)
_UNKNOWN: Final = (
    "the share of browsers that report nothing is unknown: no browser reports orders,"
    " and the shop's server does not name visitors"
)


def print_reconciled(terminal: Terminal, reconciled: Reconciled) -> None:
    """Print counts, sums and the orders that differ."""
    period, site = reconciled.period, reconciled.site
    days = days_text(period, terminal) if period else "all days"
    terminal.line((site.id, BOLD), f"  {days}  {site.timezone}")
    terminal.line()
    _print_counts(terminal, reconciled)
    differing = [
        comparison
        for comparison in reconciled.comparisons
        if comparison.status not in EQUAL
    ]
    if differing:
        terminal.line()
        _print_differing(terminal, differing, reconciled)
    terminal.line()
    for note in _notes(reconciled):
        terminal.note(note)


def reconciled_json(reconciled: Reconciled, warnings: Sequence[str] = ()) -> str:
    """Return the comparison as JSON, with every order that is not ``matched``."""
    meta = _meta(reconciled)
    if warnings:
        meta["warnings"] = list(warnings)
    return json_text({"results": _rows(reconciled), "meta": meta})


def reconciled_csv(reconciled: Reconciled) -> str:
    """Return every order that is not ``matched`` as CSV."""
    return rows_csv(_rows(reconciled), _HEAD)


def _rows(reconciled: Reconciled) -> list[dict[str, str | int | None]]:
    site = reconciled.site
    return [comparison.values(site) for comparison in reconciled.comparisons]


def _meta(reconciled: Reconciled) -> dict[str, object]:
    period = reconciled.period
    return {
        "site": reconciled.site.id,
        "date_range": [period.first.isoformat(), period.last.isoformat()]
        if period
        else None,
        "currency": reconciled.site.currency,
        "orders": _by_status(reconciled.counts),
        "shop_minor": _by_status(reconciled.shop_minor),
        "our_minor": _by_status(reconciled.our_minor),
        "refunded_minor": reconciled.refunded_minor,
        "other_currencies": reconciled.foreign,
        "outside": reconciled.outside,
        "equal": reconciled.is_equal,
        "list": _reading_json(reconciled.reading),
        "unseen": _unseen_json(reconciled.unseen),
    }


def _by_status(counts: Counter[OrderStatus]) -> dict[str, int]:
    return {status.value: counts[status] for status in OrderStatus}


def _reading_json(reading: ListReading | None) -> dict[str, object] | None:
    return None if reading is None else asdict(reading)


def _unseen_json(unseen: UnseenOrders) -> dict[str, object]:
    low, high = unseen.interval or (None, None)
    return {
        "orders": unseen.unseen,
        "checked": unseen.checked,
        "unchecked": unseen.unchecked,
        "share": _rounded(unseen.share),
        "from": _rounded(low),
        "to": _rounded(high),
    }


_HEAD: Final = (
    *("status", "order", "day", "at", "shop_minor", "shop_currency"),
    *("shop_state", "shop_refunded_minor"),
    *("our_minor", "our_currency", "refunded_minor"),
)


def _print_counts(terminal: Terminal, reconciled: Reconciled) -> None:
    currency = reconciled.site.currency
    rows = [
        (
            [status.value, _MEANING[status]],
            [
                f"{reconciled.counts[status]:,}",
                money_text(reconciled.shop_minor[status], currency),
                money_text(reconciled.our_minor[status], currency),
            ],
        )
        for status in OrderStatus
    ]
    heads = ["orders", f"shop {currency}", f"here {currency}"]
    print_cells(terminal, TableCells(["", ""], heads, rows))


def _print_differing(
    terminal: Terminal, comparisons: list[OrderComparison], reconciled: Reconciled
) -> None:
    rows = [
        (_labels(terminal, comparison, reconciled), _amounts(comparison))
        for comparison in comparisons
    ]
    labels = ["", "order", "day"]
    print_cells(terminal, TableCells(labels, ["shop", "here"], rows[:_MOST_ROWS]))
    more = len(rows) - _MOST_ROWS
    if more > 0:
        terminal.note(f"and {more:,} more; use --format csv to get all of them")


def _labels(
    terminal: Terminal, comparison: OrderComparison, reconciled: Reconciled
) -> list[str]:
    status, shop = comparison.status, comparison.shop
    values = comparison.values(reconciled.site)
    order_id = terminal.safe(printable(shop.id)) if shop else ""
    # A stored order has no readable id, so its time identifies it.
    day = values["at"] if status is OrderStatus.EXTRA else values["day"]
    return [status.value, order_id, str(day or "")]


def _amounts(comparison: OrderComparison) -> list[str]:
    return [
        "" if order is None else _amount(order.minor, order.currency)
        for order in (comparison.shop, comparison.stored)
    ]


def _amount(minor: int | None, currency: str) -> str:
    return "?" if minor is None else f"{money_text(minor, currency)} {currency}"


def _notes(reconciled: Reconciled) -> list[str]:
    currency = reconciled.site.currency
    notes = []
    if reconciled.reading:
        notes.append(_reading_note(reconciled.reading))
    if reconciled.refunded_minor:
        refunded = money_text(reconciled.refunded_minor, currency)
        notes.append(f"refunded here, on any day: {refunded} {currency}")
    if reconciled.foreign:
        notes.append(
            f"orders in other currencies, not in the sums: {reconciled.foreign:,}"
        )
    if reconciled.outside:
        notes.append(f"orders on other days, not compared: {reconciled.outside:,}")
    return [*notes, *_unseen_notes(reconciled.unseen)]


def _reading_note(reading: ListReading) -> str:
    parts = [
        f"read as {_LIST.get(reading.format, reading.format)}",
        f"ids from the column {printable(reading.id_column)}",
    ]
    if reading.decimal:
        parts.append(f"decimal {reading.decimal}")
    if reading.dates:
        parts.append(f"dates {reading.dates}")
    return "the list: " + ", ".join(parts)


def _unseen_notes(unseen: UnseenOrders) -> list[str]:
    if unseen.interval is None or unseen.share is None:
        return [_UNKNOWN]
    low, high = unseen.interval
    sentences = [
        _SHARE.format(unseen.checked, unseen.unseen, unseen.share, low, high),
        _HINT,
    ]
    if unseen.unchecked:
        sentences.append(f"{unseen.unchecked:,} orders could not be checked")
    return sentences


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
