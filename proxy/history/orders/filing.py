"""Decides what an import files of each order, so that the order counts once.

An order that the shop's server or an earlier import reported stays as it is. To an
order that only a browser reported, the list is the report of the server. Refunds are
filed up to what the list says, less what is stored. So a repeated import files nothing.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from proxy.history.orders.order_events import OrderEvents, listed_amount
from proxy.history.orders.stored import StoredOrder, StoredOrders
from proxy.history.orders.tally import OrderTally, Unfiled
from proxy.pipeline.drops import UNCOUNTED, Dropped
from proxy.pipeline.hit import Hit, Order
from proxy.pipeline.moment import Calendars, parse_time
from proxy.pipeline.site_keys import HashPurpose, KeyedHash
from proxy.pipeline.sites import Site
from warehouse.figures.order_rule import ORDER_PLACED, ORDER_REFUNDED
from warehouse.schema import Event, UtcSeconds
from warehouse.shop_list.shop_file import ShopOrder
from warehouse.shop_list.shop_states import ShopState

# The first day that reports can show.
_EARLIEST = date(1970, 1, 1)
_NOON = time(12)
_ONE_DAY = timedelta(days=1)


class Keep(NamedTuple):
    """The days for which orders can be filed: from *first* on, until *now_s*."""

    first: date
    now_s: float


class OrderFiler:
    """Files the orders of lists and the native events of one site."""

    def __init__(
        self,
        site: Site,
        events: OrderEvents,
        stored: StoredOrders,
        keep: Keep,
        put: Callable[[Event], None],
    ) -> None:
        self._site = site
        self._events = events
        self._stored = stored
        self._keep = keep
        self._put = put
        self._local_days = Calendars({site.id: site.zone}).local_days(site.id)
        self._key_of = KeyedHash(site.key, HashPurpose.ORDER)
        self.tally = OrderTally()

    def is_stored(self, order_id: str) -> bool:
        """Return whether an order with *order_id* is stored."""
        return self._key_of(order_id) in self._stored.orders

    def file_order(self, order: ShopOrder) -> None:
        """File one order of the shop's list, and what it refunded of it."""
        self.tally.read += 1
        order_id = self._known_id(order)
        stored = self._stored.orders.get(self._key_of(order_id))
        if order.state.is_void:
            self.tally.void += 1
        elif stored is None:
            stored = self._file_new(order, order_id)
        elif not stored.has_server:
            stored = self._file_placed(order, order_id, stored.at, stored.day)
        elif self._is_same(order, stored):
            self.tally.stored_before += 1
        else:
            self.tally.unfiled[Unfiled.DIFFERENT] += 1
            return
        if stored is not None:
            self._file_refund(order, order_id, stored)

    def file_event(self, hit: Hit) -> None:
        """File one native event, if it is an order or a refund."""
        self.tally.read += 1
        at = parse_time(hit.at)
        problem = self._hit_problem(hit, at)
        if at is None or problem is not None:
            self.tally.unfiled[problem or Unfiled.NO_DATE] += 1
            return
        event = self._events.native(hit, int(at))
        if isinstance(event, Dropped):
            self._count_drop(event)
        elif event.name not in (ORDER_PLACED, ORDER_REFUNDED):
            self.tally.unfiled[Unfiled.NO_ORDER] += 1
        elif event.order_key is None:
            self.tally.unfiled[Unfiled.NO_ID] += 1
        elif event.name == ORDER_PLACED:
            self._file_native_order(event)
        else:
            self._file_native_refund(event)

    def _known_id(self, order: ShopOrder) -> str:
        """Return the id by which *order* is stored, or else its id in the list.

        The same id with and without ``#`` is one id. The numbers of two columns may
        overlap, so by an id of another column only an order with the same amount of
        about the same day is the same one.
        """
        if self.is_stored(order.id):
            return order.id
        for other_id in order.other_ids:
            stored = self._stored.orders.get(self._key_of(other_id))
            if stored is None:
                continue
            if _number(other_id) == _number(order.id) or _is_alike(order, stored):
                return other_id
        return order.id

    def _file_new(self, order: ShopOrder, order_id: str) -> StoredOrder | None:
        if order.minor < 0:
            self.tally.unfiled[Unfiled.NEGATIVE] += 1
            return None
        if order.day is None:
            self.tally.unfiled[Unfiled.NO_DATE] += 1
            return None
        at = order.at if order.at is not None else self._midday(order.day)
        problem = self._day_problem(order.day, at)
        if problem is not None:
            self.tally.unfiled[problem] += 1
            return None
        return self._file_placed(order, order_id, at, order.day)

    def _file_placed(
        self, order: ShopOrder, order_id: str, at: int, day: date
    ) -> StoredOrder | None:
        value = listed_amount(order.minor, order.currency)
        placed = Order(id=order_id, currency=order.currency, value=value)
        event = self._events.listed(
            ORDER_PLACED, placed, at, message=f"placed {order_id}", day=day
        )
        if isinstance(event, Dropped):
            self._count_drop(event)
            return None
        return self._store_order(event)

    def _store_order(self, event: Event) -> StoredOrder:
        """Store the report of an order, and remember the order."""
        self._put(event)
        currency = event.currency or self._site.currency
        self.tally.count_order(event.day, event.value_minor, currency)
        orders, key = self._stored.orders, event.order_key
        if key is None:
            raise AssertionError("only an order with an id is filed")
        known = orders.get(key)
        refunded = known.refunded_minor if known else 0
        orders[key] = StoredOrder(
            event.day,
            event.at,
            event.value_minor,
            currency,
            has_server=True,
            refunded_minor=refunded,
        )
        return orders[key]

    def _file_refund(
        self, order: ShopOrder, order_id: str, stored: StoredOrder
    ) -> None:
        """File what the list refunded of *order* and the tables did not yet."""
        wanted = _refunded_in_list(order, stored)
        if wanted is None:
            if order.state is ShopState.PARTLY_REFUNDED and not stored.refunded_minor:
                self.tally.unfiled[Unfiled.UNKNOWN_REFUND] += 1
            return
        if wanted < stored.refunded_minor:
            self.tally.unfiled[Unfiled.MORE_REFUNDED] += 1
        due = min(wanted, stored.minor or 0) - stored.refunded_minor
        if due <= 0:
            return
        amount = listed_amount(due, stored.currency)
        event = self._events.listed(
            ORDER_REFUNDED,
            Order(id=order_id, currency=stored.currency, refund=amount),
            stored.at,
            message=f"refunded {order_id} {wanted}",
            day=stored.day,
            seq=1,
        )
        if isinstance(event, Dropped):
            self._count_drop(event)
            return
        self._put(event)
        stored.refunded_minor += due
        self.tally.count_refund(event.day, due, stored.currency)

    def _is_same(self, order: ShopOrder, stored: StoredOrder) -> bool:
        # A shop lists a refunded order with its first total or with the rest.
        left = (stored.minor or 0) - stored.refunded_minor
        is_same = order.minor == stored.minor or (
            bool(stored.refunded_minor) and order.minor == left
        )
        return order.currency == stored.currency and is_same

    def _file_native_order(self, event: Event) -> None:
        stored = self._stored.orders.get(event.order_key) if event.order_key else None
        if stored is None:
            self._store_order(event)
        elif not stored.has_server:
            self._store_order(_moved(event, stored))
        elif (event.value_minor, event.currency) == (stored.minor, stored.currency):
            self.tally.stored_before += 1
        else:
            self.tally.unfiled[Unfiled.DIFFERENT] += 1

    def _file_native_refund(self, event: Event) -> None:
        if event.event_id is None or event.event_id in self._stored.refund_ids:
            self.tally.stored_before += 1
            return
        self._put(event)
        self._stored.refund_ids.add(event.event_id)
        currency = event.currency or self._site.currency
        self.tally.count_refund(event.day, event.refund_minor, currency)

    def _hit_problem(self, hit: Hit, at: float | None) -> Unfiled | None:
        if hit.site not in (None, self._site.id):
            return Unfiled.OTHER_SITE
        if at is None:
            return Unfiled.NO_DATE
        if at > self._keep.now_s:
            return Unfiled.FUTURE
        try:
            day, _ = self._local_days.day_and_hour(int(at))
        except (ValueError, OverflowError):
            return Unfiled.TOO_OLD
        return self._day_problem(day, int(at))

    def _day_problem(self, day: date, at: int) -> Unfiled | None:
        """Return why no order of *day* can be filed, None if it can.

        A day whose events retention removed would be built anew from the order alone.
        """
        if at > self._keep.now_s:
            return Unfiled.FUTURE
        if day < max(self._keep.first, _EARLIEST):
            return Unfiled.TOO_OLD
        return Unfiled.CLOSED_DAY if day in self._stored.closed_days else None

    def _midday(self, day: date) -> int:
        """Return midday of *day* in the site's zone, but not a time in the future."""
        midday = _at(day, _NOON, self._site.zone)
        start = _at(day, time.min, self._site.zone)
        return max(start, min(midday, int(self._keep.now_s)))

    def _count_drop(self, drop: Dropped) -> None:
        if drop.reason not in UNCOUNTED:
            self.tally.unfiled[f"dropped: {drop.reason}"] += 1


def _number(order_id: str) -> str:
    return order_id.removeprefix("#")


def _is_alike(order: ShopOrder, stored: StoredOrder) -> bool:
    if (order.minor, order.currency) != (stored.minor, stored.currency):
        return False
    return order.day is None or abs(order.day - stored.day) <= _ONE_DAY


def _refunded_in_list(order: ShopOrder, stored: StoredOrder) -> int | None:
    """Return what the list refunded of *order*, None if it does not say."""
    if order.state.is_void:
        # It brought the shop nothing: an order that counts here is taken back.
        return stored.minor
    if order.refunded_minor is not None:
        return order.refunded_minor
    return stored.minor if order.state is ShopState.REFUNDED else None


def _moved(event: Event, stored: StoredOrder) -> Event:
    """Return *event* on the day and at the time of the browser's report."""
    at = UtcSeconds(stored.at)
    return msgspec.structs.replace(event, day=stored.day, at=at)


def _at(day: date, clock: time, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, clock, zone).astimezone(UTC).timestamp())
