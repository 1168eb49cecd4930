"""A large request is read in a thread, and only some of them wait."""

import asyncio
import threading

import pytest

from proxy.intake.large_reader import LargeReader
from proxy.intake.slices import TooBusyError


async def test_others_have_their_turn_while_a_large_request_is_read() -> None:
    reader, other_was_served = LargeReader(), threading.Event()
    reading = asyncio.create_task(reader.read(lambda: other_was_served.wait(20)))
    await asyncio.sleep(0)

    other_was_served.set()

    assert await reading is True
    reader.close()


async def test_a_limited_number_of_large_requests_wait() -> None:
    reader, may_go_on = LargeReader(), threading.Event()
    waiting = [asyncio.create_task(reader.read(may_go_on.wait)) for _ in range(16)]
    await asyncio.sleep(0)

    with pytest.raises(TooBusyError, match="16 of them wait already"):
        await reader.read(may_go_on.wait)

    may_go_on.set()
    assert await asyncio.gather(*waiting) == [True] * 16
    assert await reader.read(lambda: 7) == 7
    reader.close()
