"""A receipt acknowledges only durable rows, and every drop is counted once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from config.settings import SpoolSettings
from proxy.intake.intake import Intake, Receipt
from proxy.intake.journal import Journal
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars
from proxy.pipeline.site_days import NoSaltError
from tests.proxy.pipeline.pipeline_setup import NOON, Pipeline, pageview, sender
from tests.proxy.spool_reader import SpoolContent, read_spool
from warehouse.schema import Drop

TODAY = date(2026, 11, 23)
MALFORMED = Dropped(DropReason.MALFORMED)
BOT_AGENT = "curl/8.5.0"
OTHER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


class Setup:
    """An intake with a real pipeline and a real spool."""

    def __init__(self, folder: Path) -> None:
        self.pipeline = Pipeline(folder)
        self.folder = folder / "spool"
        lane = Lane.open(Spool(self.folder), "worker-0", SpoolSettings())
        self.journal = Journal(lane, asyncio.get_running_loop(), window_s=0)
        zones = {site.id: site.zone for site in self.pipeline.sites}
        self.intake = Intake(
            self.pipeline.anonymizer, self.journal, lambda: NOON, Calendars(zones)
        )

    async def receive(self, *hits: Hit | Dropped, **headers: str) -> Receipt:
        """Receive *hits*, and wait until the receipt is durable."""
        pending = self.intake.receive(hits, sender(**headers))
        if pending.durable is not None:
            await pending.durable
        return pending.receipt

    @property
    def spooled(self) -> SpoolContent:
        """The rows on disk now."""
        return read_spool(self.folder)


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    setup = Setup(tmp_path)
    setup.pipeline.prefetch()
    yield setup
    await setup.journal.close()


def drop(reason: str, count: int, site: str = "shop") -> Drop:
    return Drop(
        site=site, day=TODAY, hour=12, reason=reason, protocol="native", count=count
    )


async def test_accepted_hits_are_on_disk(setup: Setup) -> None:
    got = await setup.receive(pageview(), pageview(url="https://shop.example/b"))

    assert got == Receipt(2, {})
    assert setup.spooled.paths == ["/p/42", "/b"]
    assert [event.seq for event in setup.spooled.events] == [0, 1]


async def test_hits_of_a_request_are_numbered_by_their_own_times(setup: Setup) -> None:
    times = {"/c": 0.502, "/a": -0.5, "/b": 0.501}
    hits = [
        pageview(url=f"https://shop.example{path}", at=NOON - 60 + after_s)
        for path, after_s in times.items()
    ]

    await setup.receive(*hits, MALFORMED)

    stored = setup.spooled.events
    assert [event.path for event in stored] == [*times]
    in_order = sorted(stored, key=lambda event: (event.at, event.seq))
    assert [event.path for event in in_order] == ["/a", "/b", "/c"]


async def test_requests_of_a_second_are_numbered_as_they_arrive(setup: Setup) -> None:
    for path in ("/b", "/a", "/c"):
        await setup.receive(pageview(url=f"https://shop.example{path}"))
    await setup.receive(pageview(), User_Agent=OTHER_AGENT)

    assert [event.seq for event in setup.spooled.events] == [0, 1, 2, 0]


async def test_good_and_bad_hits_of_a_request_are_counted_separately(
    setup: Setup,
) -> None:
    got = await setup.receive(
        pageview(),
        MALFORMED,
        pageview(name="<b>"),
        pageview(site="other"),
        MALFORMED,
        pageview(name="<i>"),
        pageview(optout=True),
    )

    assert got == Receipt(
        1,
        {
            DropReason.MALFORMED: 2,
            DropReason.BAD_NAME: 2,
            DropReason.UNKNOWN_SITE: 1,
            DropReason.OPT_OUT: 1,
        },
    )
    assert len(setup.spooled.events) == 1
    assert sorted(setup.spooled.drops, key=lambda drop: drop.reason) == [
        drop("bad_name", 2),
        drop("malformed", 2, "(unknown)"),
        drop("unknown_site", 1, "(unknown)"),
    ]


async def test_received_hits_equal_stored_plus_dropped(setup: Setup) -> None:
    hits: list[Hit | Dropped] = [
        pageview(),
        pageview(name="<b>"),
        pageview(site="other"),
        MALFORMED,
    ]

    for _ in range(3):
        await setup.receive(*hits)
    await setup.receive(*hits, User_Agent=BOT_AGENT)

    dropped = sum(drop.count for drop in setup.spooled.drops)
    assert len(setup.spooled.events) + dropped == 4 * len(hits)


async def test_an_objection_writes_nothing_to_disk(setup: Setup) -> None:
    got = await setup.receive(
        pageview(), MALFORMED, pageview(name="<b>"), Cookie="noanalytics=1"
    )

    assert got == Receipt(0, {DropReason.OPT_OUT: 3})
    assert setup.spooled == SpoolContent([], [], [], is_sealed=True)


async def test_a_request_without_hits_writes_no_rows(setup: Setup) -> None:
    got = await setup.receive()

    assert got == Receipt(0, {})
    assert setup.spooled.events == []


async def test_without_a_salt_the_request_stores_nothing(tmp_path: Path) -> None:
    setup = Setup(tmp_path)

    with pytest.raises(NoSaltError):
        await setup.receive(pageview(name="<b>"), pageview())
    await setup.journal.close()

    assert setup.spooled == SpoolContent([], [], [], is_sealed=True)
