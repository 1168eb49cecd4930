"""The summary at the end of an import of orders."""

from collections.abc import Mapping
from decimal import Decimal

from proxy.history.orders.filing import Keep
from proxy.history.orders.tally import OrderTally, Unfiled
from warehouse.money import minor_digits


def orders_summary(
    tally: OrderTally,
    readings: list[tuple[str, str]],
    *,
    site_id: str,
    is_dry_run: bool,
) -> str:
    """Return the counts, sums and days, and the command that checks the result."""
    filed = "would be filed" if is_dry_run else "filed"
    rows = [
        (tally.read, "orders and refunds read"),
        (tally.filed, f"orders {filed}"),
        (tally.refunds, f"refunds {filed}"),
        (tally.stored_before, "stored before"),
        (tally.void, "void: cancelled, failed or test in the shop"),
        *((count, f"not filed: {why}") for why, count in _most_first(tally.unfiled)),
    ]
    lines = [f"{count:>12,}  {name}" for count, name in rows]
    lines += [_sum(filed, tally.filed_minor)] if tally.filed_minor else []
    refunded = tally.refunded_minor
    lines += [_sum(f"refunds {filed}", refunded)] if refunded else []
    for name, column in readings:
        lines.append(f"list read as {name}, ids from the column {column!a}")
    if tally.first is not None and tally.last is not None:
        days = f"{tally.first}..{tally.last}"
        lines.append(f"days {tally.first} to {tally.last}")
        if not is_dry_run:
            show = f"millpond reports show --site {site_id} --period {days}"
            lines.append(f"next: {show} --metrics orders,revenue,net_value")
    return "\n".join(lines)


def notes(tally: OrderTally, keep: Keep, keep_days: int) -> list[str]:
    """Return what to do about orders that were not filed."""
    found = []
    if Unfiled.TOO_OLD in tally.unfiled:
        found.append(
            f"note: orders before {keep.first} are not filed, because"
            f" warehouse.keep_events_days is {keep_days}; raise it to file them"
        )
    if tally.unfiled.keys() & {Unfiled.DIFFERENT, Unfiled.MORE_REFUNDED}:
        found.append("note: `millpond reports reconcile` names the orders that differ")
    if Unfiled.UNKNOWN_REFUND in tally.unfiled:
        found.append(
            "note: name the column of refunded amounts with --refunded-column, or"
            " import these refunds as native events"
        )
    return found


def _sum(name: str, sums: Mapping[str, int]) -> str:
    amounts = ", ".join(
        f"{Decimal(minor).scaleb(-(minor_digits(currency) or 0)):,f} {currency}"
        for currency, minor in sorted(sums.items())
    )
    return f"{name}: {amounts}"


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
