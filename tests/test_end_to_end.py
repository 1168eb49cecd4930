"""Events in at the front, exact figures out at the end, through every real process."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from proxy.pipeline.drops import UNKNOWN_SITE_ID
from tests.delta_scan import delta_scan
from tests.oracle import STORED, check_figures, received
from tests.processes import CONFIG, Installation, install, running
from tests.senders import BOT, FIREFOX
from tests.waiting import wait_until
from warehouse.job_states import job_state_path, read_job_states
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import Warehouse

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
# By METRICS. Three visitors: Ada came twice and bought, Ben came by a newsletter, Cem's
# telephone was offline for three days.
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
        # Stored, and the three that repeat: a message twice, an order once more.
        ("shop", STORED): 8 + 3,
        ("shop", "bot"): 2,
        ("shop", "foreign_origin"): 2,
        ("shop", "bad_name"): 1,
        ("blog", STORED): 1,
        (UNKNOWN_SITE_ID, "unknown_site"): 1,
    }
)


def zone_where_it_is(hour: int, now: datetime) -> str:
    """Return a time zone where it is *hour* o'clock, so that no midnight is near."""
    ahead = (hour - now.hour + 11) % 24 - 11
    # These names count westwards.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@pytest.fixture
def now() -> datetime:
    """Return the time; what happens at midnight is told by tests that own the clock."""
    return datetime.now(UTC)  # noqa: TID251 - the processes read the real clock


@pytest.fixture
def installation(tmp_path: Path, now: datetime) -> Installation:
    """Return an installation of two sites, far from each other."""
    noon, morning = (zone_where_it_is(hour, now) for hour in (NOON, MORNING))
    text = CONFIG.replace("Europe/Berlin", noon)
    return install(tmp_path, text=text.replace("America/Los_Angeles", morning))


