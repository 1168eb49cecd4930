"""Site keys on the record: the ledger knows which key the orders were hashed with.

The proxy compares a key with files beside it, and those can be lost together. The
tables outlive them: with another key than theirs nothing may be loaded, since every
known order would count again.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import msgspec
import polars as pl

from batcher.load.read_segments import SegmentContent, read_contents
from batcher.spool.spool import Spool
from config.errors import MillpondError
from config.logs import log_event
from warehouse.durable import make_directory
from warehouse.key_commitment import read_commitments, spool_commitment
from warehouse.lifecycle import ledger
from warehouse.locks import locked
from warehouse.schema import LEDGER
from warehouse.tables import DamagedTableError, StorageError, Warehouse

CREATED = "key_created"
REPLACED = "key_replaced"
ACCEPTED = "segments_accepted"

_LOG = logging.getLogger(__name__)

_WHERE = 'see docs/operations.md, "A site\'s key is missing or changed"'


class KeyChangedError(MillpondError):
    """The spool's events were hashed with another key than those in the tables."""

    def __init__(self, sites: Iterable[str]) -> None:
        named = ", ".join(map(repr, sorted(sites)))
        super().__init__(
            f"load the spool: the key of {named} is not the one on record;"
            " known orders would count again, and nothing was loaded",
            hint="restore the key: what was taken with the other one then waits in the"
            " spool; if the new one is meant, run `millpond batcher accept-keys`;"
            f" {_WHERE}",
        )


