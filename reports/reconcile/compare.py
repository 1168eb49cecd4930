"""The shop's own orders beside those counted here: which agree, and which do not.

The shop's ids are hashed as the proxy hashed them, in memory; they are stored nowhere.
Rows of the shop stream past; only keys, our orders and what differs are held.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from math import sqrt
from typing import Final

from config.settings import SiteSettings
from reports.period import Period
from reports.reconcile.shop_file import ShopOrder
from reports.reconcile.stored_orders import StoredOrder

# Of the normal distribution, for an interval that holds in 95 of 100 cases.
_Z: Final = 1.959964


class OrderStatus(StrEnum):
    """How an order of the shop and one of ours stand to each other."""

    MATCHED = "matched"
    REFUNDED = "refunded"
    DIFFERENT = "different"
    MISSING = "missing"
    EXTRA = "extra"


EQUAL: Final = frozenset({OrderStatus.MATCHED, OrderStatus.REFUNDED})


@dataclass(frozen=True, slots=True)
class OrderComparison:
    """One order that is not simply the same on both sides."""

    status: OrderStatus
    theirs: ShopOrder | None
    ours: StoredOrder | None

    def values(self, site: SiteSettings) -> dict[str, str | int | None]:
        """Return the line as named values; an id only where the shop gave it."""
        theirs, ours = self.theirs, self.ours
        day = theirs.day if theirs else None
        if ours and not theirs:
            day = ours.day
        return {
            "status": self.status.value,
            "order": theirs.id if theirs else None,
            "day": day.isoformat() if day else None,
            "at": _utc(ours.at) if ours else None,
            "shop_minor": theirs.minor if theirs else None,
            "shop_currency": theirs.currency if theirs else None,
            "our_minor": ours.minor if ours else None,
            "our_currency": (ours.currency or site.currency) if ours else None,
            "refunded_minor": ours.refunded_minor if ours else None,
        }


@dataclass(frozen=True, slots=True)
class UnseenOrders:
    """Of the *checked* orders, how many came from a browser that reported nothing."""

    unseen: int
    checked: int
    unchecked: int

    @property
    def share(self) -> float | None:
        """The share of the unseen; None where nothing could be checked."""
        return self.unseen / self.checked if self.checked else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the share after Wilson, sound for small numbers too."""
        if not self.checked:
            return None
        share, count = self.unseen / self.checked, self.checked
        middle = share + _Z**2 / (2 * count)
        reach = _Z * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
        under = 1 + _Z**2 / count
        return max((middle - reach) / under, 0.0), min((middle + reach) / under, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The outcome: counts and sums by status, the lines that differ, the unseen.

    ``shop_minor`` and ``our_minor`` sum what is in the site's currency. ``outside``
    counts rows of the shop from days that were not asked for.
    """

    site: SiteSettings
    period: Period | None
    counts: Counter[OrderStatus] = field(default_factory=Counter)
    shop_minor: Counter[OrderStatus] = field(default_factory=Counter)
    our_minor: Counter[OrderStatus] = field(default_factory=Counter)
    refunded_minor: int
    foreign: int
    lines: tuple[OrderComparison, ...]
    outside: int
    unseen: UnseenOrders

    @property
    def is_equal(self) -> bool:
        """Whether every order is on both sides, with the same amount."""
        return not any(self.counts[each] for each in OrderStatus if each not in EQUAL)


def compare_orders(
    theirs: Iterable[ShopOrder],
    ours: Iterable[StoredOrder],
    key_of: Callable[[str], int],
    site: SiteSettings,
    period: Period | None,
) -> Reconciled:
    """Compare order by order; without *period* the days of the shop's list count."""
    run = _Comparison(ours, key_of, site, period)
    return run.result([*run.shop(theirs), *run.extra()])


class _Comparison:
    """One comparison, while the shop's rows pass."""

    def __init__(
        self,
        ours: Iterable[StoredOrder],
        key_of: Callable[[str], int],
        site: SiteSettings,
        period: Period | None,
    ) -> None:
        self._ours = list(ours)
        self._by_key = {each.key: each for each in self._ours if each.key is not None}
        self._key_of = key_of
        self._period = period
        self._days: tuple[date, date] | None = None
        self._known: set[int] = set()
        self._outside = 0
        self._tally = _Totals(site)

    def shop(self, theirs: Iterable[ShopOrder]) -> Iterator[OrderComparison]:
        """Yield a line for each order of the shop that is not simply matched."""
        for order in theirs:
            key = self._key_of(order.id)
            self._known.add(key)
            if not self._is_asked(order.day):
                self._outside += 1
                continue
            found = self._by_key.get(key)
            line = OrderComparison(_status(order, found), order, found)
            self._tally.add(line)
            if line.status is not OrderStatus.MATCHED:
                yield line

    def extra(self) -> Iterator[OrderComparison]:
        """Yield a line for each of our orders that the shop does not list."""
        days = self._asked()
        for order in self._ours:
            if order.key in self._known or (days and order.day not in days):
                continue
            line = OrderComparison(OrderStatus.EXTRA, None, order)
            self._tally.add(line)
            yield line

    def _is_asked(self, day: date | None) -> bool:
        if day is None:
            return True
        if self._period:
            return day in self._period
        first, last = self._days or (day, day)
        self._days = (min(first, day), max(last, day))
        return True

    def _asked(self) -> Period | None:
        return self._period or (Period(*self._days) if self._days else None)

    def result(self, lines: Iterable[OrderComparison]) -> Reconciled:
        """Return everything counted and summed."""
        tally = self._tally
        return Reconciled(
            site=tally.site,
            period=self._asked(),
            counts=tally.counts,
            shop_minor=tally.shop_minor,
            our_minor=tally.our_minor,
            refunded_minor=tally.refunded_minor,
            foreign=tally.foreign,
            lines=tuple(lines),
            outside=self._outside,
            unseen=tally.unseen(),
        )


class _Totals:
    """Counts and sums of the lines added to it."""

    def __init__(self, site: SiteSettings) -> None:
        self.site = site
        self.counts: Counter[OrderStatus] = Counter()
        self.shop_minor: Counter[OrderStatus] = Counter()
        self.our_minor: Counter[OrderStatus] = Counter()
        self.refunded_minor = 0
        self.foreign = 0
        self._has_browser_orders = False
        # By whether a session could be looked up, and whether a browser left a trace.
        self._traces: Counter[tuple[bool, bool]] = Counter()

    def add(self, line: OrderComparison) -> None:
        theirs, ours, currency = line.theirs, line.ours, self.site.currency
        self.counts[line.status] += 1
        if theirs and theirs.currency == currency:
            self.shop_minor[line.status] += theirs.minor
        if ours and ours.currency == currency:
            self.our_minor[line.status] += ours.minor or 0
            self.refunded_minor += ours.refunded_minor
        self.foreign += any(o and o.currency != currency for o in (theirs, ours))
        if theirs:
            self._add_trace(ours)

    def _add_trace(self, ours: StoredOrder | None) -> None:
        named, trace = False, False
        if ours:
            named, trace = ours.named, ours.browser or ours.seen
            self._has_browser_orders |= ours.browser
        self._traces[named, trace] += 1

    def unseen(self) -> UnseenOrders:
        """Return what the shop's orders say of browsers that report nothing.

        An order whose visitor the server named can be looked up among the sessions.
        For any other a browser's own report is the only trace, so it says something
        only where browsers report orders at all.
        """
        checked = unseen = 0
        for (named, trace), count in self._traces.items():
            if named or self._has_browser_orders:
                checked += count
                unseen += count * (not trace)
        return UnseenOrders(unseen, checked, self._traces.total() - checked)


def _status(theirs: ShopOrder, ours: StoredOrder | None) -> OrderStatus:
    if ours is None:
        return OrderStatus.MISSING
    amounts = {ours.minor}
    if ours.refunds and ours.minor is not None:
        # Shops list a refunded order with its first total, or with what is left.
        amounts.add(ours.minor - ours.refunded_minor)
    if theirs.currency != ours.currency or theirs.minor not in amounts:
        return OrderStatus.DIFFERENT
    return OrderStatus.REFUNDED if ours.refunds else OrderStatus.MATCHED


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
