"""The record of site keys: with another key than the recorded one, nothing is loaded.

The proxy compares each key with files beside it, but all these files can be lost
together. The tables outlive them. With another key every known order would count
again, so the ledger records the key that the orders in the tables were hashed with.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import msgspec

from batcher.load.read_segments import SegmentContent, read_contents
from batcher.recorded_keys import (
    ACCEPTED,
    CREATED,
    REPLACED,
    RecordedKeys,
    read_recorded_keys,
)
from batcher.spool.spool import Spool
from config.errors import MillpondError
from config.logs import log_event
from warehouse.durable import make_directory
from warehouse.key_commitment import read_commitments, spool_commitment
from warehouse.lifecycle import ledger
from warehouse.locks import locked
from warehouse.sites.removed import removed_sites
from warehouse.tables import DamagedTableError, StorageError, Warehouse

_LOG = logging.getLogger(__name__)

_WHERE = 'see docs/operations.md, "A site\'s key is missing or changed"'


class KeyChangedError(MillpondError):
    """The key of a site in use is not the key that the tables were built with."""

    def __init__(self, sites: Iterable[str]) -> None:
        site_list = ", ".join(map(repr, sorted(sites)))
        super().__init__(
            f"load the spool: the key of {site_list} is not the recorded key;"
            " known orders would count again, and nothing was loaded",
            hint="restore the recorded key; segments with the other key then wait in"
            " the spool; if the new key is intended, run `millpond batcher"
            f" accept-keys`; {_WHERE}",
        )


class CommitmentDamagedError(MillpondError):
    """The copy of a commitment in the spool cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"load the spool: {path} is damaged, and nothing was loaded",
            hint="restore the file from a backup, or remove it and restart the proxy,"
            f" which writes it again if the key is the right one; {_WHERE}",
            file=path,
        )


class Accepted(msgspec.Struct, frozen=True):
    """The sites whose new key was accepted, and the number of accepted segments."""

    sites: list[str]
    segments: int

    def __str__(self) -> str:
        """Return one line for the operator."""
        segments = f"{self.segments} segments" if self.segments else ""
        parts = [*self.sites, segments]
        return ", ".join(filter(None, parts)) or "no key has changed"


class KeyRecords:
    """Compares keys with the recorded keys; reads the ledger only when needed."""

    def __init__(
        self, warehouse: Warehouse, spool_dir: Path, sites: Iterable[str]
    ) -> None:
        self._warehouse = warehouse
        self._spool_dir = spool_dir
        self._sites = tuple(sites)
        self._recorded = RecordedKeys()
        self._has_records = False
        # A load reads the ledger at most once: set from that read until ``check``.
        self._is_ledger_read = self._is_ledger_unreadable = False

    def check(self, now_s: float) -> None:
        """Record new keys; raise if a site's key is not the recorded one.

        A ledger that cannot be read does not stop a load, because the proxy has
        already compared the keys with their files.
        """
        self._is_ledger_read = self._is_ledger_unreadable = False
        in_use = self._keys_in_use()
        if self._recorded.has_all(in_use):
            return
        try:
            self._compare(in_use, now_s)
        except (DamagedTableError, StorageError) as error:
            log_event(_LOG, "keys_not_checked", level=logging.ERROR, error=error)

    def _compare(self, in_use: Mapping[str, str], now_s: float) -> None:
        with self._locked():
            self._read_ledger()
            changed = self._recorded.changed_sites(in_use)
            if changed:
                raise KeyChangedError(changed)
            new_sites = in_use.keys() - self._recorded.keys.keys()
            self._record(CREATED, in_use, new_sites, now_s)

    def refused_sites(
        self, content: SegmentContent, now_s: float
    ) -> frozenset[str] | None:
        """Return the sites for which *content* has another key; None to load it.

        If a site has no recorded key, its key in *content* is recorded as the first.
        Segments accepted since the last ``check`` are not refused.
        """
        refused = self._recorded.refused_sites(content)
        is_final = self._is_ledger_read
        if refused is None:
            is_final = self._has_records and not self._first_keys(content)
        if is_final or self._is_ledger_unreadable:
            return refused
        self._is_ledger_read = True
        try:
            with self._locked():
                self._read_ledger()
                if self._recorded.refused_sites(content) is None:
                    first = self._first_keys(content)
                    self._record(CREATED, first, first, now_s)
        except (DamagedTableError, StorageError) as error:
            log_event(_LOG, "keys_not_checked", level=logging.ERROR, error=error)
            self._is_ledger_unreadable = True
        return self._recorded.refused_sites(content)

    def _first_keys(self, content: SegmentContent) -> dict[str, str]:
        removed = removed_sites(self._warehouse.root)
        return self._recorded.first_keys(content, removed)

    def _read_ledger(self) -> None:
        self._recorded = read_recorded_keys(self._warehouse)
        self._has_records = True

    def accept(self, now_s: float) -> Accepted:
        """Record the keys in use in place of others, and accept refused segments."""
        in_use = self._keys_in_use()
        with self._locked():
            self._read_ledger()
            changed = self._recorded.changed_sites(in_use)
            self._record(REPLACED, in_use, changed, now_s)
            writers: dict[bytes, dict[str, str]] = {}
            segments = 0
            for content in self._refused_segments():
                segments += 1
                for frame in content.frames:
                    named = content.keys.get(frame.incarnation, {})
                    writers[frame.incarnation] = named
            self._record_writers(writers, now_s)
        return Accepted(changed, segments)

    def _refused_segments(self) -> Iterator[SegmentContent]:
        spool = Spool(self._spool_dir)
        spool.recover_lanes()
        for segment in spool.sealed():
            # Another process may load and remove the segment meanwhile.
            with suppress(FileNotFoundError):
                [content] = read_contents([segment])
                if self._recorded.refused_sites(content) is not None:
                    yield content

    def _keys_in_use(self) -> dict[str, str]:
        """Return the commitment of each site that a proxy has served."""
        commitments: dict[str, str] = {}
        for site in self._sites:
            path = spool_commitment(self._spool_dir, site)
            copy = read_commitments([path])
            if copy.damaged:
                raise CommitmentDamagedError(path)
            if copy.sound:
                commitments[site] = copy.sound[path]
        return commitments

    def _locked(self) -> AbstractContextManager[None]:
        # Of several concurrent loads, only one may record a key.
        directory = self._spool_dir / "keys"
        make_directory(directory)
        return locked(directory / "record.lock")

    def _record(
        self, kind: str, in_use: Mapping[str, str], sites: Iterable[str], now_s: float
    ) -> None:
        entries = [
            ledger.NewEntry(kind, site, {"commitment": in_use[site]})
            for site in sorted(sites)
        ]
        ledger.append(self._warehouse, entries, now_s)
        recorded = {entry.subject: in_use[entry.subject] for entry in entries}
        keys = {**self._recorded.keys, **recorded}
        self._recorded = msgspec.structs.replace(self._recorded, keys=keys)

    def _record_writers(
        self, writers: Mapping[bytes, dict[str, str]], now_s: float
    ) -> None:
        entries = [
            ledger.NewEntry(ACCEPTED, writer.hex(), {"keys": named})
            for writer, named in sorted(writers.items())
        ]
        ledger.append(self._warehouse, entries, now_s)
