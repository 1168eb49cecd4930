"""The share of orders from browsers that reported nothing to Millpond."""

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import Final

from reports.reconcile.stored_orders import StoredOrder

# The quantile of the normal distribution for a 95 % interval.
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class UnseenOrders:
    """The number of *checked* orders from a browser that reported nothing.

    *unchecked* is the number of orders for which this is unknown.
    """

    unseen: int
    checked: int
    unchecked: int

    @property
    def share(self) -> float | None:
        """The share of unseen orders; None if no order could be checked."""
        return self.unseen / self.checked if self.checked else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the share, which is valid for small numbers."""
        if not self.checked:
            return None
        share, count = self.unseen / self.checked, self.checked
        center = share + _Z**2 / (2 * count)
        margin = _Z * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
        divisor = 1 + _Z**2 / count
        low, high = (center - margin) / divisor, (center + margin) / divisor
        return max(low, 0.0), min(high, 1.0)


class UnseenCounter:
    """Counts the unseen orders among the orders of the shop."""

    def __init__(self) -> None:
        self._has_browser_orders = False
        # Keys: whether a report names the visitor, whether the browser left a trace.
        self._counts: Counter[tuple[bool, bool]] = Counter()

    def add(self, stored: StoredOrder | None) -> None:
        """Add an order of the shop; *stored* is the same order here, or None."""
        has_visitor, has_trace = False, False
        if stored:
            has_visitor = stored.has_visitor
            has_trace = stored.has_browser_report or stored.has_session
            self._has_browser_orders |= stored.has_browser_report
        self._counts[has_visitor, has_trace] += 1

    def result(self) -> UnseenOrders:
        """Return the counts.

        If the server names the visitor of an order, the order can be checked against
        the sessions. For any other order, the report of the browser is the only trace.
        A missing report means something only if browsers report orders at all.
        """
        checked = unseen = 0
        for (has_visitor, has_trace), count in self._counts.items():
            if has_visitor or self._has_browser_orders:
                checked += count
                unseen += count * (not has_trace)
        return UnseenOrders(unseen, checked, self._counts.total() - checked)
