"""Keeps the figures of past months at hand, so that nobody's first question waits."""

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from config.errors import MillpondError
from config.logs import say
from reports.desk import BusyError, Desk

_LOG = logging.getLogger("millpond.reports")
# A build changes the tables; this soon after it its months are at hand again.
_EVERY_S: Final = 30.0


async def keep_at_hand(
    desk: Desk, sites: Collection[str], *, every_s: float = _EVERY_S
) -> None:
    """Prepare month after month of *sites*, and look again for ever.

    Each month is a question of its own, so that others never wait for a year.
    """
    while True:
        try:
            while await desk.ask(lambda tables, _tick: tables.prepare(sites)):
                pass
        except BusyError:
            pass  # people's questions come first
        except MillpondError as error:
            # Whoever asks for these figures is told; here it is one look too early.
            say(_LOG, "prepare_failed", level=logging.WARNING, error=error)
        await asyncio.sleep(every_s)
