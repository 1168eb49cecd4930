"""The reference for unique events and runs in plain Python; part of ``reference``."""

import json
from collections.abc import Iterable
from typing import Any

from tests.warehouse.figures.reference_orders import Row

VISITOR_KEY = ("site", "visitor")


def unique_events(events: Iterable[Row]) -> list[Row]:
    """Return the events in order, with only the earliest of each (site, event_id)."""
    return _earliest(sorted(events, key=_order), "event_id")


def in_visit_order(events: Iterable[Row]) -> list[Row]:
    """Return *events* in order; of one moment, internal pages come last."""
    return sorted(
        events,
        key=lambda event: (
            *(event["at"], event["seq"], event["channel"] == "internal"),
            *_order(event)[2:],
        ),
    )


def _earliest(events: list[Row], key: str) -> list[Row]:
    seen: set[tuple[str, int]] = set()
    unique = []
    for event in events:
        event_key = (event["site"], event[key])
        if event[key] is None or event_key not in seen:
            unique.append(event)
        seen.add(event_key)
    return unique


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
    """Return the browser events of each visitor, split at gaps over the timeout."""
    all_runs: list[list[Row]] = []
    latest: dict[tuple[str, int], list[Row]] = {}
    for event in events:
        if event["visitor"] is None or event["server"]:
            continue
        visitor_key = (event["site"], event["visitor"])
        run = latest.get(visitor_key)
        if run is None or event["at"] - run[-1]["at"] > timeout_s:
            run = []
            latest[visitor_key] = run
            all_runs.append(run)
        run.append(event)
    return all_runs


def is_engagement(event: Row) -> bool:
    """Return whether an event only reports engaged time."""
    return bool(event["name"] == "engagement")


def is_interactive(event: Row) -> bool:
    """Return whether an event shows a person at the page."""
    return not (is_engagement(event) or event["server"] or event["passive"])


def session_events(unique: list[Row], timeout_s: int) -> list[list[Row]]:
    """Return the events of each session: a session is a run with an interactive event.

    A server event belongs to the last session of its visitor that began before it.
    """
    unique = in_visit_order(unique)
    position = {id(event): number for number, event in enumerate(unique)}
    session_runs = [
        run for run in runs(unique, timeout_s) if any(map(is_interactive, run))
    ]
    starts = [position[id(next(filter(is_interactive, run)))] for run in session_runs]
    for number, event in enumerate(unique):
        if event["visitor"] is None or not event["server"]:
            continue
        earlier = [
            (start, run)
            for start, run in zip(starts, session_runs, strict=True)
            if start < number
            and all(run[0][name] == event[name] for name in VISITOR_KEY)
        ]
        if earlier:
            max(earlier, key=lambda pair: pair[0])[1].append(event)
    return session_runs
