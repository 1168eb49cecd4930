"""Compares the shop's own orders with the stored orders.

The ids of the shop are hashed in memory, as the proxy hashed them; they are not stored.
The rows of the shop are read one at a time. Only keys, the stored orders and the
orders that differ are held in memory.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from config.settings import SiteSettings
from reports.period import Period
from reports.reconcile.stored_orders import StoredOrder
from reports.reconcile.unseen import UnseenCounter, UnseenOrders
from warehouse.shop_list.shop_file import ShopOrder
from warehouse.shop_list.shop_states import ShopState


class OrderStatus(StrEnum):
    """The result of comparing an order of the shop with a stored order."""

    MATCHED = "matched"
    REFUNDED = "refunded"
    DIFFERENT = "different"
    VOID = "void"
    VOID_COUNTED = "void_counted"
    MISSING = "missing"
    EXTRA = "extra"


EQUAL: Final = frozenset({OrderStatus.MATCHED, OrderStatus.REFUNDED, OrderStatus.VOID})


@dataclass(frozen=True, slots=True)
class OrderComparison:
    """One compared order, with its side in the shop and its side here."""

    status: OrderStatus
    shop: ShopOrder | None
    stored: StoredOrder | None

    def values(self, site: SiteSettings) -> dict[str, str | int | None]:
        """Return the comparison as named values; the id comes from the shop's list."""
        shop, stored = self.shop, self.stored
        day = shop.day if shop else None
        if stored and not shop:
            day = stored.day
        return {
            "status": self.status.value,
            "order": shop.id if shop else None,
            "day": day.isoformat() if day else None,
            "at": _utc(stored.at) if stored else None,
            "shop_minor": shop.minor if shop else None,
            "shop_currency": shop.currency if shop else None,
            "shop_state": shop.state.value if shop else None,
            "shop_refunded_minor": shop.refunded_minor if shop else None,
            "our_minor": stored.minor if stored else None,
            "our_currency": (stored.currency or site.currency) if stored else None,
            "refunded_minor": stored.refunded_minor if stored else None,
        }


@dataclass(frozen=True, slots=True)
class ListReading:
    """How the list was read: its format, the name of the id column, and the forms."""

    format: str
    id_column: str
    decimal: str | None
    dates: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The result: counts and sums by status, the orders that differ, the unseen.

    ``shop_minor`` and ``our_minor`` are sums in the currency of the site. ``foreign``
    is the number of orders in other currencies. ``outside`` is the number of the
    shop's orders from days outside the period. ``comparisons`` has every order that is
    not ``matched``. ``reading`` says how the shop's list was read.
    """

    site: SiteSettings
    period: Period | None
    counts: Counter[OrderStatus] = field(default_factory=Counter)
    shop_minor: Counter[OrderStatus] = field(default_factory=Counter)
    our_minor: Counter[OrderStatus] = field(default_factory=Counter)
    refunded_minor: int
    foreign: int
    comparisons: tuple[OrderComparison, ...]
    outside: int
    unseen: UnseenOrders
    reading: ListReading | None = None

    @property
    def is_equal(self) -> bool:
        """Whether every order is on both sides, with the same amount."""
        return not any(
            self.counts[status] for status in OrderStatus if status not in EQUAL
        )


def compare_orders(
    shop_orders: Iterable[ShopOrder],
    stored_orders: Iterable[StoredOrder],
    key_of: Callable[[str], int],
    site: SiteSettings,
    period: Period | None,
) -> Reconciled:
    """Compare all orders; without *period*, use the days of the shop's list."""
    comparer = _Comparer(stored_orders, key_of, site, period)
    comparisons = [*comparer.compare(shop_orders), *comparer.extra_orders()]
    return comparer.result(comparisons)


