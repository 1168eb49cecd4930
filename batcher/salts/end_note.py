"""The note of the last date whose salt was destroyed.

That date and all earlier dates get no other salt. A checksum follows the date. If a
note is damaged or has an unknown format, the time when it was written counts instead:
any date that was destroyed by then was over by then.
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
# Longer than any sound note, so that excess bytes are noticed.
_MOST_BYTES = 64
_DATE_LENGTH = len("2026-11-22")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedThrough:
    """The last date that gets no other salt, and whether its note is damaged."""

    day: date
    is_damaged: bool = False


def end_name(zone: str) -> str:
    """Return the file name of the note for *zone*."""
    return f"{quote(zone, safe='')}.ended"


def encode_end(day: date) -> bytes:
    """Return the content of a note for *day*."""
    text = day.isoformat()
    return f"{text} {zlib.crc32(text.encode()):08x}\n".encode()


def read_end(folder: int, zone: str) -> EndedThrough:
    """Read the note for *zone* in the directory *folder*."""
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
    """Return the date in a sound note, None for a damaged note.

    Earlier versions wrote the date without a checksum. Such a date is accepted if it is
    not later than *latest*.
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
        # The zone was removed from the tz database. No zone is ahead of UTC+14.
        today = local_date("Etc/GMT-14", written_s)
    return today - ONE_DAY
