"""Group commit: a whole group is durable before any request in it is answered."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import pytest

from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.lane_files import LaneTakenError
from batcher.spool.quota import SpoolFullError
from batcher.spool.segment import FrameKind, read_frames
from batcher.spool.spool import Spool
from config.settings import SpoolSettings
from proxy.intake.journal import Journal, JournalFullError, encode_drops
from proxy.pipeline.drops import DropCounts, DropKey, DropReason
from tests.batcher.spool.segment_files import file_size_limit
from tests.proxy.spool_reader import read_spool

MEGABYTE = 1 << 20
SMALLEST = SpoolSettings(max_bytes=MEGABYTE)
NONE = DropCounts()
BOTS = DropKey("shop", date(2026, 11, 23), 12, DropReason.BOT, "native")


def line(path: str, size: int = 0) -> bytes:
    """Return an event line, padded to about *size* bytes."""
    name = "n" * size
    return b'{"site":"shop","day":"2026-11-23","at":1,"name":"%s","path":"%s"}' % (
        name.encode(),
        path.encode(),
    )


def open_journal(
    folder: Path, settings: SpoolSettings | None = None, window_s: float = 0
) -> Journal:
    lane = Lane.open(Spool(folder), "worker-0", settings or SpoolSettings())
    return Journal(lane, asyncio.get_running_loop(), window_s=window_s)


async def turns(count: int) -> None:
    """Let the event loop run *count* times."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = open_journal(tmp_path)
    yield journal
    await journal.close()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Journal]:
    """Return a journal with a spool of one megabyte."""
    journal = open_journal(tmp_path, SMALLEST)
    yield journal
    await journal.close()


def frames(folder: Path) -> list[tuple[FrameKind, int]]:
    """Return the kind and row count of every frame, in order."""
    segments = sorted((folder / "lanes" / "worker-0").glob("*.*[nt]"))
    return [
        (frame.kind, frame.rows)
        for segment in segments
        if segment.suffix in (".open", ".segment")
        for frame in read_frames(segment.read_bytes()).frames
    ]


async def test_an_acknowledged_append_is_on_disk(
    journal: Journal, tmp_path: Path
) -> None:
    await journal.append([line("/a")], NONE)

    assert read_spool(tmp_path).paths == ["/a"]


async def test_an_append_waits_for_the_disk_sync(
    journal: Journal, tmp_path: Path
) -> None:
    slow_disk = threading.Event()
    blocked = asyncio.ensure_future(journal.run(lambda: slow_disk.wait(20)))
    await turns(2)

    waiter = journal.append([line("/a")], NONE)
    await turns(20)

    assert not waiter.done()
    assert read_spool(tmp_path).paths == []
    slow_disk.set()
    await asyncio.gather(waiter, blocked)
    assert read_spool(tmp_path).paths == ["/a"]


async def test_concurrent_requests_share_one_write(
    journal: Journal, tmp_path: Path
) -> None:
    counts = DropCounts({BOTS: 2})

    await asyncio.gather(
        journal.append([line("/a")], NONE),
        journal.append([line("/b"), line("/c")], counts),
        journal.append([], counts),
    )

    assert frames(tmp_path) == [(FrameKind.EVENTS, 3), (FrameKind.DROPS, 1)]
    assert [drop.count for drop in read_spool(tmp_path).drops] == [4]


async def test_appends_during_a_write_form_the_next_group(
    journal: Journal, tmp_path: Path
) -> None:
    first = journal.append([line("/a")], NONE)
    while not frames(tmp_path):  # noqa: ASYNC110 - the disk tells nobody
        await asyncio.sleep(0)
    rest = [journal.append([line(f"/{number}")], NONE) for number in range(9)]
    await asyncio.gather(first, *rest)

    assert sum(rows for _, rows in frames(tmp_path)) == 10
    assert len(frames(tmp_path)) < 10


