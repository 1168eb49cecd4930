"""What sessions and daily_stats mean, again, in plain Python: slow, simple, no Polars.

It shares no code with what it checks but the constants of the contract. Rows are
dicts; ``at`` is in seconds; the functions take events in any order.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from tests.warehouse.figures.reference_orders import (
    FROM_FIRST,
    Row,
    is_among,
    merged_orders,
    resolved_refunds,
)

TIMEOUT_S = 1_800
ACQUISITION = (
    *("referrer", "source", "click_id", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content"),
)
WHO = ("site", "visitor")
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


def unique_events(events: Iterable[Row]) -> list[Row]:
    """Return the events in order, of each (site, event_id) only the earliest."""
    return _earliest(sorted(events, key=_order), "event_id")


def _earliest(events: list[Row], key: str) -> list[Row]:
    seen: set[tuple[str, int]] = set()
    kept = []
    for event in events:
        known = (event["site"], event[key])
        if event[key] is None or known not in seen:
            kept.append(event)
        seen.add(known)
    return kept


def _order(event: Row) -> tuple[Any, ...]:
    content = [_sortable(_text(event[name])) for name in sorted(event)]
    return (event["at"], event["seq"], _sortable(event["event_id"]), content)


def _text(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    return ",".join(json.dumps(item, separators=(",", ":")) for item in value)


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def runs(events: Iterable[Row], timeout_s: int) -> list[list[Row]]:
    """Return what each visitor's browser sent, cut where a gap is over the timeout."""
    found: list[list[Row]] = []
    latest: dict[tuple[str, int], list[Row]] = {}
    for event in events:
        if event["visitor"] is None or event["server"]:
            continue
        who = (event["site"], event["visitor"])
        run = latest.get(who)
        if run is None or event["at"] - run[-1]["at"] > timeout_s:
            run = []
            latest[who] = run
            found.append(run)
        run.append(event)
    return found


def is_ping(event: Row) -> bool:
    """Return whether an event only reports attention."""
    return bool(event["name"] == "engagement")


def is_interactive(event: Row) -> bool:
    """Return whether an event shows a person at the page."""
    return not (is_ping(event) or event["server"] or event["passive"])


def session_events(unique: list[Row], timeout_s: int) -> list[list[Row]]:
    """Return the events of every session: the runs with an interactive event.

    A server's event comes to the last one of its visitor that had begun before it.
    """
    place = {id(event): number for number, event in enumerate(unique)}
    found = [run for run in runs(unique, timeout_s) if any(map(is_interactive, run))]
    begun = [place[id(next(filter(is_interactive, run)))] for run in found]
    for number, event in enumerate(unique):
        if event["visitor"] is None or not event["server"]:
            continue
        earlier = [
            (start, run)
            for start, run in zip(begun, found, strict=True)
            if start < number and all(run[0][k] == event[k] for k in WHO)
        ]
        if earlier:
            max(earlier, key=lambda each: each[0])[1].append(event)
    return found


def sessions(
    events: list[Row],
    currencies: Mapping[str, str],
    zones: Mapping[str, str],
    timeout_s: int = TIMEOUT_S,
) -> list[Row]:
    """Return the sessions of one day's events, in no order that counts."""
    return _Day(events, currencies, zones, timeout_s).all_sessions


