"""Site keys on the record: the ledger knows which key the orders were hashed with.

The proxy compares a key with files beside it, and those can be lost together. The
tables outlive them: with another key than theirs nothing may be loaded, since every
known order would count again.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl

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

_LOG = logging.getLogger(__name__)

_WHERE = 'see docs/operations.md, "A site\'s key is missing or changed"'


class KeyChangedError(MillpondError):
    """The spool's events were hashed with another key than those in the tables."""

    def __init__(self, sites: Iterable[str]) -> None:
        named = ", ".join(map(repr, sorted(sites)))
        super().__init__(
            f"load the spool: the key of {named} is not the one on record;"
            " known orders would count again, and nothing was loaded",
            hint="stop the proxy, move lanes/ out of the spool if it took events with"
            " the other key, then restore the key; if the new one is meant, run"
            f" `millpond batcher accept-keys`; {_WHERE}",
        )


class CommitmentDamagedError(MillpondError):
    """The spool's copy of a commitment cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"load the spool: {path} is damaged, and nothing was loaded",
            hint="restore it from a backup, or remove it and start the proxy again,"
            f" which writes it anew if the key is the right one; {_WHERE}",
        )


class KeyRecords:
    """Compares the keys in use with those on record; reads the ledger when needed."""

    def __init__(
        self, warehouse: Warehouse, spool_dir: Path, sites: Iterable[str]
    ) -> None:
        self._warehouse = warehouse
        self._spool_dir = spool_dir
        self._sites = tuple(sites)
        self._recorded: Mapping[str, str] = {}

    def check(self, now_s: float) -> None:
        """Record keys that are new; raise where a site's is not the recorded one.

        A ledger that cannot be read stops no load: the proxy has compared the keys
        with their files already.
        """
        in_use = self._in_use()
        if self._agrees(in_use):
            return
        try:
            self._compare(in_use, now_s)
        except (DamagedTableError, StorageError) as error:
            log_event(_LOG, "keys_not_checked", level=logging.ERROR, error=error)

    def _compare(self, in_use: Mapping[str, str], now_s: float) -> None:
        with self._alone():
            self._recorded = _read(self._warehouse)
            changed = self._changed(in_use)
            if changed:
                raise KeyChangedError(changed)
            self._record(CREATED, in_use, in_use.keys() - self._recorded.keys(), now_s)

    def accept(self, now_s: float) -> list[str]:
        """Record the keys in use in place of others; return the sites concerned."""
        in_use = self._in_use()
        with self._alone():
            self._recorded = _read(self._warehouse)
            changed = self._changed(in_use)
            self._record(REPLACED, in_use, changed, now_s)
        return changed

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
        return all(self._recorded.get(site) == each for site, each in in_use.items())

    def _changed(self, in_use: Mapping[str, str]) -> list[str]:
        return sorted(
            site
            for site, commitment in in_use.items()
            if self._recorded.get(site, commitment) != commitment
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
        self._recorded = {**self._recorded, **recorded}


def _read(warehouse: Warehouse) -> dict[str, str]:
    """Return the commitment on record for each site."""
    view = warehouse.view(LEDGER)
    entries = view.collect(
        view.scan(columns=["number", "kind", "subject", "detail"])
        .filter(pl.col("kind").is_in([CREATED, REPLACED]))
        .sort("number")
    )
    return {
        site: json.loads(detail)["commitment"]
        for site, detail in entries.select("subject", "detail").iter_rows()
    }
