"""History through the same chain: log lines become events with the log's own times.

Idempotent, because a page view has a message id: the hash of what is stored of it and
of its place among those that look alike. It holds nothing of the person, whose address
a hash under a lasting key could be searched for. Resumable, because progress is
recorded with each durable group.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Protocol

import msgspec

from batcher.salts.held import Salts
from batcher.salts.history import ImportSalts
from batcher.spool.segment import FrameId
from proxy.client.client import ClientFinder, ClientSource
from proxy.history.access_log import LogLine, SkipReason, parse_line
from proxy.history.log_file import LogFile, UnreadableLogError, opened
from proxy.history.progress import FileProgress, ImportProgress
from proxy.intake.journal import encode_drops
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import DropCounts, DropKey, Dropped
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sender import Sender
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site
from warehouse.clock.local_dates import local_date
from warehouse.schema import Event

PROTOCOL = "access-log"

_ENCODER = msgspec.json.Encoder()
_GROUP_LINES = 20_000
_REMEMBERED = 50_000
# Whoever goes on looks back this far: those that look alike stand close together.
_LOOK_BACK_BYTES = 8 << 20
_WILDCARD = "*."


class HistoryKeys:
    """Site-day keys for any day: today's are the live ones, others the import's own."""

    def __init__(self, past: ImportSalts, live: Salts) -> None:
        self._past = past
        self._live = live
        self._today: dict[str, date] = {}
        self.now_s = 0.0

    def set_now(self, now_s: float) -> None:
        """Say what time it is; an import may last over midnight."""
        self.now_s = now_s
        self._today.clear()

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the key; *now_s* is a line's own time and does not matter."""
        del now_s
        today = self._today.get(zone)
        if today is None:
            today = self._today[zone] = local_date(zone, self.now_s)
        if day >= today:
            return self._live.key(zone, day, site_id, self.now_s)
        return self._past.key(zone, day, site_id)


class GroupStore(Protocol):
    """Where groups go: see ``proxy.history.store``."""

    @property
    def group_bytes(self) -> int:
        """Return how large a group may become."""

    def next_frame(self, events: list[bytes], drops: list[bytes]) -> FrameId | None:
        """Return the last frame that ``put`` will write of a group, None of nothing."""

    def put(self, events: list[bytes], drops: list[bytes]) -> None:
        """Make a group durable as a segment."""


class _RepeatCounter:
    """How many page views that look like this one came before it in its file.

    Two generations bound the memory: one is forgotten after 50,000 others.
    """

    def __init__(self) -> None:
        self._new: dict[str, int] = {}
        self._old: dict[str, int] = {}

    def count(self, look: str) -> int:
        before = self._new.get(look)
        if before is None:
            before = self._old.get(look, 0)
        self._new[look] = before + 1
        if len(self._new) >= _REMEMBERED:
            self._old, self._new = self._new, {}
        return before


class Importer:
    """Sends log files of one site through the chain into *store*."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        site: Site,
        *,
        clients: ClientSource,
        store: GroupStore,
        keys: HistoryKeys,
        calendars: Calendars,
        progress: ImportProgress,
        clock: Callable[[], float],
        server: str = "",
    ) -> None:
        self._anonymizer = anonymizer
        self._site = site
        self._clients = clients
        self._store = store
        self._keys = keys
        self._local_days = calendars.local_days(site.id)
        self._progress = progress
        self._tally = progress.state.tally
        self._clock = clock
        self._server = server
        self._host = _host(site.domains)
        self._events: list[bytes] = []
        self._size = 0
        self._drops = DropCounts()
        keys.set_now(clock())

    def run(self, path: Path, committed: Callable[[int], None]) -> FileProgress:
        """Import *path*; *committed* hears the position on disk after each group."""
        with opened(path) as log:
            file = self._progress.file(path, log.head)
            repeats = self._look_back(log, file.offset)
            try:
                self._import(log, file, repeats, committed)
            except UnreadableLogError:
                self._commit()
                raise
            self._commit()
            committed(log.position)
        return file

    def _import(
        self,
        log: LogFile,
        file: FileProgress,
        repeats: _RepeatCounter,
        committed: Callable[[int], None],
    ) -> None:
        group_bytes = self._store.group_bytes
        lines = 0
        for line in log.lines(file.offset):
            file.readable += self._take(line, repeats)
            file.lines += 1
            file.offset = log.offset
            lines += 1
            if lines >= _GROUP_LINES or self._size >= group_bytes:
                lines = 0
                self._commit()
                committed(log.position)

    def _look_back(self, log: LogFile, offset: int) -> _RepeatCounter:
        """Return what the interrupted run knew of the lines before *offset*."""
        repeats = _RepeatCounter()
        if not offset:
            return repeats
        start = max(0, offset - _LOOK_BACK_BYTES)
        for number, line in enumerate(log.lines(start)):
            if log.offset > offset:
                break
            if number or not start:
                parsed = parse_line(line, self._keys.now_s)
                if isinstance(parsed, LogLine):
                    self._identified(parsed, repeats)
        return repeats

    def _take(self, line: bytes, repeats: _RepeatCounter) -> bool:
        """Count the line, keep its page view; say whether it could be read."""
        tally = self._tally
        tally.lines += 1
        parsed = parse_line(line, self._keys.now_s)
        if isinstance(parsed, SkipReason):
            tally.skipped[parsed] = tally.skipped.get(parsed, 0) + 1
            return parsed is not SkipReason.UNREADABLE
        outcome = self._identified(parsed, repeats)
        if isinstance(outcome, Dropped):
            self._count(outcome, parsed.at)
        else:
            self._events.append(_ENCODER.encode(outcome))
            self._size += len(self._events[-1])
            tally.count_event(outcome.day)
        return True

    def _identified(self, line: LogLine, repeats: _RepeatCounter) -> Event | Dropped:
        hit = Hit(
            site=self._site.id,
            url=f"https://{line.host or self._host}{line.target}",
            referrer=line.referrer,
        )
        client = self._clients.client_from_record(line.address, line.agent)
        sender = Sender(PROTOCOL, ClientFinder.known(client))
        outcome = self._anonymizer.anonymize(hit, sender, line.at)
        if isinstance(outcome, Dropped):
            return outcome
        look = f"{line.at} {outcome.hostname}{outcome.path} {line.answer}"
        message = f"{PROTOCOL} {self._server} {look} {repeats.count(look)}"
        event_id = keyed_hash(self._site.key, HashPurpose.EVENT, message)
        return msgspec.structs.replace(outcome, event_id=event_id)

    def _count(self, drop: Dropped, at: int) -> None:
        dropped = self._tally.dropped
        dropped[drop.reason] = dropped.get(drop.reason, 0) + 1
        day, hour = self._local_days.day_and_hour(at)
        self._drops[DropKey(drop.site, day, hour, drop.reason, PROTOCOL)] += 1

    def _commit(self) -> None:
        """Make the group durable, together with the knowledge that it is."""
        drops = encode_drops(self._drops)
        self._progress.begin(self._store.next_frame(self._events, drops))
        self._store.put(self._events, drops)
        self._progress.confirm()
        self._events.clear()
        self._size = 0
        self._drops.clear()
        self._keys.set_now(self._clock())


def _host(domains: tuple[str, ...]) -> str:
    """Return the host of pages in a log that does not name it."""
    for domain in domains:
        if not domain.startswith(_WILDCARD):
            return domain
    return "www." + domains[0].removeprefix(_WILDCARD)