def _session(run: list[Row], day: "_Day") -> Row:
    sent = [event for event in run if not event["server"]]
    interactive = [event for event in run if is_interactive(event)]
    pageviews = [event for event in sent if event["name"] == "pageview"]
    first = interactive[0]
    bounced = len(interactive) == 1 and first["name"] == "pageview"
    site = first["site"]
    placed = [order for order in day.orders if is_among(order["place"], run)]
    currency = day.currencies[site]
    since = first["at"] - _midnight(first["day"], day.zones[site])
    continued = first["channel"] == "internal" and 0 <= since <= day.timeout_s
    duration_s = sent[-1]["at"] - first["at"]
    viewed = _count(run, "pageview")
    taken = {name: first[name] for name in FROM_FIRST}
    if continued:
        taken |= dict.fromkeys(ACQUISITION)
    return {
        **taken,
        "site": site,
        "day": first["day"],
        "session": session_id(first["visitor"], first["at"], site),
        "visitor": first["visitor"],
        "started_at": first["at"],
        "duration_s": duration_s,
        "engaged_ms": sum(event["engaged_ms"] or 0 for event in run),
        "pageviews": viewed,
        "events": sum(not is_ping(event) for event in run),
        "bounce": bounced and not continued,
        "continued": continued,
        "suspect": viewed > 1_000 or duration_s >= 86_400,
        "entry_path": pageviews[0]["path"] if pageviews else None,
        "exit_path": pageviews[-1]["path"] if pageviews else None,
        "product_views": _count(run, "product_viewed"),
        "cart_updates": _count(run, "cart_updated"),
        "checkouts": _count(run, "checkout_started"),
        "orders": len(placed),
        "value_minor": sum(
            event["value_minor"] or 0
            for event in placed
            if (event["currency"] or currency) == currency
        ),
        "currency": currency,
    }


def _count(run: list[Row], name: str) -> int:
    return sum(event["name"] == name for event in run)


def _midnight(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def session_id(visitor: int, started_at: int, site: str) -> int:
    """Return the session's id: a sum of odd multiples, cut to 64 signed bits."""
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
    timeout_s: int = TIMEOUT_S,
) -> Figures:
    """Return all figures by (site, dimension, value, currency)."""
    day = _Day(events, currencies, zones, timeout_s)
    found: Figures = {}
    for dimension, values in day.dimensions().items():
        kept = day.kept(day.figures(dimension, values, None), value_limit)
        found |= day.figures(dimension, values, kept)
    return found


# For an event (and the session it is in, if any): under which values it counts.
Values = Callable[[Row, Row | None], set[str]]