async def test_appends_within_the_window_form_one_group(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, window_s=0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()

    first = journal.append([line("/a")], NONE)
    await turns(5)
    await asyncio.gather(first, journal.append([line("/b")], NONE))

    assert loop.time() - began >= 0.05
    assert frames(tmp_path) == [(FrameKind.EVENTS, 2)]
    await journal.close()


async def test_a_failed_group_fails_only_its_own_waiters(
    small: Journal, tmp_path: Path
) -> None:
    got = await asyncio.gather(
        small.append([line("/a")], NONE),
        small.append([line("/big", 2 * MEGABYTE)], NONE),
        small.append([], DropCounts({BOTS: 1})),
        return_exceptions=True,
    )

    assert [type(error) for error in got] == [SpoolFullError] * 3
    assert not small.is_healthy
    await small.append([line("/later")], NONE)
    assert small.is_healthy
    assert read_spool(tmp_path).paths == ["/later"]
    assert read_spool(tmp_path).drops == []


async def test_the_journal_recovers_after_a_disk_failure(
    journal: Journal, tmp_path: Path
) -> None:
    await journal.append([line("/before")], NONE)
    with file_size_limit(512):
        with pytest.raises(SpoolBrokenError):
            await journal.append([line("/lost", 4_096)], NONE)
        with pytest.raises(SpoolBrokenError):
            await journal.append([line("/lost", 4_096)], NONE)
    await journal.append([line("/after")], NONE)

    assert read_spool(tmp_path).paths == ["/before", "/after"]


async def test_a_disk_that_hangs_is_reported(tmp_path: Path) -> None:
    lane = Lane.open(Spool(tmp_path), "worker-0", SpoolSettings())
    loop = asyncio.get_running_loop()
    journal = Journal(lane, loop, window_s=0, stuck_after_s=0.01)
    slow_disk = threading.Event()
    blocked = asyncio.ensure_future(journal.run(lambda: slow_disk.wait(20)))
    await turns(2)

    waiter = journal.append([line("/a")], NONE)
    before = journal.is_stuck
    async with asyncio.timeout(20):
        while not journal.is_stuck:
            await turns(1)
    slow_disk.set()
    await asyncio.gather(waiter, blocked)

    assert (before, journal.is_stuck) == (False, False)
    await journal.close()


async def test_a_cancelled_waiter_does_not_affect_others(
    journal: Journal, tmp_path: Path
) -> None:
    gone = journal.append([line("/gone")], NONE)
    stays = journal.append([line("/stays")], NONE)
    gone.cancel()
    await stays

    assert read_spool(tmp_path).paths == ["/gone", "/stays"]


async def test_waiting_memory_is_bounded(small: Journal) -> None:
    # The same bytes object many times, to bound the memory of the test.
    lines = [line("/a", MEGABYTE)] * 65
    waiting = small.append(lines, NONE)

    with pytest.raises(JournalFullError):
        small.append([line("/b")], NONE)
    with pytest.raises(SpoolFullError):
        await waiting
    await small.append([line("/c")], NONE)


async def test_closing_writes_pending_appends_and_seals_the_segment(
    tmp_path: Path,
) -> None:
    journal = open_journal(tmp_path)
    first = journal.append([line("/a")], NONE)
    await asyncio.sleep(0)
    second = journal.append([line("/b")], NONE)

    await journal.close()

    assert first.done()
    assert second.done()
    assert read_spool(tmp_path).paths == ["/a", "/b"]
    assert read_spool(tmp_path).is_sealed


def fail_last(journal: Journal) -> asyncio.Future[None]:
    return journal.append([line("/big", 2 * MEGABYTE)], NONE)


def overflow(journal: Journal) -> asyncio.Future[None]:
    return journal.append([line("/a", MEGABYTE)] * 65, NONE)


@pytest.mark.parametrize("last", [fail_last, overflow])
async def test_closing_releases_the_lane_even_if_the_last_group_fails(
    tmp_path: Path, last: Callable[[Journal], asyncio.Future[None]]
) -> None:
    journal = open_journal(tmp_path, SMALLEST)
    failing = last(journal)

    await journal.close()

    with pytest.raises(SpoolFullError):
        await failing
    Lane.open(Spool(tmp_path), "worker-0", SMALLEST).close()


async def test_an_open_journal_locks_its_lane(journal: Journal, tmp_path: Path) -> None:
    await journal.append([line("/a")], NONE)

    with pytest.raises(LaneTakenError):
        Lane.open(Spool(tmp_path), "worker-0", SMALLEST)


def test_drop_counts_are_written_as_rows() -> None:
    got = encode_drops(DropCounts({BOTS: 7}))

    row = (
        b'{"site":"shop","day":"2026-11-23","hour":12,"reason":"bot",'
        b'"protocol":"native","count":7}'
    )
    assert got == [row]
