"""The outcome of a comparison with the shop's list: table, JSON or CSV."""

from collections.abc import Sequence
from typing import Final

from reports.export import json_text, rows_csv
from reports.formatting import money_text, printable
from reports.reconcile.compare import (
    EQUAL,
    OrderComparison,
    OrderStatus,
    Reconciled,
    UnseenOrders,
)
from reports.terminal.overview import days_text
from reports.terminal.text import BOLD, TableCells, Terminal, print_cells

_MOST_LINES: Final = 50
_MEANING: Final = {
    OrderStatus.MATCHED: "the same on both sides",
    OrderStatus.REFUNDED: "the same, and refunded here",
    OrderStatus.DIFFERENT: "another amount or currency here",
    OrderStatus.MISSING: "in the shop, not here",
    OrderStatus.EXTRA: "here, not in the shop",
}

_SHARE: Final = (
    "of {:,} orders that could be checked, {:,} ({:.1%}) came from a browser that"
    " reported nothing; the true share lies between {:.1%} and {:.1%} (95% interval)"
)
_HINT: Final = (
    "buyers are not all visitors, and an order taken by telephone has no browser: for"
    " visits at large this is a hint, no count"
)
_UNTOLD: Final = (
    "how many browsers report nothing cannot be told: no browser reports orders, and"
    " the shop's server names no visitor"
)


def print_reconciled(terminal: Terminal, found: Reconciled) -> None:
    """Print counts, sums and the orders that differ."""
    days = days_text(found.period, terminal) if found.period else "all days"
    terminal.line((found.site.id, BOLD), f"  {days}  {found.site.timezone}")
    terminal.line()
    _print_counts(terminal, found)
    shown = [line for line in found.lines if line.status not in EQUAL]
    if shown:
        terminal.line()
        _print_lines(terminal, shown, found)
    terminal.line()
    for note in _notes(found):
        terminal.note(note)


def reconciled_json(found: Reconciled, warnings: Sequence[str] = ()) -> str:
    """Return the outcome as JSON, every line that is not simply matched in it."""
    low, high = found.unseen.interval or (None, None)
    return json_text(
        {
            "results": [line.values(found.site) for line in found.lines],
            "meta": {
                "site": found.site.id,
                "date_range": [
                    found.period.first.isoformat(),
                    found.period.last.isoformat(),
                ]
                if found.period
                else None,
                "currency": found.site.currency,
                "orders": {each.value: found.counts[each] for each in OrderStatus},
                "shop_minor": {
                    each.value: found.shop_minor[each] for each in OrderStatus
                },
                "our_minor": {
                    each.value: found.our_minor[each] for each in OrderStatus
                },
                "refunded_minor": found.refunded_minor,
                "other_currencies": found.foreign,
                "outside": found.outside,
                "equal": found.is_equal,
                "unseen": {
                    "orders": found.unseen.unseen,
                    "checked": found.unseen.checked,
                    "unchecked": found.unseen.unchecked,
                    "share": _rounded(found.unseen.share),
                    "from": _rounded(low),
                    "to": _rounded(high),
                },
                **({"warnings": list(warnings)} if warnings else {}),
            },
        }
    )


def reconciled_csv(found: Reconciled) -> str:
    """Return the lines that are not simply matched as CSV."""
    return rows_csv([line.values(found.site) for line in found.lines], _HEAD)


_HEAD: Final = (
    *("status", "order", "day", "at", "shop_minor", "shop_currency"),
    *("our_minor", "our_currency", "refunded_minor"),
)


def _print_counts(terminal: Terminal, found: Reconciled) -> None:
    currency = found.site.currency
    rows = [
        (
            [status.value, _MEANING[status]],
            [
                f"{found.counts[status]:,}",
                money_text(found.shop_minor[status], currency),
                money_text(found.our_minor[status], currency),
            ],
        )
        for status in OrderStatus
    ]
    heads = ["orders", f"shop {currency}", f"here {currency}"]
    print_cells(terminal, TableCells(["", ""], heads, rows))


def _print_lines(
    terminal: Terminal, lines: list[OrderComparison], found: Reconciled
) -> None:
    rows = [(_labels(terminal, line, found), _amounts(line)) for line in lines]
    labels = ["", "order", "day"]
    print_cells(terminal, TableCells(labels, ["shop", "here"], rows[:_MOST_LINES]))
    more = len(rows) - _MOST_LINES
    if more > 0:
        terminal.note(f"and {more:,} more; --format csv has them all")


def _labels(terminal: Terminal, line: OrderComparison, found: Reconciled) -> list[str]:
    values = line.values(found.site)
    order = terminal.safe(printable(line.theirs.id)) if line.theirs else ""
    # An order of ours has no id to name, so its time must do.
    day = values["at"] if line.status is OrderStatus.EXTRA else values["day"]
    return [line.status.value, order, str(day or "")]


def _amounts(line: OrderComparison) -> list[str]:
    return [
        "" if order is None else _amount(order.minor, order.currency)
        for order in (line.theirs, line.ours)
    ]


def _amount(minor: int | None, currency: str) -> str:
    return "?" if minor is None else f"{money_text(minor, currency)} {currency}"


def _notes(found: Reconciled) -> list[str]:
    notes = []
    if found.refunded_minor:
        back = money_text(found.refunded_minor, found.site.currency)
        notes.append(f"refunded here: {back} {found.site.currency}")
    if found.foreign:
        notes.append(f"in other currencies, and so in no sum: {found.foreign:,}")
    if found.outside:
        notes.append(f"of other days, and so left out: {found.outside:,}")
    return [*notes, *_unseen_text(found.unseen)]


def _unseen_text(unseen: UnseenOrders) -> list[str]:
    if unseen.interval is None or unseen.share is None:
        return [_UNTOLD]
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
