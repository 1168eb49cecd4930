"""A large request gives way to others, and is stored whole or not at all."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec
import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from config.settings import SpoolSettings
from proxy.intake.intake import Intake, PendingReceipt, Receipt
from proxy.intake.journal import Journal
from proxy.intake.slices import Slices, TooBusyError, is_large
from proxy.pipeline.drops import DropReason
from proxy.pipeline.moment import Calendars
from proxy.pipeline.site_days import NoSaltError
from tests.proxy.pipeline.pipeline_setup import NOON, Pipeline, pageview, sender
from tests.proxy.spool_reader import read_spool

# Segments that every rule about personal data has to look at.
AWKWARD = "https://shop.example/" + "ab-1:1/2-" * 22


def milliseconds() -> Callable[[], float]:
    """Return a timer that is a millisecond later at each call."""
    calls = count()
    return lambda: next(calls) / 1_000


async def count_turns(turns: list[int]) -> None:
    """Count the turns of the event loop, endlessly."""
    while True:
        turns.append(len(turns))
        await asyncio.sleep(0)


async def test_the_loop_has_a_turn_after_every_slice() -> None:
    turns: list[int] = []
    other = asyncio.create_task(count_turns(turns))

    got = await Slices(milliseconds()).call(lambda item: item * 2, range(600))

    other.cancel()
    assert got == [item * 2 for item in range(600)]
    # A slice is five milliseconds, so five items and the reading of the timer.
    assert len(turns) >= 600 / 6


async def test_only_one_large_request_at_a_time_takes_part() -> None:
    slices, seen = Slices(milliseconds()), ""

    def see(item: str) -> None:
        nonlocal seen
        seen += item

    await asyncio.gather(slices.call(see, "a" * 50), slices.call(see, "b" * 50))

    assert seen == "a" * 50 + "b" * 50


async def test_more_waiting_events_than_memory_may_hold_are_refused() -> None:
    slices = Slices(milliseconds())
    slices.check_room(1_000_000)
    waiting = [asyncio.create_task(slices.call(str, range(2_500))) for _ in range(20)]
    await asyncio.sleep(0)

    with pytest.raises(TooBusyError, match="50000 events"):
        slices.check_room(1)
    await asyncio.gather(*waiting)
    slices.check_room(2_500)


@pytest.mark.parametrize(
    ("hits", "size_bytes", "expected"),
    [(1, 900, False), (20, 16_384, False), (21, 900, True), (1, 16_385, True)],
)
def test_many_events_or_a_long_body_make_a_request_large(
    hits: int,
    size_bytes: int,
    expected: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert is_large(hits, size_bytes) is expected


class Setup:
    """An intake with a real pipeline and a real spool."""

    def __init__(self, folder: Path) -> None:
        self.pipeline = Pipeline(folder)
        self.folder = folder / "spool"
        lane = Lane.open(Spool(self.folder), "worker-0", SpoolSettings())
        self.journal = Journal(lane, asyncio.get_running_loop(), window_s=0)
        zones = {site.id: site.zone for site in self.pipeline.sites}
        self.intake = Intake(
            self.pipeline.anonymizer,
            self.journal,
            lambda: NOON,
            Calendars(zones),
            timer=milliseconds(),
        )


def receipt_of(pending: PendingReceipt) -> Receipt:
    return pending.receipt


async def test_a_large_request_is_stored_as_a_small_one_would_be(
    tmp_path: Path,
) -> None:
    setup = Setup(tmp_path)
    setup.pipeline.prefetch()
    hits = [pageview(url=f"{AWKWARD}{n}") for n in range(40)] + [pageview(url="x:")]
    turns: list[int] = []
    other = asyncio.create_task(count_turns(turns))

    got = await setup.intake.receive_in_slices(hits, sender(), receipt_of)
    other.cancel()
    durable = setup.intake.receive(hits, sender()).durable
    assert durable is not None
    await durable
    await setup.journal.close()

    events = read_spool(setup.folder).events
    assert got == Receipt(40, {DropReason.BAD_PAGE: 1})
    numbers = [event.seq for event in events]
    assert numbers == list(range(80))
    alike = [msgspec.structs.replace(event, seq=0) for event in events]
    assert alike[:40] == alike[40:]
    assert len(turns) > 8


async def test_nothing_of_a_large_request_is_stored_if_a_salt_is_missing(
    tmp_path: Path,
) -> None:
    setup = Setup(tmp_path)
    hits = [pageview(optout=True)] * 30 + [pageview()]

    with pytest.raises(NoSaltError):
        await setup.intake.receive_in_slices(hits, sender(), receipt_of)
    await setup.journal.close()

    assert read_spool(setup.folder).events == []


async def test_a_worker_that_ends_gives_up_what_is_not_stored(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.pipeline.prefetch()
    task = setup.intake.receive_in_slices([pageview()] * 90, sender(), receipt_of)
    await asyncio.sleep(0)

    setup.intake.close()
    await asyncio.wait([task])
    await setup.journal.close()

    assert task.cancelled()
    assert read_spool(setup.folder).events == []
