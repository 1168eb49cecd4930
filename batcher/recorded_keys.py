"""The site keys that the ledger has recorded, and the segments they accept."""

import json
from collections.abc import Collection, Mapping

import msgspec
import polars as pl

from batcher.load.read_segments import SegmentContent
from warehouse.schema import LEDGER
from warehouse.sites import removal
from warehouse.tables import Warehouse

CREATED = "key_created"
REPLACED = "key_replaced"
ACCEPTED = "segments_accepted"
_KINDS = (CREATED, REPLACED, ACCEPTED, removal.KIND)


class RecordedKeys(msgspec.Struct, frozen=True):
    """The recorded commitment of each site, and the writers that were accepted."""

    keys: Mapping[str, str] = msgspec.field(default_factory=dict)
    writers: frozenset[str] = frozenset()

    def refused_sites(self, content: SegmentContent) -> frozenset[str] | None:
        """Return the sites for which *content* has another key.

        None means that *content* may be loaded. An empty set refuses *content*,
        because a writer in it names no key.
        """
        writers = {frame.incarnation for frame in content.frames}
        unknown = {writer for writer in writers if writer.hex() not in self.writers}
        other = frozenset(
            site
            for writer in unknown
            for site, commitment in content.keys.get(writer, {}).items()
            if self.keys.get(site, commitment) != commitment
        )
        if other:
            return other
        is_unnamed = bool(self.keys) and not unknown <= content.keys.keys()
        return other if is_unnamed else None

    def first_keys(
        self, content: SegmentContent, removed: Collection[str] = ()
    ) -> dict[str, str]:
        """Return the keys in *content* of sites that have no recorded key.

        The former keys of *removed* sites are never recorded again.
        """
        return {
            site: commitment
            for named in content.keys.values()
            for site, commitment in named.items()
            if site not in self.keys and site not in removed
        }

    def changed_sites(self, in_use: Mapping[str, str]) -> list[str]:
        """Return the sites whose key *in_use* differs from the recorded key."""
        return sorted(
            site
            for site, commitment in in_use.items()
            if self.keys.get(site, commitment) != commitment
        )

    def has_all(self, in_use: Mapping[str, str]) -> bool:
        """Return whether all keys *in_use* are recorded."""
        return all(
            self.keys.get(site) == commitment for site, commitment in in_use.items()
        )


def read_recorded_keys(warehouse: Warehouse) -> RecordedKeys:
    """Return the keys and accepted writers in the ledger."""
    view = warehouse.view(LEDGER)
    entries = view.collect(
        view.scan(columns=["number", "kind", "subject", "detail"])
        .filter(pl.col("kind").is_in(_KINDS))
        .sort("number")
    )
    rows = entries.select("kind", "subject", "detail").rows()
    keys: dict[str, str] = {}
    for kind, subject, detail in rows:
        if kind == removal.KIND:
            # The key was destroyed. A new site of that name gets another one.
            keys.pop(subject, None)
        elif kind != ACCEPTED:
            keys[subject] = json.loads(detail)["commitment"]
    writers = frozenset(writer for kind, writer, _ in rows if kind == ACCEPTED)
    return RecordedKeys(keys, writers)
