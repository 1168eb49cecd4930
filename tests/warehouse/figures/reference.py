"""A reference for sessions and daily_stats in plain Python: slow and simple.

It shares no code with the implementation. Rows are dicts; ``at`` is in seconds; the
functions accept events in any order.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from tests.warehouse.figures.reference_events import (
    is_engagement,
    is_interactive,
    session_events,
    unique_events,
)
from tests.warehouse.figures.reference_orders import (
    FROM_FIRST,
    Row,
    is_among,
    merged_orders,
    resolved_refunds,
)

SESSION_TIMEOUT_S = 1_800
ACQUISITION = (
    *("referrer", "source", "click_id", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content"),
)
# Where a session viewed pages; a bounce counts on one of them.
VIEWED = {"page": "path", "hostname": "hostname"}
PROPERTIES = ("plan", "size")
BY_SESSION = {
    "entry_page": "entry_path",
    "exit_page": "exit_path",
    "referrer": "referrer",
    "source": "source",
    "channel": "channel",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
    "utm_term": "utm_term",
    "utm_content": "utm_content",
    "country": "country",
    "region": "region",
    "browser": "browser",
    "os": "os",
    "device": "device",
    "screen": "screen",
    "language": "language",
}


def sessions(
    events: list[Row],
    currencies: Mapping[str, str],
    zones: Mapping[str, str],
    timeout_s: int = SESSION_TIMEOUT_S,
) -> list[Row]:
    """Return the sessions of one day's events, in no particular order."""
    return _Day(events, currencies, zones, timeout_s).all_sessions


def _session(run: list[Row], day: "_Day") -> Row:
    browser_events = [event for event in run if not event["server"]]
    interactive = [event for event in run if is_interactive(event)]
    pageviews = [event for event in browser_events if event["name"] == "pageview"]
    first = interactive[0]
    # An event without a page says nothing about where the visitor came from.
    entry = next((row for row in interactive if row["path"] is not None), None)
    bounced = len(interactive) == 1 and first["name"] == "pageview"
    site = first["site"]
    orders = [order for order in day.orders if is_among(order["place"], run)]
    currency = day.currencies[site]
    since_midnight_s = first["at"] - _midnight(first["day"], day.zones[site])
    continued = (
        entry is not None
        and entry["channel"] == "internal"
        and 0 <= since_midnight_s <= day.timeout_s
    )
    duration_s = browser_events[-1]["at"] - first["at"]
    pageview_count = _count(run, "pageview")
    from_first = {name: first[name] for name in FROM_FIRST}
    for name in (*ACQUISITION, "hostname", "channel"):
        from_first[name] = entry[name] if entry else None
    if continued:
        from_first |= dict.fromkeys(ACQUISITION)
    return {
        **from_first,
        "site": site,
        "day": first["day"],
        "session": session_id(first["visitor"], first["at"], site),
        "visitor": first["visitor"],
        "started_at": first["at"],
        "duration_s": duration_s,
        "engaged_ms": sum(event["engaged_ms"] or 0 for event in run),
        "pageviews": pageview_count,
        "events": sum(not is_engagement(event) for event in run),
        "bounce": bounced and not continued,
        "continued": continued,
        "suspect": pageview_count > 1_000 or duration_s >= 86_400,
        "entry_path": pageviews[0]["path"] if pageviews else None,
        "exit_path": pageviews[-1]["path"] if pageviews else None,
        "product_views": _count(run, "product_viewed"),
        "cart_updates": _count(run, "cart_updated"),
        "checkouts": _count(run, "checkout_started"),
        "orders": len(orders),
        "value_minor": sum(
            event["value_minor"] or 0
            for event in orders
            if (event["currency"] or currency) == currency
        ),
        "currency": currency,
    }


def _inherit_acquisition(sessions: list[Row]) -> None:
    """Give an internal session the acquisition of the visitor's session before it."""
    latest: dict[tuple[str, int], Row] = {}
    for session in sorted(sessions, key=lambda session: session["started_at"]):
        key = (session["site"], session["visitor"])
        if session["channel"] == "internal" and key in latest:
            before = latest[key]
            session |= {name: before[name] for name in ("channel", *ACQUISITION)}
        latest[key] = session


def _count(run: list[Row], name: str) -> int:
    return sum(event["name"] == name for event in run)