class _Comparer:
    """The state of one comparison."""

    def __init__(
        self,
        stored_orders: Iterable[StoredOrder],
        key_of: Callable[[str], int],
        site: SiteSettings,
        period: Period | None,
    ) -> None:
        self._stored = list(stored_orders)
        self._by_key = {
            order.key: order for order in self._stored if order.key is not None
        }
        self._key_of = key_of
        self._period = period
        # The first and last day of the shop's list.
        self._list_days: tuple[date, date] | None = None
        self._shop_keys: set[int] = set()
        self._outside = 0
        self._totals = _Totals(site)

    def compare(self, shop_orders: Iterable[ShopOrder]) -> Iterator[OrderComparison]:
        """Yield a comparison for each order of the shop that is not ``matched``."""
        for order in shop_orders:
            key = self._key_of(order.id)
            self._shop_keys.add(key)
            if not self._is_in_period(order.day):
                self._outside += 1
                continue
            stored = self._by_key.get(key)
            comparison = OrderComparison(_status(order, stored), order, stored)
            self._totals.add(comparison)
            if comparison.status is not OrderStatus.MATCHED:
                yield comparison

    def extra_orders(self) -> Iterator[OrderComparison]:
        """Yield a comparison for each stored order that the shop does not list."""
        period = self._compared_period()
        for order in self._stored:
            if order.key in self._shop_keys or (period and order.day not in period):
                continue
            comparison = OrderComparison(OrderStatus.EXTRA, None, order)
            self._totals.add(comparison)
            yield comparison

    def _is_in_period(self, day: date | None) -> bool:
        """Return whether *day* is in the period, or add it to the days of the list."""
        if day is None:
            return True
        if self._period:
            return day in self._period
        first, last = self._list_days or (day, day)
        self._list_days = (min(first, day), max(last, day))
        return True

    def _compared_period(self) -> Period | None:
        return self._period or (Period(*self._list_days) if self._list_days else None)

    def result(self, comparisons: Iterable[OrderComparison]) -> Reconciled:
        """Return all counts and sums."""
        totals = self._totals
        return Reconciled(
            site=totals.site,
            period=self._compared_period(),
            counts=totals.counts,
            shop_minor=totals.shop_minor,
            our_minor=totals.our_minor,
            refunded_minor=totals.refunded_minor,
            foreign=totals.foreign,
            comparisons=tuple(comparisons),
            outside=self._outside,
            unseen=totals.unseen.result(),
        )


class _Totals:
    """Counts and sums of all comparisons."""

    def __init__(self, site: SiteSettings) -> None:
        self.site = site
        self.counts: Counter[OrderStatus] = Counter()
        self.shop_minor: Counter[OrderStatus] = Counter()
        self.our_minor: Counter[OrderStatus] = Counter()
        self.refunded_minor = 0
        self.foreign = 0
        self.unseen = UnseenCounter()

    def add(self, comparison: OrderComparison) -> None:
        shop, stored = comparison.shop, comparison.stored
        currency = self.site.currency
        self.counts[comparison.status] += 1
        if shop and shop.currency == currency:
            self.shop_minor[comparison.status] += shop.minor
        if stored and stored.currency == currency:
            self.our_minor[comparison.status] += stored.minor or 0
        if stored:
            self.refunded_minor += stored.refunded_own_minor
        self.foreign += any(
            order and order.currency != currency for order in (shop, stored)
        )
        if shop and comparison.status is not OrderStatus.VOID:
            self.unseen.add(stored)


def _status(shop: ShopOrder, stored: StoredOrder | None) -> OrderStatus:
    is_void = shop.state.is_void
    if stored is None:
        return OrderStatus.VOID if is_void else OrderStatus.MISSING
    left = None if stored.minor is None else stored.minor - stored.refunded_minor
    if is_void:
        return OrderStatus.VOID_COUNTED if left else OrderStatus.VOID
    amounts = {stored.minor}
    if stored.refunds:
        # A shop lists a refunded order with its first total or with the rest.
        amounts.add(left)
    if shop.currency != stored.currency or shop.minor not in amounts:
        return OrderStatus.DIFFERENT
    if not _has_same_refunds(shop, stored):
        return OrderStatus.DIFFERENT
    return OrderStatus.REFUNDED if stored.refunds else OrderStatus.MATCHED


def _has_same_refunds(shop: ShopOrder, stored: StoredOrder) -> bool:
    """Return whether both sides refunded the same; a list may not say how much."""
    if shop.refunded_minor is not None:
        return shop.refunded_minor == stored.refunded_minor
    if shop.state is ShopState.REFUNDED:
        return stored.refunded_minor == stored.minor
    return shop.state is not ShopState.PARTLY_REFUNDED or stored.refunded_minor > 0


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