class CommitmentDamagedError(MillpondError):
    """The spool's copy of a commitment cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"load the spool: {path} is damaged, and nothing was loaded",
            hint="restore it from a backup, or remove it and start the proxy again,"
            f" which writes it anew if the key is the right one; {_WHERE}",
            file=path,
        )


class _Records(msgspec.Struct, frozen=True):
    """What is on record: the commitment of each site; writers that were accepted."""

    keys: Mapping[str, str] = msgspec.field(default_factory=dict)
    writers: frozenset[str] = frozenset()

    def refused(self, content: SegmentContent) -> frozenset[str] | None:
        """Return the sites for which *content* has another key; None to load it."""
        writers = {frame.incarnation for frame in content.frames}
        unknown = {each for each in writers if each.hex() not in self.writers}
        other = frozenset(
            site
            for writer in unknown
            for site, commitment in content.keys.get(writer, {}).items()
            if self.keys.get(site, commitment) != commitment
        )
        if other:
            return other
        names_none = bool(self.keys) and not unknown <= content.keys.keys()
        return other if names_none else None


class Accepted(msgspec.Struct, frozen=True):
    """The sites whose new key was accepted, and how many segments of other keys."""

    sites: list[str]
    segments: int

    def __str__(self) -> str:
        """Return it in a line."""
        segments = f"{self.segments} segments" if self.segments else ""
        parts = [*self.sites, segments]
        return ", ".join(filter(None, parts)) or "no key has changed"


class KeyRecords:
    """Compares the keys in use with those on record; reads the ledger when needed."""

    def __init__(
        self, warehouse: Warehouse, spool_dir: Path, sites: Iterable[str]
    ) -> None:
        self._warehouse = warehouse
        self._spool_dir = spool_dir
        self._sites = tuple(sites)
        self._recorded = _Records()
        self._is_read = False
        # Once in a load is enough: set when the ledger was asked since the last check.
        self._is_asked = self._is_unreadable = False

    def check(self, now_s: float) -> None:
        """Record keys that are new; raise where a site's is not the recorded one.

        A ledger that cannot be read stops no load: the proxy has compared the keys
        with their files already.
        """
        self._is_asked = self._is_unreadable = False
        in_use = self._in_use()
        if self._agrees(in_use):
            return
        try:
            self._compare(in_use, now_s)
        except (DamagedTableError, StorageError) as error:
            log_event(_LOG, "keys_not_checked", level=logging.ERROR, error=error)

    def _compare(self, in_use: Mapping[str, str], now_s: float) -> None:
        with self._alone():
            self._read_ledger()
            changed = self._changed(in_use)
            if changed:
                raise KeyChangedError(changed)
            self._record(
                CREATED, in_use, in_use.keys() - self._recorded.keys.keys(), now_s
            )

    def refused(self, content: SegmentContent, now_s: float) -> frozenset[str] | None:
        """Return the sites for which *content* has another key; None to load it.

        Its keys of sites that have none on record go on record: they are the first.
        What was accepted since the last ``check`` is known.
        """
        refused = self._recorded.refused(content)
        if self._is_unreadable or (refused is not None and self._is_asked):
            return refused
        if refused is None and self._is_read and not self._first_of(content):
            return refused
        self._is_asked = True
        try:
            with self._alone():
                self._read_ledger()
                if self._recorded.refused(content) is None:
                    first = self._first_of(content)
                    self._record(CREATED, first, first, now_s)
        except (DamagedTableError, StorageError) as error:
            log_event(_LOG, "keys_not_checked", level=logging.ERROR, error=error)
            self._is_unreadable = True
        return self._recorded.refused(content)

    def _read_ledger(self) -> None:
        self._recorded = _read(self._warehouse)
        self._is_read = True

    def accept(self, now_s: float) -> Accepted:
        """Record the keys in use in place of others, and what may be loaded besides."""
        in_use = self._in_use()
        with self._alone():
            self._read_ledger()
            changed = self._changed(in_use)
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
            # Another process may load it meanwhile.
            with suppress(FileNotFoundError):
                [content] = read_contents([segment])
                if self._recorded.refused(content) is not None:
                    yield content

    def _first_of(self, content: SegmentContent) -> dict[str, str]:
        """Return the keys it names of sites that have none on record."""
        return {
            site: commitment
            for named in content.keys.values()
            for site, commitment in named.items()
            if site not in self._recorded.keys
        }

    def _record_writers(
        self, writers: Mapping[bytes, dict[str, str]], now_s: float
    ) -> None:
        entries = [
            ledger.NewEntry(ACCEPTED, writer.hex(), {"keys": named})
            for writer, named in sorted(writers.items())
        ]
        ledger.append(self._warehouse, entries, now_s)

    def _in_use(self) -> dict[str, str]:
        """Return the commitment of each site a proxy has worked for."""
        found: dict[str, str] = {}
        for site in self._sites:
            path = spool_commitment(self._spool_dir, site)
            copy = read_commitments([path])
            if copy.damaged:
                raise CommitmentDamagedError(path)
            if copy.sound:
                found[site] = copy.sound[path]
        return found

    def _agrees(self, in_use: Mapping[str, str]) -> bool:
        return all(
            self._recorded.keys.get(site) == each for site, each in in_use.items()
        )

    def _changed(self, in_use: Mapping[str, str]) -> list[str]:
        return sorted(
            site
            for site, commitment in in_use.items()
            if self._recorded.keys.get(site, commitment) != commitment
        )

    def _alone(self) -> AbstractContextManager[None]:
        # Of several that load, one records a key.
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
        recorded = {each.subject: in_use[each.subject] for each in entries}
        keys = {**self._recorded.keys, **recorded}
        self._recorded = msgspec.structs.replace(self._recorded, keys=keys)


def _read(warehouse: Warehouse) -> _Records:
    """Return what is on record."""
    view = warehouse.view(LEDGER)
    entries = view.collect(
        view.scan(columns=["number", "kind", "subject", "detail"])
        .filter(pl.col("kind").is_in([CREATED, REPLACED, ACCEPTED]))
        .sort("number")
    )
    rows = entries.select("kind", "subject", "detail").rows()
    return _Records(
        {
            site: json.loads(detail)["commitment"]
            for kind, site, detail in rows
            if kind != ACCEPTED
        },
        frozenset(writer for kind, writer, _ in rows if kind == ACCEPTED),
    )
