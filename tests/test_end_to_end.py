"""Events sent to the proxy give exact figures, through every real process."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.delta_scan import delta_scan
from tests.oracle import STORED, check_figures, received
from tests.processes import CONFIG, Installation, install, running
from tests.senders import BOT, FIREFOX
from tests.waiting import wait_until
from warehouse.job_states import job_state_path, read_job_states
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import Warehouse
from warehouse.unknown_sites import UNKNOWN_SITE_ID

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)
NOON, MORNING = 12, 6
METRICS = [
    *("visitors", "sessions", "bounces", "pageviews", "events"),
    *("engaged_ms", "orders", "value_minor"),
]
Figures = dict[str, dict[str | None, list[float]]]
# In the order of METRICS. Three visitors: Ada came twice and bought, Ben came from a
# newsletter, and Cem's phone was offline: what it kept for three days is too old.
SHOP: Figures = {
    "total": {None: [3, 4, 3, 5, 7, 12_000, 1, 5_990]},
    "page": {
        "/": [1, 2, 1, 2, 2, 0, 0, 0],
        "/p/kettle": [2, 2, 1, 2, 4, 12_000, 1, 5_990],
        "/late": [1, 1, 1, 1, 1, 0, 0, 0],
    },
    "source": {
        "Google": [1, 1, 0, 2, 4, 12_000, 1, 5_990],
        "newsletter": [1, 1, 1, 1, 1, 0, 0, 0],
        "(none)": [2, 2, 2, 2, 2, 0, 0, 0],
    },
}
BLOG: Figures = {"total": {None: [1, 1, 1, 1, 1, 0, 0, 0]}}
BOTH = {"blog": BLOG, "shop": SHOP}
RECEIVED = Counter(
    {
        # 8 stored, and 3 duplicates: one message three times, one order twice.
        ("shop", STORED): 8 + 3,
        ("shop", "bot"): 2,
        ("shop", "foreign_origin"): 2,
        ("shop", "bad_name"): 1,
        ("shop", "too_old"): 1,
        ("blog", STORED): 1,
        (UNKNOWN_SITE_ID, "unknown_site"): 1,
    }
)


def zone_at_hour(hour: int, now: datetime) -> str:
    """Return a time zone where it is *hour* o'clock, so that midnight is far away."""
    ahead = (hour - now.hour + 11) % 24 - 11
    # The sign in these names is positive west of Greenwich.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@pytest.fixture
def now() -> datetime:
    """Return the current time; other tests, with a set clock, cover midnight."""
    return datetime.now(UTC)  # noqa: TID251 - the processes read the real clock


@pytest.fixture
def installation(tmp_path: Path, now: datetime) -> Installation:
    """Return an installation of two sites in distant time zones."""
    noon, morning = (zone_at_hour(hour, now) for hour in (NOON, MORNING))
    text = CONFIG.replace("Europe/Berlin", noon)
    return install(tmp_path, text=text.replace("America/Los_Angeles", morning))


class Visitor:
    """A visitor: an address and a User-Agent."""

    def __init__(self, installation: Installation, address: str, agent: str) -> None:
        self._installation = installation
        self._headers = {"X-Forwarded-For": address, "User-Agent": agent}

    def send(self, *events: dict[str, Any], **headers: str) -> dict[str, Any]:
        """Send *events* in one request, and return the response."""
        connection = self._installation.connect()
        try:
            body = json.dumps(events)
            connection.request("POST", "/v1/events", body, self._headers | headers)
            response = connection.getresponse()
            receipt: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        assert response.status == HTTPStatus.ACCEPTED
        return receipt


def event(path: str, *, site: str = "shop", **facts: Any) -> dict[str, Any]:
    """Return a native event from a page of *site*."""
    return {"site": site, "url": f"https://{site}.example{path}", **facts}


def order(number: str) -> dict[str, object]:
    """Return the order that every buyer in this test places."""
    item = {"product": "kettle", "quantity": 2, "price": "29.95"}
    return {"id": number, "currency": "EUR", "value": "59.90", "items": [item]}


def send_all(installation: Installation, now: datetime) -> list[dict[str, Any]]:
    """Send every hit that ``RECEIVED`` counts; return the responses."""
    ada = Visitor(installation, "198.51.100.1", FIREFOX)
    ben = Visitor(installation, "198.51.100.2", IPHONE)
    cem = Visitor(installation, "2001:db8::3", FIREFOX)
    bot = Visitor(installation, "198.51.100.4", BOT)
    earlier = [
        (now - timedelta(minutes=90) + timedelta(seconds=10 * step)).isoformat()
        for step in range(5)
    ]
    newsletter = "?utm_source=newsletter&utm_medium=email&secret=1"
    kettle: dict[str, Any] = {"name": "order_placed", "order": order("1001")}
    return [
        ada.send(
            event("/", id="a1", at=earlier[0], referrer="https://www.google.com/"),
            event("/p/kettle", id="a2", at=earlier[1]),
            event("/p/kettle", id="a3", at=earlier[2], name="product_viewed"),
            event("/p/kettle", id="a4", at=earlier[3], **kettle),
            event(
                "/p/kettle",
                id="a5",
                at=earlier[4],
                name="engagement",
                engaged_ms=12_000,
            ),
        ),
        ada.send(event("/", id="a6")),
        # A retry after a lost response, and a reloaded thank-you page.
        ada.send(event("/", id="a6"), event("/", id="a6")),
        ada.send(event("/p/kettle", id="a7", at=earlier[4], **kettle)),
        ben.send(event(f"/p/kettle{newsletter}", id="b1")),
        cem.send(
            event("/late", id="c0", at=(now - timedelta(days=3)).isoformat()),
            event("/late", id="c1"),
            event("/late", id="c2", name="no name!"),
        ),
        bot.send(event("/", id="r1"), event("/p/kettle", id="r2")),
        ada.send(event("/", id="f1"), Origin="https://foreign.example"),
        ada.send(event("/", id="f2") | {"url": "https://foreign.example/"}),
        ada.send(event("/", id="u1", site="nowhere")),
        ada.send(event("/post", id="p1", site="blog")),
    ]


