"""The terminal output equals the reviewed files in tests/golden."""

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import Settings
from reports.terminal.show import RawQueryReader
from tests.reports.sample_queries import BLOG, SHOP, body, local_now, today
from tests.reports.sample_tables import drop, sample, store
from tests.warehouse.day_frames import Row, event

Golden = Callable[[str, str], None]

_METRICS = ["visitors", "sessions", "pageviews", "bounce_rate"]
_DROPS = [
    drop("bot", 900, bot_kind="search_engine"),
    drop("bot", 304, bot_kind="ai_assistant"),
    drop("duplicate", 3),
    drop("bad_page", 1),
]
_OF_NO_SITE = [
    drop("unknown_site", 1_010, site="(unknown)", protocol="segment"),
    drop("unknown_site", 2, site="(unknown)", protocol="plausible"),
]


def _terminal_output(
    settings: Settings,
    events: Iterable[Row],
    *,
    drops: Iterable[Row] = (),
    width: int = 80,
    encoding: str = "utf-8",
    output_format: str = "table",
    **changes: object,
) -> str:
    """Store *events*, and return the output."""
    rows = list(events)
    if rows:
        store(Path(settings.warehouse.uri), rows, list(drops))
    out = io.BytesIO()
    stdout = io.TextIOWrapper(out, encoding=encoding, newline="")
    reader = RawQueryReader(
        replace(settings, sites=(SHOP, BLOG)), local_now, stdout, width
    )
    raw = body(**{"metrics": _METRICS, "dimensions": ["page"], "limit": 10, **changes})
    if output_format == "drops":
        reader.print_received({**raw, "dimensions": []}, "table")
    elif output_format == "table":
        reader.print_overview(raw, adds_orders="metrics" not in changes)
    else:
        reader.print_answer(raw, output_format)
    stdout.flush()
    return out.getvalue().decode(encoding)


def test_a_week_by_page_is_as_reviewed(settings: Settings, golden: Golden) -> None:
    golden("show-week.txt", _terminal_output(settings, sample(), drops=_DROPS))


def test_a_month_by_source_is_shown_in_ascii(
    settings: Settings, golden: Golden
) -> None:
    got = _terminal_output(
        settings,
        sample(),
        encoding="ascii",
        date_range="2026-11",
        dimensions=["source", "country"],
        limit=3,
    )

    assert got.isascii()
    golden("show-month-ascii.txt", got)


def test_a_day_fits_a_narrow_window(settings: Settings, golden: Golden) -> None:
    got = _terminal_output(
        settings,
        sample(),
        width=44,
        date_range="yesterday",
        dimensions=["country"],
        metrics=["visitors", "avg_duration_s", "value_minor"],
    )

    assert max(map(len, got.splitlines())) <= 44
    golden("show-day-narrow.txt", got)


def test_a_year_in_a_wide_window_is_as_reviewed(
    settings: Settings, golden: Golden
) -> None:
    got = _terminal_output(
        settings,
        sample(),
        width=120,
        date_range="12mo",
        dimensions=["channel"],
        filters=[["is", "country", ["DE", "AT"]]],
    )

    golden("show-year-wide.txt", got)


def test_the_drops_are_as_reviewed(settings: Settings, golden: Golden) -> None:
    golden(
        "show-drops.txt",
        _terminal_output(
            settings, sample(), drops=[*_DROPS, *_OF_NO_SITE], output_format="drops"
        ),
    )


def test_the_json_output_is_as_reviewed(settings: Settings, golden: Golden) -> None:
    got = _terminal_output(
        settings, sample(), output_format="json", totals=True, limit=1
    )

    golden("show.json", got)


def test_the_csv_output_is_as_reviewed(settings: Settings, golden: Golden) -> None:
    rows = [
        event(day=row["day"], visitor=row["visitor"], path="=1+1") for row in sample()
    ]

    got = _terminal_output(settings, [*sample(), *rows], output_format="csv")

    golden("show.csv", got.replace("\r\n", "\n"))


def test_an_empty_warehouse_shows_what_to_start(settings: Settings) -> None:
    got = _terminal_output(settings, [])

    assert got.splitlines() == [
        "No data has been loaded yet.",
        "Start the batcher if it is not running: millpond batcher run",
    ]


def test_an_unbuilt_warehouse_shows_what_to_run(settings: Settings) -> None:
    events = sample()
    warehouse = store(Path(settings.warehouse.uri), events)
    warehouse.root.joinpath("daily_stats").rename(warehouse.root / "moved")

    got = _terminal_output(settings, [])

    assert got.splitlines() == [
        "Data is loaded, but the reports are not built yet.",
        "The last load was at 2026-11-22 08:00 UTC.",
        "Build them with: millpond warehouse build",
    ]


def test_a_site_without_events_shows_what_to_check(settings: Settings) -> None:
    got = _terminal_output(settings, sample(), site="blog")

    assert got.splitlines() == [
        "There is no data for blog yet.",
        "The last load was at 2026-11-22 08:00 UTC.",
        "Check that its pages have the Millpond tag, as docs/tag.md explains.",
    ]


def test_an_empty_period_shows_the_days_with_data(settings: Settings) -> None:
    got = _terminal_output(settings, sample(), date_range="2025-03")

    assert got.splitlines() == [
        "There is no data for this period.",
        "There is data for shop from 2026-11-09 to 2026-11-22.",
        "To see it, choose the period 2026-11-09..2026-11-22.",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_stored_value_controls_the_terminal(
    settings: Settings, encoding: str
) -> None:
    control_paths = (
        "/\x1b]0;x\x07",
        "/\x9b31m",
        "/\u202ea",
        "/[red]x[/red]",
        "/\r\nx",
        "/日本",
    )
    day = today(SHOP)
    rows = [
        event(day=day, visitor=n, path=path) for n, path in enumerate(control_paths)
    ]

    got = _terminal_output(settings, rows, encoding=encoding)

    assert not set(got) & set("\x1b\x07\x9b\u202e\r")
    assert "/[red]x[/red]" in got
    assert ("/日本" in got) == (encoding == "utf-8")


def test_wide_characters_keep_the_columns_aligned(settings: Settings) -> None:
    day = today(SHOP)
    rows = [event(day=day, visitor=1, path=path) for path in ("/日本語", "/abc")]

    got = _terminal_output(settings, rows, metrics=["visitors"]).splitlines()

    cells = {line.split()[0]: line for line in got if line.startswith("/")}
    assert cells["/日本語"].index("1") + 3 == cells["/abc"].index("1")
