"""The host and the allowed properties of events are dimensions in every output."""

import html
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import aiohttp
import pytest

from config.settings import Settings
from millpond import run
from reports.answer import SourceTables
from reports.counting.queries import Statistics
from reports.problems import QueryError
from reports.query import parse_query
from tests.reports.sample_queries import BLOG, SHOP, body, today
from tests.reports.sample_tables import results, store
from tests.reports.web.serving import serving
from tests.warehouse.day_frames import Row, event
from warehouse.tables import Warehouse

SITE = replace(SHOP, props_allow=("plan", "a:b-c"))
DAY = date(2026, 11, 20)
METRICS = ["visitors", "pageviews", "events"]
CONFIG = """\
[warehouse]
uri = "warehouse"

[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "Europe/Berlin"
props_allow = ["plan", "a:b-c"]
"""


def _events() -> list[Row]:
    pro, free = '{"plan":"pro"}', '{"a:b-c":2,"plan":"free"}'
    other: Row = {"hostname": "blog.example"}
    return [
        event("10:00", day=DAY, hostname="shop.example"),
        event("10:01", day=DAY, hostname="shop.example", name="signup", props=pro),
        event("10:02", day=DAY, **other, name="signup", props=free),
        event("11:00", day=DAY, visitor=2, **other, props=free),
        event("12:00", day=DAY, visitor=3, props=pro, country="DE"),
        event("12:00", day=DAY, visitor=4, site="blog", props=pro),
    ]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return store(tmp_path / "warehouse", _events())


def _ask(
    warehouse: Warehouse, *dimensions: str, filters: Sequence[object] = ()
) -> tuple[SourceTables, list[tuple[object, ...]]]:
    raw = body(
        metrics=METRICS,
        date_range="2026-11-20",
        dimensions=[*dimensions],
        filters=[*filters],
    )
    query = parse_query(raw, {"shop": SITE, "blog": BLOG}, today)
    answer = Statistics(warehouse).answer(query)
    return answer.source, results(answer)


def test_a_property_is_a_stored_dimension(warehouse: Warehouse) -> None:
    source, rows = _ask(warehouse, "prop:plan")

    assert source is SourceTables.DAILY_STATS
    assert rows == [("free", 2, 1, 2), ("pro", 2, 1, 2)]
    assert _ask(warehouse, "prop:a:b-c")[1] == [("2", 2, 1, 2)]


def test_a_host_is_that_of_the_event(warehouse: Warehouse) -> None:
    source, rows = _ask(warehouse, "hostname")

    assert source is SourceTables.DAILY_STATS
    assert rows == [
        ("(none)", 1, 1, 1),
        ("blog.example", 1, 1, 2),
        ("shop.example", 1, 1, 2),
    ]


def test_both_are_combined_with_others_and_filter(warehouse: Warehouse) -> None:
    source, rows = _ask(warehouse, "hostname", "prop:plan")
    is_pro = ["is", "prop:plan", ["pro"]]

    assert source is SourceTables.EVENTS
    assert rows == [
        ("blog.example", "free", 2, 1, 2),
        ("(none)", "pro", 1, 1, 1),
        ("shop.example", "pro", 1, 0, 1),
    ]
    assert _ask(warehouse, filters=[is_pro])[1] == [(2, 1, 2)]
    assert _ask(warehouse, "country", filters=[is_pro])[1] == [
        ("(none)", 1, 0, 1),
        ("DE", 1, 1, 1),
    ]


def test_values_past_the_limit_are_merged(tmp_path: Path) -> None:
    events = [
        event("10:00", day=DAY, visitor=n, props=json.dumps({"plan": str(n)}))
        for n in range(5)
    ]

    _, rows = _ask(store(tmp_path, events, value_limit=2), "prop:plan")

    assert rows == [("(other)", 3, 3, 3), ("0", 1, 1, 1), ("1", 1, 1, 1)]


@pytest.mark.parametrize("name", ["prop:secret", "prop:", "prop:plan "])
def test_a_property_that_the_site_does_not_allow_is_unknown(
    warehouse: Warehouse, name: str
) -> None:
    with pytest.raises(QueryError, match=r"known: .*prop:plan") as raised:
        _ask(warehouse, name, filters=[["is", name, ["x"]]])

    assert [path for path, _ in raised.value.problems] == [
        "dimensions[0]",
        "filters[0][1]",
    ]


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["--by", "prop:plan"], ["free,2", "pro,2"]),
        (["--by", "prop:a:b-c"], ["2,2"]),
        (["--by", "host"], ["(none),1", "blog.example,1", "shop.example,1"]),
        (["--by", "host", "--where", "prop:plan=free"], ["blog.example,2"]),
        (["--by", "host", "--where", "prop:a:b-c!=2"], []),
    ],
)
def test_the_terminal_names_them(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    rows: list[str],
) -> None:
    folder = warehouse.root.parent
    (folder / "millpond.toml").write_text(CONFIG)
    monkeypatch.chdir(folder)
    form = ["--period", "2026-11-20", "--format", "csv", "--metrics", "visitors"]

    code = run(["reports", "show", *words, *form])

    got = capsys.readouterr().out.replace('"', "").splitlines()
    assert (code, got[1:]) == (0, rows)


async def test_the_page_has_a_table_for_each(
    settings: Settings, tmp_path: Path
) -> None:
    warehouse = store(tmp_path, _events())
    async with (
        serving(settings, warehouse, sites=(SITE, BLOG)) as url,
        aiohttp.ClientSession() as client,
    ):
        async with client.get(f"{url}/?site=shop&period=2026-11-20") as got:
            page = html.unescape(await got.text())
        async with client.get(f"{url}/?site=blog&period=2026-11-20") as got:
            other = html.unescape(await got.text())

    captions = ("Hosts", "plan", "a:b-c")
    assert [f"<caption>{each}</caption>" in page for each in captions] == [True] * 3
    assert [f"<caption>{each}</caption>" in other for each in captions] == [False] * 3