class Visitor:
    """Someone with an address and a browser."""

    def __init__(self, installation: Installation, address: str, agent: str) -> None:
        self._installation = installation
        self._headers = {"X-Forwarded-For": address, "User-Agent": agent}

    def send(self, *events: dict[str, Any], **headers: str) -> dict[str, Any]:
        """Send *events* in one request; return the answer."""
        connection = self._installation.connect()
        try:
            body = json.dumps(events)
            connection.request("POST", "/v1/events", body, self._headers | headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        assert response.status == HTTPStatus.ACCEPTED
        return answer


def event(path: str, *, site: str = "shop", **facts: Any) -> dict[str, Any]:
    """Return a native event on a page of *site*."""
    return {"site": site, "url": f"https://{site}.example{path}", **facts}


def order(number: str) -> dict[str, object]:
    """Return the order everybody in this test places."""
    item = {"product": "kettle", "quantity": 2, "price": "29.95"}
    return {"id": number, "currency": "EUR", "value": "59.90", "items": [item]}


def send_all(installation: Installation, now: datetime) -> list[dict[str, Any]]:
    """Send everything ``RECEIVED`` counts; return the answers."""
    ada = Visitor(installation, "198.51.100.1", FIREFOX)
    ben = Visitor(installation, "198.51.100.2", IPHONE)
    cem = Visitor(installation, "2001:db8::3", FIREFOX)
    bot = Visitor(installation, "198.51.100.4", BOT)
    earlier = [
        (now - timedelta(minutes=90) + timedelta(seconds=10 * each)).isoformat()
        for each in range(5)
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
        # A retry whose answer got lost, and a thank-you page that was loaded again.
        ada.send(event("/", id="a6"), event("/", id="a6")),
        ada.send(event("/p/kettle", id="a7", at=earlier[4], **kettle)),
        ben.send(event(f"/p/kettle{newsletter}", id="b1")),
        cem.send(
            event("/late", id="c1", at=(now - timedelta(days=3)).isoformat()),
            event("/late", id="c2", name="no name!"),
        ),
        bot.send(event("/", id="r1"), event("/p/kettle", id="r2")),
        ada.send(event("/", id="f1"), Origin="https://foreign.example"),
        ada.send(event("/", id="f2") | {"url": "https://foreign.example/"}),
        ada.send(event("/", id="u1", site="nowhere")),
        ada.send(event("/post", id="p1", site="blog")),
    ]


def today_of(installation: Installation, site: str, now: datetime) -> date:
    """Return the site's date."""
    [zone] = [each.timezone for each in installation.settings.sites if each.id == site]
    return now.astimezone(ZoneInfo(zone)).date()


def question(site: str, day: date, dimension: str) -> str:
    """Return the question for all figures of one day by one dimension."""
    asked = {
        "site": site,
        "metrics": METRICS,
        "date_range": [day.isoformat(), day.isoformat()],
        "dimensions": [] if dimension == "total" else [dimension],
    }
    return json.dumps(asked)


def figures(answer: bytes | str) -> dict[str | None, list[float]]:
    """Return the figures in an answer by their value of the dimension."""
    return {
        (row["dimensions"] or [None])[0]: row["metrics"]
        for row in json.loads(answer)["results"]
    }


def all_figures(installation: Installation, now: datetime) -> dict[str, Figures]:
    """Return what the reports server says of what is in ``BOTH``."""
    return {
        site: {
            dimension: figures(
                installation.ask(
                    question(site, today_of(installation, site, now), dimension)
                )
            )
            for dimension in expected
        }
        for site, expected in BOTH.items()
    }


def has_all_events(installation: Installation, now: datetime) -> bool:
    """Say whether as many events are in the figures as must be."""
    place = METRICS.index("events")
    return all(
        sum(each[place] for each in found["total"].values())
        >= BOTH[site]["total"][None][place]
        for site, found in all_figures(installation, now).items()
    )


def run(installation: Installation, *words: str, given: str = "") -> str:
    """Run a command that must succeed; return what it prints."""
    done = installation.run(*words, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)  # for a busy machine
def test_what_is_sent_comes_out_exactly(
    installation: Installation, now: datetime
) -> None:
    with running(installation, "up") as [supervisor]:
        answers = send_all(installation, now)
        wait_until(installation.serves_reports, "the reports server")
        wait_until(lambda: has_all_events(installation, now), "the figures")
        assert all_figures(installation, now) == BOTH
        check_commands(installation, now)
        # Safe beside the batcher that runs.
        Visitor(installation, "198.51.100.9", FIREFOX).send(event("/more", id="m1"))
        run(installation, "batcher", "drain")
        assert received(tables(installation)) == RECEIVED + Counter(
            {("shop", STORED): 1}
        )
        assert supervisor.stop() == 0
    accepted = sum(answer["accepted"] for answer in answers)
    dropped = sum((Counter(answer["dropped"]) for answer in answers), Counter())

    assert accepted == sum(RECEIVED[site, STORED] for site in ("shop", "blog"))
    assert dropped.total() == RECEIVED.total() - accepted
    # The last event was loaded as all of it stopped: its figures may be due still.
    run(installation, "warehouse", "build")
    check_nothing_changes(installation)
    check_figures(installation)


def tables(installation: Installation) -> Warehouse:
    """Return the tables."""
    return Warehouse(installation.data / "warehouse")


def check_commands(installation: Installation, now: datetime) -> None:
    """Hold the commands, and another engine, to the same figures."""
    day = today_of(installation, "shop", now)
    show = ("reports", "show", "--site", "shop", "--period", f"{day}..{day}")
    asked = question("shop", day, "page")
    shown = run(
        installation,
        *(*show, "--by", "page", "--metrics", ",".join(METRICS), "--format", "json"),
    )
    dropped = json.loads(run(installation, *show, "--by", "drops", "--format", "json"))
    sums = " + ".join(f"sum({name})" for name in METRICS)
    totals = "select site, {} from delta_scan(?) where dimension = 'total' group by 1"

    assert (
        figures(run(installation, "reports", "query", "-", given=asked))
        == (SHOP["page"])
    )
    assert figures(shown) == SHOP["page"]
    assert "/p/kettle" in run(installation, *show, "--by", "page")
    assert received(tables(installation)) == RECEIVED
    assert [dropped["meta"][name] for name in ("stored", "duplicate", "dropped")] == [
        *(8, 3, 5)
    ]
    assert sorted(
        delta_scan(totals.format(sums), tables(installation).root / "daily_stats")
    ) == [(site, sum(each["total"][None])) for site, each in BOTH.items()]


def check_nothing_changes(installation: Installation) -> None:
    """Hold all rows to what they are, after a restart and after a full build."""
    before = rows(installation)
    states = job_state_path(Path(installation.settings.spool.dir))
    begun = states.stat().st_mtime_ns
    with running(installation, "up") as [supervisor]:
        wait_until(
            lambda: all(
                (state.last_success_at or 0) * 1_000_000_000 > begun
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
    """Return the rows of every table, as another engine reads them."""
    select = "select columns(*)::varchar from delta_scan(?) order by all"
    return {
        table.name: delta_scan(select, tables(installation).root / table.name)
        for table in (EVENTS, SESSIONS, DAILY_STATS, DROPS)
    }
