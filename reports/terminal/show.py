"""Prints the result of ``reports show`` and ``reports query``."""

from dataclasses import replace
from pathlib import Path
from typing import TextIO

from config.settings import Settings
from config.site_names import sites_by_name
from reports.answer import Answer
from reports.caveats import Caveat, CaveatKind
from reports.counting.queries import Statistics
from reports.empty_state import explain_empty
from reports.export import answer_csv, json_text, received_csv
from reports.metrics import METRICS, Metric
from reports.overview import COMMERCE, Overview, build_overview
from reports.query import LocalNow, Query, parse_query
from reports.terminal.overview import (
    print_overview,
    print_received,
    received_text,
    suspect_text,
    unknown_text,
)
from reports.terminal.text import Terminal, print_warnings
from warehouse.tables import Warehouse


class RawQueryReader:
    """Parses and answers the query of one command, and prints the result on stdout.

    *local_now* gives the local time of a site. *warnings* say what is currently wrong
    with the figures; they are printed first. *width* defaults to that of the terminal.
    """

    def __init__(
        self,
        settings: Settings,
        local_now: LocalNow,
        stdout: TextIO,
        width: int | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._sites = sites_by_name(settings)
        self._local_now = local_now
        self._warnings = warnings
        self._tables = Statistics(
            Warehouse(Path(settings.warehouse.uri)), warnings=lambda: warnings
        )
        self._stdout = stdout
        self._terminal = Terminal(stdout, width)

    def print_overview(self, raw: object, *, adds_orders: bool) -> None:
        """Print headlines, trend and a table, or explain why there is nothing to show.

        With *adds_orders*, a site with orders gets the columns of a shop.
        """
        query = self._query(raw)
        terminal = self._terminal
        print_warnings(terminal, self._warnings)
        whole = replace(query, dimensions=())
        now = self._local_now(query.site)
        overview = build_overview(self._tables.answer, whole, [], now)
        if overview.empty:
            for sentence in explain_empty(overview, self._tables.state(query.site)):
                terminal.line(sentence)
            return
        if adds_orders and overview.sells:
            query = replace(query, metrics=_with_orders(query.metrics))
        answer = self._tables.answer(query)
        print_overview(terminal, replace(overview, tables=(answer,)))
        terminal.line()
        for note in [*_notes(overview, answer), *self._received_notes(query)]:
            terminal.note(note)

    def print_answer(self, raw: object, form: str) -> tuple[Caveat, ...]:
        """Print the answer to a query, as JSON or CSV; return its caveats."""
        answer = self._tables.answer(self._query(raw))
        self._write(json_text(answer.json()) if form == "json" else answer_csv(answer))
        return answer.caveats

    def print_received(self, raw: object, form: str) -> tuple[str, ...]:
        """Print the counts of all received hits, by outcome; return the notes."""
        query = self._query(raw)
        received = self._tables.received(query.site, query.period)
        if form == "table":
            print_warnings(self._terminal, self._warnings)
            print_received(self._terminal, received)
        elif form == "json":
            self._write(json_text(received.json()))
        else:
            self._write(received_csv(received))
        return (unknown_text(received),) if received.unknown else ()

    def _query(self, raw: object) -> Query:
        return parse_query(raw, self._sites, lambda site: self._local_now(site).date())

    def _received_notes(self, query: Query) -> list[str]:
        received = self._tables.received(query.site, query.period)
        suspect = [suspect_text(received)] if received.suspect_sessions else []
        return [received_text(received), *suspect]

    def _write(self, text: str) -> None:
        # Files are UTF-8, whatever the encoding of the terminal.
        self._stdout.flush()
        self._stdout.buffer.write(text.encode())


def _with_orders(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """Return the columns of a shop: orders instead of the bounce rate, to save room."""
    others = (metric for metric in metrics if metric.name != "bounce_rate")
    return (*others, *(METRICS[name] for name in COMMERCE))


def _notes(overview: Overview, answer: Answer) -> list[str]:
    """Return the caveats, which are not warnings, and the state of the tables."""
    caveats = dict.fromkeys([*overview.caveats, *answer.caveats])
    notes = [caveat.text for caveat in caveats if caveat.kind is not CaveatKind.WARNING]
    if answer.as_of:
        notes.append(f"figures as of {answer.as_of.text()}")
    return notes