class _Day:
    """The events and sessions of a day that are in figures: none of a suspect one."""

    def __init__(
        self,
        events: list[Row],
        currencies: Mapping[str, str],
        zones: Mapping[str, str],
        timeout_s: int,
    ) -> None:
        # Copies, so that an event given twice is two events.
        unique = unique_events(dict(event) for event in events)
        found = session_events(unique, timeout_s)
        inside = [event for run in found for event in run]
        self.currencies = currencies
        self.zones = zones
        self.timeout_s = timeout_s
        self.orders = merged_orders(_named(unique, "order_placed"), inside)
        refunds = resolved_refunds(_named(unique, "order_refunded"), self.orders)
        self.all_sessions = [_session(run, self) for run in found]
        self.sessions = [each for each in self.all_sessions if not each["suspect"]]
        self.bounced_on = {
            f"{session['site']} {session['session']}": {
                name: _label(next(filter(is_interactive, run))[column])
                for name, column in VIEWED.items()
            }
            for run, session in zip(found, self.all_sessions, strict=True)
        }
        of_event = {
            id(event): session
            for run, session in zip(found, self.all_sessions, strict=True)
            for event in run
        }

        def counted(rows: list[Row], key: Callable[[Row], Row]) -> Any:
            pairs = [(row, of_event.get(id(key(row)))) for row in rows]
            return [pair for pair in pairs if not (pair[1] and pair[1]["suspect"])]

        self.pairs: list[tuple[Row, Row | None]] = counted(unique, lambda row: row)
        self.commerce: list[tuple[Row, Row | None]] = counted(
            [*self.orders, *refunds], lambda row: row["place"]
        )

    def dimensions(self) -> dict[str, Values]:
        """Return for every dimension where an event counts."""
        return {
            "total": lambda _event, _session: {"(all)"},
            "hour": lambda event, _session: {self.hour(event["site"], event["at"])},
            "page": lambda event, _session: {_label(event["path"])},
            "hostname": lambda event, _session: {_label(event["hostname"])},
            "event": lambda event, _session: (
                set() if is_ping(event) else {event["name"]}
            ),
            "product": lambda event, _session: (
                set()
                if is_ping(event)
                else {item["product"] for item in event["items"] or ()}
            ),
            **{f"prop:{key}": _property_value(key) for key in PROPERTIES},
            **{name: _session_value(name, col) for name, col in BY_SESSION.items()},
        }

    def hour(self, site: str, at: int) -> str:
        """Return the hour on the site's clock."""
        local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.zones[site]))
        return f"{local.hour:02}"

    def touched(self, dimension: str, values: Values) -> dict[str, set[str]]:
        """Return the values that each session (by its id) counts under."""
        found: dict[str, set[str]] = defaultdict(set)
        for event, session in self.pairs:
            if session is None:
                continue
            key = f"{session['site']} {session['session']}"
            if dimension == "hour":
                found[key] |= {self.hour(session["site"], session["started_at"])}
            elif dimension in VIEWED:
                if event["name"] == "pageview":
                    found[key] |= values(event, session)
            else:
                found[key] |= values(event, session)
        return found

    def figures(
        self, dimension: str, values: Values, kept: dict[str, set[str]] | None
    ) -> Figures:
        """Return the figures of one dimension, all but *kept* values as (other)."""

        def fold(site: str, names: Iterable[str]) -> set[str]:
            if kept is None:
                return set(names)
            return {n if n in kept.get(site, ()) else "(other)" for n in names}

        found: Figures = defaultdict(lambda: defaultdict(int))
        for event, session in self.pairs:
            site = event["site"]
            for value in fold(site, values(event, session)):
                row = found[site, dimension, value, self.currencies[site]]
                row["pageviews"] += event["name"] == "pageview"
                row["events"] += not is_ping(event)
                row["engaged_ms"] += event["engaged_ms"] or 0
        for row, session in self.commerce:
            site, is_refund = row["site"], row["name"] == "order_refunded"
            currency = row["currency"] or self.currencies[site]
            for value in fold(site, values(row, session)):
                count = "refunds" if is_refund else "orders"
                found[site, dimension, value, currency][count] += 1
            for name in values(row, session):
                (value,) = fold(site, [name])
                amount = "refund_minor" if is_refund else "value_minor"
                worth = _worth(row, amount, dimension, name)
                found[site, dimension, value, currency][amount] += worth
        self._add_sessions(found, dimension, values, fold)
        return found

    def _add_sessions(
        self,
        found: Figures,
        dimension: str,
        values: Values,
        fold: Callable[[str, Iterable[str]], set[str]],
    ) -> None:
        visitors: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
        touched = self.touched(dimension, values)
        for session in self.sessions:
            site = session["site"]
            named = f"{site} {session['session']}"
            whole = touched[named]
            # On the one page its visitor viewed, whatever others the session holds.
            pages = self.bounced_on[named]
            bounced_on = {pages[dimension]} if dimension in VIEWED else whole
            for value in fold(site, whole):
                key = (site, dimension, value, self.currencies[site])
                found[key]["sessions"] += 1
                bounced_here = value in fold(site, bounced_on)
                found[key]["bounces"] += session["bounce"] and bounced_here
                found[key]["duration_s"] += session["duration_s"]
                found[key]["conversions"] += session["orders"] > 0
                visitors[key].add(session["visitor"])
        for key, who in visitors.items():
            found[key]["visitors"] = len(who)

    def kept(self, figures: Figures, value_limit: int) -> dict[str, set[str]]:
        """Return the values each site keeps: those with the most sessions, events."""
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
        if is_ping(event) or key not in props:
            return set()
        value = props[key]
        return {value if isinstance(value, str) else json.dumps(value)}

    return values


def _label(value: str | None) -> str:
    return "(none)" if value is None else value


def _named(events: list[Row], name: str) -> list[Row]:
    return [event for event in events if event["name"] == name]


def _worth(row: Row, amount: str, dimension: str, value: str) -> int:
    """Return what an order or refund adds; under product, that product's lines."""
    if dimension != "product":
        return int(row[amount] or 0)
    lines: int = sum(
        item["quantity"] * (item["price_minor"] or 0)
        for item in row["items"] or ()
        if item["product"] == value
    )
    return abs(lines) if amount == "refund_minor" else lines
