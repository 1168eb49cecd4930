"""Imports log lines through the pipeline, as events with the times in the log.

Importing again changes nothing, because each page view has an event id: a hash of its
stored fields and of its number among identical page views. The hash does not include
the address: its key is permanent, so a search through all addresses could reveal it. An
interrupted import continues, because progress is stored with each durable group.
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
from proxy.history.log_file import LogFile, UnreadableLogError, open_log
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
_GENERATION_SIZE = 50_000
# A continued import reads this much again, because identical lines are close together.
_LOOK_BACK_BYTES = 8 << 20
_WILDCARD = "*."


class HistoryKeys:
    """Site-day keys for any day: the live keys for today, the import's keys before."""

    def __init__(self, past: ImportSalts, live: Salts) -> None:
        self._past = past
        self._live = live
        self._today: dict[str, date] = {}
        self.now_s = 0.0

    def set_now(self, now_s: float) -> None:
        """Set the current time, which can pass midnight during an import."""
        self.now_s = now_s
        self._today.clear()

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the key; *now_s* is the line's own time and is ignored."""
        del now_s
        today = self._today.get(zone)
        if today is None:
            today = self._today[zone] = local_date(zone, self.now_s)
        if day >= today:
            return self._live.key(zone, day, site_id, self.now_s)
        return self._past.key(zone, day, site_id)


class GroupStore(Protocol):
    """Stores groups of events and drops, as ``proxy.history.store`` does."""

    @property
    def group_bytes(self) -> int:
        """The size at which a group is complete."""

    def next_frame(self, events: list[bytes], drops: list[bytes]) -> FrameId | None:
        """Return the last frame ``put`` will write for a group, None if it is empty."""

    def put(self, events: list[bytes], drops: list[bytes]) -> None:
        """Make a group durable as a segment."""


class _RepeatCounter:
    """Counts the earlier page views of a file that are identical.

    Two generations limit the memory: a page view is remembered while at least 50,000
    and at most 100,000 different ones follow.
    """

    def __init__(self) -> None:
        self._new: dict[str, int] = {}
        self._old: dict[str, int] = {}

    def count(self, page_view: str) -> int:
        """Return how many identical page views came before, and count this one."""
        earlier = self._new.get(page_view)
        if earlier is None:
            earlier = self._old.get(page_view, 0)
        self._new[page_view] = earlier + 1
        if len(self._new) >= _GENERATION_SIZE:
            self._old, self._new = self._new, {}
        return earlier


class Importer:
    """Sends log files of one site through the pipeline into *store*."""

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
        self._host = _default_host(site.domains)
        self._events: list[bytes] = []
        self._size_bytes = 0
        self._drops = DropCounts()
        keys.set_now(clock())

    def run(self, path: Path, on_commit: Callable[[int], None]) -> FileProgress:
        """Import *path*; calls *on_commit* with the position on disk after each group.

        Lines before an ``UnreadableLogError`` are imported.
        """
        with open_log(path) as log:
            file = self._progress.file(path, log.head)
            repeats = self._look_back(log, file.offset)
            try:
                self._import(log, file, repeats, on_commit)
            except UnreadableLogError:
                self._commit()
                raise
            self._commit()
            on_commit(log.position)
        return file

    def _import(
        self,
        log: LogFile,
        file: FileProgress,
        repeats: _RepeatCounter,
        on_commit: Callable[[int], None],
    ) -> None:
        group_bytes = self._store.group_bytes
        group_lines = 0
        for line in log.lines(file.offset):
            file.readable += self._add_line(line, repeats)
            file.lines += 1
            file.offset = log.offset
            group_lines += 1
            if group_lines >= _GROUP_LINES or self._size_bytes >= group_bytes:
                group_lines = 0
                self._commit()
                on_commit(log.position)

    def _look_back(self, log: LogFile, offset: int) -> _RepeatCounter:
        """Return the counter of the interrupted run at *offset*."""
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
                    self._anonymize(parsed, repeats)
        return repeats

    def _add_line(self, line: bytes, repeats: _RepeatCounter) -> bool:
        """Count the line and keep its page view; return whether it was readable."""
        tally = self._tally
        tally.lines += 1
        parsed = parse_line(line, self._keys.now_s)
        if isinstance(parsed, SkipReason):
            tally.skipped[parsed] = tally.skipped.get(parsed, 0) + 1
            return parsed is not SkipReason.UNREADABLE
        outcome = self._anonymize(parsed, repeats)
        if isinstance(outcome, Dropped):
            self._count_drop(outcome, parsed.at)
        else:
            self._events.append(_ENCODER.encode(outcome))
            self._size_bytes += len(self._events[-1])
            tally.count_event(outcome.day)
        return True

    def _anonymize(self, line: LogLine, repeats: _RepeatCounter) -> Event | Dropped:
        """Return the event of *line*, with its event id, or the drop."""
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
        page_view = f"{line.at} {outcome.hostname}{outcome.path} {line.response}"
        message = f"{PROTOCOL} {self._server} {page_view} {repeats.count(page_view)}"
        event_id = keyed_hash(self._site.key, HashPurpose.EVENT, message)
        return msgspec.structs.replace(outcome, event_id=event_id)

    def _count_drop(self, drop: Dropped, at: int) -> None:
        dropped = self._tally.dropped
        dropped[drop.reason] = dropped.get(drop.reason, 0) + 1
        day, hour = self._local_days.day_and_hour(at)
        key = DropKey(drop.site, day, hour, drop.reason, PROTOCOL, drop.bot_kind)
        self._drops[key] += 1

    def _commit(self) -> None:
        """Make the group durable, and the progress with it."""
        drops = encode_drops(self._drops)
        self._progress.begin(self._store.next_frame(self._events, drops))
        self._store.put(self._events, drops)
        self._progress.confirm()
        self._events.clear()
        self._size_bytes = 0
        self._drops.clear()
        self._keys.set_now(self._clock())


def _default_host(domains: tuple[str, ...]) -> str:
    """Return the host of pages in a log that does not contain hosts."""
    for domain in domains:
        if not domain.startswith(_WILDCARD):
            return domain
    return "www." + domains[0].removeprefix(_WILDCARD)
