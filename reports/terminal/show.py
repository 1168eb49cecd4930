"""What the commands of reports print: overview, answers, and what was dropped."""

from dataclasses import replace
from pathlib import Path
from typing import TextIO

from config.settings import Settings
from reports.answer import Answer
from reports.counting.queries import Statistics
from reports.empty_state import explain_empty
from reports.export import answer_csv, json_text, received_csv
from reports.metrics import METRICS, Metric
from reports.overview import COMMERCE, build_overview
from reports.query import Query, Today, parse_query
from reports.terminal.overview import (
    print_overview,
    print_received,
    received_text,
    suspect_text,
)
from reports.terminal.text import Terminal, print_warnings
from warehouse.tables import Warehouse


class RawQueryReader:
    """Answers the raw questions of one command on stdout.

    *today* tells a site's own date; *warnings* are what is wrong behind the figures,
    shown first; *width* defaults to the terminal's.
    """

    def __init__(
        self,
        settings: Settings,
        today: Today,
        stdout: TextIO,
        width: int | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._sites = {site.id: site for site in settings.sites}
        self._today = today
        self._warnings = warnings
        self._tables = Statistics(
            Warehouse(Path(settings.warehouse.uri)), warnings=lambda: warnings
        )
        self._stdout = stdout
        self._page = Terminal(stdout, width)

    def print_overview(self, raw: object, *, adds_orders: bool) -> None:
        """Print headline, trend and table, or why there is nothing to show.

        *adds_orders*: orders get their columns where there are any.
        """
        query = self._query(raw)
        page = self._page
        print_warnings(page, self._warnings)
        whole = replace(query, dimensions=())
        seen = build_overview(self._tables.answer, whole, [], self._today(query.site))
        if seen.empty:
            for sentence in explain_empty(seen, self._tables.state(query.site)):
                page.line(sentence)
            return
        if adds_orders and seen.sells:
            query = replace(query, metrics=_with_orders(query.metrics))
        answer = self._tables.answer(query)
        print_overview(page, replace(seen, tables=(answer,)))
        page.line()
        for note in [*_notes(answer), *self._received_notes(query)]:
            page.note(note)

    def print_answer(self, raw: object, form: str) -> None:
        """Print the answer to a question, as JSON or CSV."""
        answer = self._tables.answer(self._query(raw))
        self._write(json_text(answer.json()) if form == "json" else answer_csv(answer))

    def print_received(self, raw: object, form: str) -> None:
        """Print what became of everything received."""
        query = self._query(raw)
        received = self._tables.received(query.site, query.period)
        if form == "table":
            print_warnings(self._page, self._warnings)
            print_received(self._page, received)
        elif form == "json":
            self._write(json_text(received.json()))
        else:
            self._write(received_csv(received))

    def _query(self, raw: object) -> Query:
        return parse_query(raw, self._sites, self._today)

    def _received_notes(self, query: Query) -> list[str]:
        received = self._tables.received(query.site, query.period)
        suspect = [suspect_text(received)] if received.suspect_sessions else []
        return [received_text(received), *suspect]

    def _write(self, text: str) -> None:
        # Files are UTF-8 whatever the terminal speaks.
        self._stdout.flush()
        self._stdout.buffer.write(text.encode())


def _with_orders(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """Return the columns of a shop: its bounce rate would leave no room for labels."""
    kept = (each for each in metrics if each.name != "bounce_rate")
    return (*kept, *(METRICS[name] for name in COMMERCE))


def _notes(answer: Answer) -> list[str]:
    """Return what to know about the figures, a line each."""
    notes = []
    if answer.query.period.days > 1:
        notes.append("visitors are the sum of daily visitors")
    if answer.other_currencies:
        currencies = ", ".join(answer.other_currencies)
        notes.append(f"orders in {currencies} count as orders, not as revenue")
    if answer.missing_days:
        notes.append(f"{answer.missing_days} days are no longer stored in this detail")
    if answer.as_of:
        notes.append(f"figures as of {answer.as_of.at()}")
    return notes
