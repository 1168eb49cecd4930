"""Local listeners see stored rows and drop reasons, and no personal data."""

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from config.settings import SpoolSettings
from proxy.intake.intake import Intake
from proxy.intake.journal import Journal
from proxy.pipeline.drops import UNCOUNTED, Dropped, DropReason
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars
from proxy.tail.lines import (
    DropLine,
    EventLine,
    Line,
    MissedLines,
    decode_line,
    lines_of,
)
from proxy.tail.table import FORMS
from proxy.tail.tail import GREETING, MOST_LISTENERS, Tail, short_name, socket_path
from proxy.user_agent.bot_kind import BotKind
from tests.proxy.pipeline.pipeline_setup import NOON, Pipeline, pageview, sender
from warehouse.schema import Event, Hash64, JsonText, UtcSeconds

AT = "2026-11-23T12:00:00Z"
BOT = Dropped(DropReason.BOT, "shop")
# Every column has a unique value, so that a test can identify shown ones.
EVENT = Event(
    site="shop",
    day=date(2026, 11, 23),
    at=UtcSeconds(1_795_435_200),
    event_id=Hash64(7_731_001),
    visitor=Hash64(7_731_002),
    actor=Hash64(7_731_003),
    name="order_placed",
    protocol="plausible",
    hostname="canary-host.example",
    path="/thanks",
    referrer="canary-referrer.example",
    source="Newsletter",
    channel="email",
    utm_source="canary-utm",
    utm_campaign="canary-campaign",
    country="DE",
    region="DE-BE",
    browser="Firefox",
    browser_major=140,
    os="canary-os",
    screen="xl",
    language="canary-language",
    props=JsonText('{"plan":"canary-prop"}'),
    order_key=Hash64(7_731_004),
    cart_key=Hash64(7_731_005),
    currency="EUR",
    value_minor=7_731_006,
    coupon="canary-coupon",
)
SHOWN = EventLine(
    at=AT,
    site="shop",
    protocol="plausible",
    name="order_placed",
    path="/thanks",
    source="Newsletter",
    channel="email",
    country="DE",
    browser="Firefox",
    order=True,
)


REFUSED = DropLine(at=AT, site="shop", protocol="native", reason="bot")


def test_a_line_has_stored_values_and_no_personal_data() -> None:
    [got] = lines_of([EVENT], "plausible", NOON)

    assert got == SHOWN
    assert "canary" not in FORMS["json"].row(got) + FORMS["table"].row(got)
    assert "7731" not in FORMS["json"].row(got) + FORMS["table"].row(got)


@pytest.mark.parametrize("reason", DropReason)
def test_every_drop_except_objections_is_shown(reason: DropReason) -> None:
    got = [*lines_of([Dropped(reason, "shop")], "native", NOON)]

    expected = DropLine(at=AT, site="shop", protocol="native", reason=reason)
    assert got == ([] if reason in UNCOUNTED else [expected])


def test_a_bot_is_shown_with_its_kind() -> None:
    bot = Dropped(DropReason.BOT, "shop", BotKind.MONITOR)
    [got] = lines_of([bot], "native", NOON)

    assert got == msgspec.structs.replace(REFUSED, bot_kind="monitor")
    assert '"bot_kind":"monitor"' in FORMS["json"].row(got)
    assert "bot_kind" not in FORMS["json"].row(REFUSED)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            SHOWN,
            "12:00:00  shop          plausible   order_placed              /thanks"
            "                         Newsletter      email           DE       Firefox"
            "       yes",
            id="event",
        ),
        pytest.param(
            REFUSED, "12:00:00  shop          native      dropped: bot", id="drop"
        ),
        pytest.param(
            msgspec.structs.replace(REFUSED, bot_kind="ai_assistant"),
            "12:00:00  shop          native      dropped: bot"
            "              ai_assistant",
            id="drop of a bot",
        ),
        pytest.param(
            MissedLines(count=3),
            "(3 lines were lost: they come faster than they are read)",
            id="missed",
        ),
        pytest.param(
            DropLine(at=AT, site="s" * 20, protocol="native", reason="\x1b[2J"),
            "12:00:00  sssssssssss…  native      dropped: ?[2J",
            id="too long, with an escape sequence",
        ),
    ],
)
def test_a_line_becomes_a_table_row(line: Line, expected: str) -> None:
    assert FORMS["table"].row(line) == expected


def test_a_line_becomes_a_json_object() -> None:
    assert decode_line(FORMS["json"].row(SHOWN).encode()) == SHOWN
    assert FORMS["json"].header == ""


class Listener:
    """A listener that reads only on request."""

    def __init__(self, path: Path) -> None:
        self.connected = socket.socket(socket.AF_UNIX)
        with short_name(path) as name:
            self.connected.connect(name)
        self.connected.settimeout(0)

    async def receive(self, most: int) -> bytes:
        """Return up to *most* received bytes; fewer if the tail closes."""
        loop = asyncio.get_running_loop()
        received = b""
        while len(received) < most:
            chunk = await loop.sock_recv(self.connected, most - len(received))
            if not chunk:
                break
            received += chunk
        return received

    async def lines(self, count: int) -> list[Line]:
        """Return the next *count* lines."""
        received = b""
        while received.count(b"\n") < count:
            received += await self.receive(1)
        return [decode_line(line) for line in received.splitlines()]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Tail]:
    tail = Tail(path)
    await tail.open()
    try:
        yield tail
    finally:
        tail.close()


