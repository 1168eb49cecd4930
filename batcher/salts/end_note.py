"""The note of the last date whose salt was destroyed: no date up to it gets another.

The date has a checksum behind it. Of a note that is damaged, or written by nobody we
know, the time it was written counts: whatever was destroyed then was over by then.
"""

import logging
import os
import zlib
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote
from zoneinfo import ZoneInfoNotFoundError

from batcher.salts.dates import ONE_DAY
from config.logs import log_event
from warehouse.clock.local_dates import local_date

_LOG = logging.getLogger(__name__)
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
# Longer than any note: one with more behind it is damaged.
_MOST_BYTES = 64
_DATE_LENGTH = len("2026-11-22")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedThrough:
    """The last date that is over for good, and whether the note of it is damaged."""

    day: date
    is_damaged: bool = False


def end_name(zone: str) -> str:
    """Return how the note of *zone* is called."""
    return f"{quote(zone, safe='')}.ended"


def encode_end(day: date) -> bytes:
    """Return the note that says *day*."""
    text = day.isoformat()
    return f"{text} {zlib.crc32(text.encode()):08x}\n".encode()


def read_end(folder: int, zone: str) -> EndedThrough:
    """Return what the note of *zone* in the directory *folder* says."""
    try:
        file = os.open(end_name(zone), _READ, dir_fd=folder)
    except FileNotFoundError:
        return EndedThrough(day=date.min)
    try:
        content = os.read(file, _MOST_BYTES)
        written_s = os.fstat(file).st_mtime
    finally:
        os.close(file)
    latest = _over_by(zone, written_s)
    day = _decode(content, latest)
    if day is not None:
        return EndedThrough(day=day)
    log_event(_LOG, "salt_note_damaged", level=logging.WARNING, zone=zone)
    return EndedThrough(day=latest, is_damaged=True)


def _decode(content: bytes, latest: date) -> date | None:
    """Return the date of a sound note, None for a damaged one.

    Earlier versions wrote the date alone. Without a checksum it is believed only as
    far as it can be true.
    """
    try:
        day = date.fromisoformat(content[:_DATE_LENGTH].decode("ascii"))
    except ValueError:
        return None
    if content == encode_end(day):
        return day
    return day if content == day.isoformat().encode() and day <= latest else None


def _over_by(zone: str, written_s: float) -> date:
    try:
        today = local_date(zone, written_s)
    except ZoneInfoNotFoundError:
        # A zone that is gone from the tz database: none is earlier than UTC+14.
        today = local_date("Etc/GMT-14", written_s)
    return today - ONE_DAY