def _midnight(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def session_id(visitor: int, started_at: int, site: str) -> int:
    """Return the id of a session: a sum of odd multiples, cut to 64 signed bits."""
    bits = visitor * 0x9E3779B97F4A7C15 + started_at * 0xBF58476D1CE4E5B9
    bits += int.from_bytes(blake2b(site.encode(), digest_size=8).digest())
    bits %= 1 << 64
    return bits - (1 << 64) if bits >> 63 else bits


Figures = dict[tuple[str, str, str, str], Row]


def daily_stats(
    events: list[Row],
    currencies: Mapping[str, str],
    zones: Mapping[str, str],
    value_limit: int,
    timeout_s: int = SESSION_TIMEOUT_S,
) -> Figures:
    """Return all figures by (site, dimension, value, currency)."""
    day = _Day(events, currencies, zones, timeout_s)
    all_figures: Figures = {}
    for dimension, values in day.dimensions().items():
        kept_values = day.kept(day.figures(dimension, values, None), value_limit)
        all_figures |= day.figures(dimension, values, kept_values)
    return all_figures


# Returns the values that an event counts under, given its session or None.
Values = Callable[[Row, Row | None], set[str]]


class _Day:
    """The events and sessions of a day that figures count: no suspect sessions."""

    def __init__(
        self,
        events: list[Row],
        currencies: Mapping[str, str],
        zones: Mapping[str, str],
        timeout_s: int,
    ) -> None:
        # Copies, so that the same dict given twice counts as two events.
        unique = unique_events(dict(event) for event in events)
        session_runs = session_events(unique, timeout_s)
        events_in_sessions = [event for run in session_runs for event in run]
        for event in unique:
            if event["channel"] == "direct" and not is_among(event, events_in_sessions):
                event["channel"] = None
        self.currencies = currencies
        self.zones = zones
        self.timeout_s = timeout_s
        self.orders = merged_orders(_named(unique, "order_placed"), events_in_sessions)
        refunds = resolved_refunds(_named(unique, "order_refunded"), self.orders)
        self.all_sessions = [_session(run, self) for run in session_runs]
        _inherit_acquisition(self.all_sessions)
        self.sessions = [
            session for session in self.all_sessions if not session["suspect"]
        ]
        self.bounced_on = {
            f"{session['site']} {session['session']}": {
                name: _label(next(filter(is_interactive, run))[column])
                for name, column in VIEWED.items()
            }
            for run, session in zip(session_runs, self.all_sessions, strict=True)
        }
        session_of_event = {
            id(event): session
            for run, session in zip(session_runs, self.all_sessions, strict=True)
            for event in run
        }

        def counted(rows: list[Row], key: Callable[[Row], Row]) -> Any:
            pairs = [(row, session_of_event.get(id(key(row)))) for row in rows]
            return [pair for pair in pairs if not (pair[1] and pair[1]["suspect"])]

        self.pairs: list[tuple[Row, Row | None]] = counted(unique, lambda row: row)
        self.commerce: list[tuple[Row, Row | None]] = counted(
            [*self.orders, *refunds], lambda row: row["place"]
        )

    def dimensions(self) -> dict[str, Values]:
        """Return for each dimension a function: the values an event counts under."""
        return {
            "total": lambda _event, _session: {"(all)"},
            "hour": lambda event, _session: {self.hour(event["site"], event["at"])},
            "page": lambda event, _session: {_label(event["path"])},
            "hostname": lambda event, _session: {_label(event["hostname"])},
            "event": lambda event, _session: (
                set() if is_engagement(event) else {event["name"]}
            ),
            "product": lambda event, _session: (
                set()
                if is_engagement(event)
                else {item["product"] for item in event["items"] or ()}
            ),
            "cart_action": lambda event, _session: (
                {event["cart_action"]} - {None}
                if event["name"] == "cart_updated"
                else set()
            ),
            **{f"prop:{key}": _property_value(key) for key in PROPERTIES},
            **{name: _session_value(name, col) for name, col in BY_SESSION.items()},
        }

    def hour(self, site: str, at: int) -> str:
        """Return the hour at *site*."""
        local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.zones[site]))
        return f"{local.hour:02}"

    def touched(self, dimension: str, values: Values) -> dict[str, set[str]]:
        """Return the values that each session counts under, by its id."""
        values_of_session: dict[str, set[str]] = defaultdict(set)
        for event, session in self.pairs:
            if session is None:
                continue
            key = f"{session['site']} {session['session']}"
            if dimension == "hour":
                values_of_session[key] |= {
                    self.hour(session["site"], session["started_at"])
                }
            elif dimension in VIEWED:
                if event["name"] == "pageview":
                    values_of_session[key] |= values(event, session)
            else:
                values_of_session[key] |= values(event, session)
        return values_of_session

    def figures(
        self, dimension: str, values: Values, kept_values: dict[str, set[str]] | None
    ) -> Figures:
        """Return the figures of one dimension; other values count as (other)."""

        def fold(site: str, names: Iterable[str]) -> set[str]:
            if kept_values is None:
                return set(names)
            return {n if n in kept_values.get(site, ()) else "(other)" for n in names}

        result: Figures = defaultdict(lambda: defaultdict(int))
        for event, session in self.pairs:
            site = event["site"]
            for value in fold(site, values(event, session)):
                row = result[site, dimension, value, self.currencies[site]]
                row["pageviews"] += event["name"] == "pageview"
                row["events"] += not is_engagement(event)
                row["engaged_ms"] += event["engaged_ms"] or 0
        for row, session in self.commerce:
            site, is_refund = row["site"], row["name"] == "order_refunded"
            currency = row["currency"] or self.currencies[site]
            for value in fold(site, values(row, session)):
                count = "refunds" if is_refund else "orders"
                result[site, dimension, value, currency][count] += 1
            for name in values(row, session):
                (value,) = fold(site, [name])
                amount = "refund_minor" if is_refund else "value_minor"
                added = _amount_of(row, amount, dimension, name)
                result[site, dimension, value, currency][amount] += added
        self._add_sessions(result, dimension, values, fold)
        return result

    def _add_sessions(
        self,
        result: Figures,
        dimension: str,
        values: Values,
        fold: Callable[[str, Iterable[str]], set[str]],
    ) -> None:
        visitors: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
        touched = self.touched(dimension, values)
        for session in self.sessions:
            site = session["site"]
            session_key = f"{site} {session['session']}"
            all_values = touched[session_key]
            # A bounce counts on the viewed page only, even if the session has others.
            viewed = self.bounced_on[session_key]
            bounced_on = {viewed[dimension]} if dimension in VIEWED else all_values
            for value in fold(site, all_values):
                key = (site, dimension, value, self.currencies[site])
                result[key]["sessions"] += 1
                bounced_here = value in fold(site, bounced_on)
                result[key]["bounces"] += session["bounce"] and bounced_here
                result[key]["duration_s"] += session["duration_s"]
                result[key]["conversions"] += session["orders"] > 0
                visitors[key].add(session["visitor"])
        for key, visitor_hashes in visitors.items():
            result[key]["visitors"] = len(visitor_hashes)

    def kept(self, figures: Figures, value_limit: int) -> dict[str, set[str]]:
        """Return the values that each site keeps, by sessions and then by events."""
        ranked: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for (site, _dimension, value, currency), row in figures.items():
            if currency == self.currencies[site]:
                ranked[site].append((-row["sessions"], -row["events"], value))
        return {
            site: {value for *_, value in sorted(rows)[:value_limit]}
            for site, rows in ranked.items()
        }


def _session_value(dimension: str, column: str) -> Values:
    def values(event: Row, session: Row | None) -> set[str]:
        if session is not None:
            return {_label(session[column])}
        return {_label(None if dimension.endswith("_page") else event[column])}

    return values


def _property_value(key: str) -> Values:
    def values(event: Row, _session: Row | None) -> set[str]:
        props = json.loads(event["props"] or "{}")
        if is_engagement(event) or key not in props:
            return set()
        value = props[key]
        return {value if isinstance(value, str) else json.dumps(value)}

    return values


def _label(value: str | None) -> str:
    return "(none)" if value is None else value


def _named(events: list[Row], name: str) -> list[Row]:
    return [event for event in events if event["name"] == name]


def _amount_of(row: Row, column: str, dimension: str, value: str) -> int:
    """Return the amount of an order or refund; by product, of that product's lines."""
    if dimension != "product":
        return int(row[column] or 0)
    lines: int = sum(
        item["quantity"] * (item["price_minor"] or 0)
        for item in row["items"] or ()
        if item["product"] == value
    )
    return abs(lines) if column == "refund_minor" else lines