@pytest.fixture
async def tail(tmp_path: Path) -> AsyncIterator[Tail]:
    async with opened(socket_path(tmp_path, 0)) as tail:
        yield tail


async def connect_listener(folder: Path) -> Listener:
    """Return a listener that receives all lines from now on."""
    listener = Listener(socket_path(folder, 0))
    assert await listener.receive(1) == GREETING
    return listener


async def show(
    tail: Tail, outcomes: Sequence[Event | Dropped], error: Exception | None = None
) -> None:
    durable = asyncio.get_running_loop().create_future()
    tail.show(durable, outcomes, "native", NOON)
    if error is None:
        durable.set_result(None)
    else:
        durable.set_exception(error)
    await asyncio.wait([durable])


async def test_every_listener_gets_durable_rows(tail: Tail, tmp_path: Path) -> None:
    listeners = [await connect_listener(tmp_path), await connect_listener(tmp_path)]
    await show(tail, [EVENT], error=OSError("the disk is full"))
    tail.show(None, [BOT], "native", NOON)
    await show(tail, [BOT])

    assert [await listener.lines(1) for listener in listeners] == [[REFUSED]] * 2
    for listener in listeners:
        listener.connected.close()


async def test_a_disconnected_listener_is_removed(tail: Tail, tmp_path: Path) -> None:
    assert not tail.is_watched
    first, second = await connect_listener(tmp_path), await connect_listener(tmp_path)
    assert tail.is_watched

    first.connected.close()
    await show(tail, [BOT])
    assert await second.lines(1) == [REFUSED]
    second.connected.close()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not tail.is_watched


async def test_a_slow_listener_loses_lines_and_gets_the_count(
    tail: Tail, tmp_path: Path
) -> None:
    listener = await connect_listener(tmp_path)
    for _ in range(100):
        await show(tail, [BOT] * 100)
    received = missed = 0
    while received + missed < 10_000:
        [line] = await listener.lines(1)
        if isinstance(line, MissedLines):
            missed += line.count
        else:
            received += 1
    await show(tail, [BOT])

    assert missed > 0
    assert received + missed == 10_000
    assert await listener.lines(1) == [REFUSED]
    listener.connected.close()


async def test_the_number_of_listeners_is_limited(tail: Tail, tmp_path: Path) -> None:
    listeners = [await connect_listener(tmp_path) for _ in range(MOST_LISTENERS)]
    another = Listener(socket_path(tmp_path, 0))

    assert await another.receive(1) == b""
    assert tail.is_watched
    for listener in [*listeners, another]:
        listener.connected.close()


async def test_the_socket_is_private_and_removed_with_the_worker(
    tmp_path: Path,
) -> None:
    # The path is longer than the address of a socket may be.
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    path = socket_path(folder, 0)
    with socket.socket(socket.AF_UNIX) as dead, short_name(path) as name:
        dead.bind(name)

    async with opened(path):
        listener = await connect_listener(folder)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await listener.receive(1) == b""
    assert not path.exists()
    listener.connected.close()


async def test_a_worker_that_is_replaced_leaves_the_socket_of_its_successor(
    tmp_path: Path,
) -> None:
    path = socket_path(tmp_path, 0)
    async with opened(path):
        successor = Tail(path)
        await successor.open()

    listener = await connect_listener(tmp_path)
    successor.close()
    assert not path.exists()
    listener.connected.close()


class UnwatchedTail(Tail):
    """A tail that must not receive rows."""

    def show(self, *_args: object) -> NoReturn:
        """Fail."""
        raise AssertionError("nobody listens")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    lane = Lane.open(Spool(tmp_path / "spool"), "worker-0", SpoolSettings())
    journal = Journal(lane, asyncio.get_running_loop(), window_s=0)
    yield journal
    await journal.close()


def intake(pipeline: Pipeline, journal: Journal, tail: Tail) -> Intake:
    pipeline.prefetch()
    zones = {site.id: site.zone for site in pipeline.sites}
    return Intake(pipeline.anonymizer, journal, lambda: NOON, Calendars(zones), tail)


HITS: list[Hit | Dropped] = [pageview(), BOT, pageview(optout=True)]


async def test_no_line_is_built_without_a_listener(
    tmp_path: Path, journal: Journal
) -> None:
    watched = intake(
        Pipeline(tmp_path), journal, UnwatchedTail(socket_path(tmp_path, 0))
    )

    pending = watched.receive(HITS, sender())

    assert pending.durable is not None
    await pending.durable


async def test_listeners_get_the_lines_of_the_intake(
    tmp_path: Path, journal: Journal, tail: Tail
) -> None:
    watched = intake(Pipeline(tmp_path), journal, tail)
    listener = await connect_listener(tmp_path)

    watched.receive([pageview(optout=True)], sender())
    watched.receive(HITS, sender())

    first, second = await listener.lines(2)
    assert isinstance(first, EventLine)
    assert (first.path, first.order) == ("/p/42", False)
    assert second == REFUSED
    listener.connected.close()
