"""Imports log lines through the pipeline, as events with the times in the log.

Importing again changes nothing, because each page view has an event id: a hash of its
stored fields and of its number among identical page views. The hash does not include
the address: its key is permanent, so a search through all addresses could reveal it. An
interrupted import continues, because progress is stored with each durable group.
"""

from collections.abc import Callable, Container
from datetime import date
from pathlib import Path
from typing import Protocol

import msgspec

from batcher.spool.segment import FrameId
from proxy.client.client import ClientFinder, ClientSource
from proxy.history.file_problems import ReadFile
from proxy.history.formats.registry import (
    COMBINED,
    Format,
    Read,
    Recognised,
    find_format,
    recognise,
)
from proxy.history.history_keys import HistoryKeys
from proxy.history.hops import is_masked
from proxy.history.log_file import LogFile, UnreadableLogError, open_log
from proxy.history.log_line import LogLine, SkipReason, skip_reason
from proxy.history.options import ImportOptions
from proxy.history.progress import FileProgress, ImportProgress
from proxy.history.repeats import RepeatCounter
from proxy.intake.journal import encode_drops
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import DropCounts, DropKey, Dropped
from proxy.pipeline.event_order import EventOrder
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sender import Sender
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site
from warehouse.schema import Event

PROTOCOL = "access-log"

_ENCODER = msgspec.json.Encoder()
_GROUP_LINES = 20_000
# A continued import reads this much again, because identical lines are close together.
_LOOK_BACK_BYTES = 8 << 20
_WILDCARD = "*."


class GroupStore(Protocol):
    """Stores groups of events and drops, as ``proxy.history.store`` does."""

    @property
    def group_bytes(self) -> int:
        """The size at which a group is complete."""

    def next_frame(self, events: list[bytes], drops: list[bytes]) -> FrameId | None:
        """Return the last frame ``put`` will write for a group, None if it is empty."""

    def put(self, events: list[bytes], drops: list[bytes]) -> None:
        """Make a group durable as a segment."""


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
        options: ImportOptions,
        measured: Container[date] = (),
    ) -> None:
        self._anonymizer = anonymizer
        self._site = site
        self._clients = clients
        self._store = store
        self._keys = keys
        self._event_order = EventOrder()
        self._local_days = calendars.local_days(site.id)
        self._progress = progress
        self._tally = progress.state.tally
        self._options = options
        self._measured = measured
        name = options.format_name
        self._format = None if name is None else find_format(name)
        self._read: Read = COMBINED.build(options.zone)
        self._host = _default_host(site.domains)
        self._events: list[bytes] = []
        self._size_bytes = 0
        self._drops = DropCounts()

    def run(self, path: Path, on_commit: Callable[[int], None]) -> ReadFile:
        """Import *path*; calls *on_commit* with the position on disk after each group.

        Lines before an ``UnreadableLogError`` are imported.
        """
        with open_log(path) as log:
            file = self._progress.file(path, log.head)
            recognised = self._recognise(log)
            self._read = recognised.format.build(self._options.zone)
            repeats = self._look_back(log, file.offset, recognised.format)
            try:
                self._import(log, file, repeats, on_commit)
            except UnreadableLogError:
                self._commit()
                raise
            self._commit()
            on_commit(log.position)
        return ReadFile(path, file, recognised.title)

    def _recognise(self, log: LogFile) -> Recognised:
        """Return the format the caller chose, else the one that fits the file."""
        if self._format is not None:
            return Recognised(self._format, self._format.title)
        return recognise(log.sample, self._options.zone)

    def _import(
        self,
        log: LogFile,
        file: FileProgress,
        repeats: RepeatCounter,
        on_commit: Callable[[int], None],
    ) -> None:
        group_bytes = self._store.group_bytes
        group_lines = 0
        for line in log.lines(file.offset):
            self._add_line(line, file, repeats)
            file.offset = log.offset
            group_lines += 1
            if group_lines >= _GROUP_LINES or self._size_bytes >= group_bytes:
                group_lines = 0
                self._commit()
                on_commit(log.position)

    def _look_back(
        self, log: LogFile, offset: int, log_format: Format
    ) -> RepeatCounter:
        """Return the counter of the interrupted run at *offset*."""
        repeats = RepeatCounter()
        if not offset:
            return repeats
        start = max(0, offset - _LOOK_BACK_BYTES)
        first = 0 if log_format.has_header else start
        for number, line in enumerate(log.lines(first)):
            if log.offset > offset:
                break
            if number or not first:
                parsed = self._parse(line)
                if isinstance(parsed, LogLine) and log.offset > start:
                    self._anonymize(parsed, repeats)
        return repeats

    def _parse(self, line: bytes) -> LogLine | SkipReason:
        """Return the page view in *line*, or why there is none."""
        parsed = self._read(line)
        if isinstance(parsed, SkipReason):
            return parsed
        reason = skip_reason(parsed, self._keys.now_s) or self._skip_day(parsed)
        return reason or parsed

    def _skip_day(self, line: LogLine) -> SkipReason | None:
        """Return why the day of a page view is left out, if it is."""
        day, _ = self._local_days.day_and_hour(line.at)
        reason = self._options.skip_reason(day, self._measured)
        if reason is SkipReason.MEASURED:
            self._tally.add_measured(day)
        return reason

    def _add_line(
        self, line: bytes, file: FileProgress, repeats: RepeatCounter
    ) -> None:
        """Count the line, and keep its page view."""
        tally = self._tally
        tally.lines += 1
        file.lines += 1
        parsed = self._parse(line)
        if isinstance(parsed, SkipReason):
            tally.skipped[parsed] = tally.skipped.get(parsed, 0) + 1
            file.count_readable(is_readable=parsed is not SkipReason.UNREADABLE)
            return
        file.count_readable(is_readable=True)
        outcome = self._anonymize(parsed, repeats)
        if isinstance(outcome, Dropped):
            self._count_drop(outcome, parsed.at)
            return
        self._events.append(_ENCODER.encode(outcome))
        self._size_bytes += len(self._events[-1])
        tally.count_event(outcome.day)
        self._count_sender(parsed, file, is_known=outcome.visitor is not None)

    def _count_sender(
        self, line: LogLine, file: FileProgress, *, is_known: bool
    ) -> None:
        """Count what the log does not say about the sender of a page view."""
        tally = self._tally
        file.views += 1
        tally.no_agent += line.agent is None
        if is_known:
            tally.masked += is_masked(line.hops[-1])
        else:
            file.no_address += 1
            tally.no_address += 1
            tally.private += any(map(self._clients.is_private, line.hops))

    def _anonymize(self, line: LogLine, repeats: RepeatCounter) -> Event | Dropped:
        """Return the event of *line*, with its event id, or the drop."""
        hit = Hit(
            site=self._site.id,
            url=f"https://{line.host or self._host}{line.target}",
            referrer=line.referrer,
        )
        client = self._clients.client_from_record(line.hops, line.agent)
        sender = Sender(PROTOCOL, ClientFinder.known(client))
        outcome = self._anonymizer.anonymize(hit, sender, line.at, self._event_order)
        if isinstance(outcome, Dropped):
            return outcome
        page_view = f"{line.at} {outcome.hostname}{outcome.path} {line.response}"
        message = (
            f"{PROTOCOL} {self._options.server} {page_view} {repeats.count(page_view)}"
        )
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
        self._keys.update_now()


def _default_host(domains: tuple[str, ...]) -> str:
    """Return the host of pages in a log that does not contain hosts."""
    for domain in domains:
        if not domain.startswith(_WILDCARD):
            return domain
    return "www." + domains[0].removeprefix(_WILDCARD)