def local_date(installation: Installation, site: str, now: datetime) -> date:
    """Return the date at *site*."""
    [zone] = [
        entry.timezone for entry in installation.settings.sites if entry.id == site
    ]
    return now.astimezone(ZoneInfo(zone)).date()


def query_text(site: str, day: date, dimension: str) -> str:
    """Return a query for all metrics of one day by one dimension, as JSON."""
    query = {
        "site": site,
        "metrics": METRICS,
        "date_range": [day.isoformat(), day.isoformat()],
        "dimensions": [] if dimension == "total" else [dimension],
    }
    return json.dumps(query)


def figures(answer: bytes | str) -> dict[str | None, list[float]]:
    """Return the figures in an answer by value of the dimension."""
    return {
        (row["dimensions"] or [None])[0]: row["metrics"]
        for row in json.loads(answer)["results"]
    }


def reported_figures(installation: Installation, now: datetime) -> dict[str, Figures]:
    """Return the reported figures for everything in ``BOTH``."""
    return {
        site: {
            dimension: figures(
                installation.query_reports(
                    query_text(site, local_date(installation, site, now), dimension)
                )
            )
            for dimension in expected
        }
        for site, expected in BOTH.items()
    }


def has_all_events(installation: Installation, now: datetime) -> bool:
    """Return whether the figures include all events that were sent."""
    column = METRICS.index("events")
    return all(
        sum(row[column] for row in reported["total"].values())
        >= BOTH[site]["total"][None][column]
        for site, reported in reported_figures(installation, now).items()
    )


def run(installation: Installation, *words: str, stdin: str = "") -> str:
    """Run a command that must succeed, and return its output."""
    completed = installation.run(*words, stdin=stdin)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


@pytest.mark.timeout(300)  # for a busy machine
def test_the_figures_equal_what_was_sent(
    installation: Installation, now: datetime
) -> None:
    with running(installation, "up") as [supervisor]:
        receipts = send_all(installation, now)
        wait_until(installation.serves_reports, "the reports server")
        wait_until(lambda: has_all_events(installation, now), "the figures")
        assert reported_figures(installation, now) == BOTH
        check_commands(installation, now)
        # A drain is safe while the batcher runs.
        Visitor(installation, "198.51.100.9", FIREFOX).send(event("/more", id="m1"))
        run(installation, "batcher", "drain")
        assert received(tables(installation)) == RECEIVED + Counter(
            {("shop", STORED): 1}
        )
        assert supervisor.stop() == 0
    accepted = sum(receipt["accepted"] for receipt in receipts)
    dropped = sum((Counter(receipt["dropped"]) for receipt in receipts), Counter())

    assert accepted == sum(RECEIVED[site, STORED] for site in ("shop", "blog"))
    assert dropped.total() == RECEIVED.total() - accepted
    # The last event was loaded at the stop: its figures may not be built yet.
    run(installation, "warehouse", "build")
    check_rows_stay(installation)
    check_figures(installation)


def tables(installation: Installation) -> Warehouse:
    """Return the warehouse of *installation*."""
    return Warehouse(installation.data / "warehouse")


def check_commands(installation: Installation, now: datetime) -> None:
    """Check that the commands and another engine give the same figures."""
    day = local_date(installation, "shop", now)
    show = ("reports", "show", "--site", "shop", "--period", f"{day}..{day}")
    page_query = query_text("shop", day, "page")
    json_output = run(
        installation,
        *(*show, "--by", "page", "--metrics", ",".join(METRICS), "--format", "json"),
    )
    received_json = json.loads(
        run(installation, *show, "--by", "drops", "--format", "json")
    )
    sums = " + ".join(f"sum({name})" for name in METRICS)
    totals = "select site, {} from delta_scan(?) where dimension = 'total' group by 1"

    assert (
        figures(run(installation, "reports", "query", "-", stdin=page_query))
        == (SHOP["page"])
    )
    assert figures(json_output) == SHOP["page"]
    assert "/p/kettle" in run(installation, *show, "--by", "page")
    assert received(tables(installation)) == RECEIVED
    assert [
        received_json["meta"][name] for name in ("stored", "duplicate", "dropped")
    ] == [*(8, 3, 6)]
    assert sorted(
        delta_scan(totals.format(sums), tables(installation).root / "daily_stats")
    ) == [(site, sum(expected["total"][None])) for site, expected in BOTH.items()]


def check_rows_stay(installation: Installation) -> None:
    """Check that a restart and a full build change no row."""
    before = rows(installation)
    states = job_state_path(Path(installation.settings.spool.dir))
    started_ns = states.stat().st_mtime_ns
    with running(installation, "up") as [supervisor]:
        wait_until(
            lambda: all(
                (state.last_success_at or 0) * 1_000_000_000 > started_ns
                for name, state in read_job_states(states).items()
                if name in ("load", "build")
            ),
            "the jobs to run again",
        )
        assert rows(installation) == before
        assert supervisor.stop() == 0
    run(installation, "warehouse", "build", "--full")

    assert rows(installation) == before
    assert "0 differences" in run(installation, "warehouse", "rebuild", "--diff")


def rows(installation: Installation) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table, read by another engine."""
    select = "select columns(*)::varchar from delta_scan(?) order by all"
    return {
        table.name: delta_scan(select, tables(installation).root / table.name)
        for table in (EVENTS, SESSIONS, DAILY_STATS, DROPS)
    }
