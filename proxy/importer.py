"""History through the same chain: log lines become events with the log's own times.

Idempotent, because a line's hash is its message id: whatever is imported twice is
removed as a duplicate. Resumable, because progress follows each durable commit.
"""

import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from multidict import CIMultiDict

from batcher.import_salts import ImportSalts
from batcher.salts import Salts
from batcher.spool import Lane
from config.errors import MillpondError
from proxy.access_log import LogLine, Skipped, parse_line
from proxy.anonymize import Anonymizer
from proxy.drops import DropCounts, DropKey, Dropped
from proxy.hit import Hit
from proxy.import_progress import HEAD_BYTES, ImportProgress
from proxy.journal import encode_drops
from proxy.moment import Calendars
from proxy.sender import Sender
from proxy.sites import Site

PROTOCOL = "access-log"

_ENCODER = msgspec.json.Encoder()
_GROUP_LINES = 5_000
_LONGEST_LINE = 65_536
_REMEMBERED_LINES = 200_000
_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableLogError(MillpondError):
    """A log file cannot be read."""


class HistoryKeys:
    """Site-day keys for any day: today's are the live ones, others the import's own."""

    def __init__(
        self, past: ImportSalts, live: Salts, today: Callable[[str], date], now_s: float
    ) -> None:
        self._past = past
        self._live = live
        self._today = today
        self._now_s = now_s

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the key; *now_s* is a line's own time and does not matter."""
        del now_s
        if day >= self._today(zone):
            return self._live.key(zone, day, site_id, self._now_s)
        return self._past.key(zone, day, site_id)


class Tally:
    """What became of the lines of an import."""

    def __init__(self) -> None:
        self.lines = 0
        self.events = 0
        self.skipped: Counter[Skipped] = Counter()
        self.dropped: Counter[str] = Counter()


class _Repeats:
    """How often a line was seen before in its file; identical ones stand together.

    Two generations bound the memory: a line is forgotten after 200,000 others.
    """

    def __init__(self) -> None:
        self._new: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def count(self, line: bytes) -> int:
        """Return how many lines like *line* came before it."""
        name = hashlib.blake2b(line, digest_size=12).digest()
        before = self._new.get(name, self._old.get(name, 0))
        self._new[name] = before + 1
        if len(self._new) >= _REMEMBERED_LINES:
            self._old, self._new = self._new, {}
        return before


class Importer:
    """Sends log files of one site through the chain into a lane of the spool."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        lane: Lane,
        site: Site,
        calendars: Calendars,
        progress: ImportProgress,
    ) -> None:
        self._anonymizer = anonymizer
        self._lane = lane
        self._site = site
        self._base_url = "https://" + site.domains[0].removeprefix("*.")
        self._calendar = calendars.of(site.id)
        self._progress = progress
        self._events: list[bytes] = []
        self._drops = DropCounts()
        self.tally = Tally()

    def run(self, path: Path, committed: Callable[[int], None]) -> None:
        """Import *path*; *committed* hears the position in the file after each group.

        Position is in bytes as stored, so that it fits the size of a packed file.
        """
        repeats = _Repeats()
        with _opened(path) as (text, raw):
            name = self._progress.name(_head(text))
            offset = self._progress.offset(name)
            text.seek(offset)
            for number, line in enumerate(_lines(text), 1):
                self._take(line, repeats)
                offset += len(line)
                if number % _GROUP_LINES == 0:
                    self._commit(name, offset)
                    committed(raw.tell())
            self._commit(name, offset)
            committed(raw.tell())

    def _take(self, line: bytes, repeats: _Repeats) -> None:
        self.tally.lines += 1
        parsed = parse_line(line)
        if isinstance(parsed, Skipped):
            self.tally.skipped[parsed] += 1
            return
        stripped = line.rstrip(b"\r\n")
        message = f"{repeats.count(stripped)} {stripped.decode('latin-1')}"
        outcome = self._anonymizer.anonymize(
            self._hit(parsed, message), _sender(parsed), parsed.at
        )
        if isinstance(outcome, Dropped):
            self._count(outcome, parsed.at)
        else:
            self._events.append(_ENCODER.encode(outcome))
            self.tally.events += 1

    def _hit(self, line: LogLine, message: str) -> Hit:
        return Hit(
            site=self._site.id,
            id=message,
            url=self._base_url + line.target,
            referrer=line.referrer,
        )

    def _count(self, drop: Dropped, at: int) -> None:
        self.tally.dropped[drop.reason] += 1
        day, hour = self._calendar.of(at)
        self._drops[DropKey(drop.site, day, hour, drop.reason, PROTOCOL)] += 1

    def _commit(self, name: str, offset: int) -> None:
        self._lane.commit(self._events, encode_drops(self._drops))
        self._events.clear()
        self._drops.clear()
        self._progress.advance(name, offset)


def _sender(line: LogLine) -> Sender:
    return Sender(CIMultiDict({"User-Agent": line.agent}), line.address, PROTOCOL)


def _lines(text: BinaryIO) -> Iterator[bytes]:
    """Yield lines; one of absurd length comes in pieces, which are malformed lines."""
    while line := text.readline(_LONGEST_LINE):
        yield line


def _head(text: BinaryIO) -> bytes:
    head = text.read(HEAD_BYTES)
    text.seek(0)
    return head


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a log, packed by gzip or not; yield its text and the file as stored."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            text = gzip.GzipFile(fileobj=raw) if packed else raw
            yield cast("BinaryIO", text), raw
    except (OSError, EOFError) as error:
        raise UnreadableLogError(
            f"read log {path}: {type(error).__name__}",
            hint="what came before is kept; mend the file and import it again",
        ) from None
