"""How far an import has come in each file, so that an interrupted one goes on.

Kept beside the spool until the import is done. It names files by a keyed hash of
their beginning, because their text is personal.
"""

import hashlib
from pathlib import Path

import msgspec

from batcher.durable import remove_durable, write_durable

HEAD_BYTES = 4_096


class ImportProgress:
    """The offsets, in uncompressed bytes, up to which files are in the spool."""

    def __init__(self, spool_dir: Path, site_id: str, key: bytes) -> None:
        self._path = spool_dir / f"import-{site_id}.json"
        self._key = key
        self._offsets: dict[str, int] = {}
        if self._path.exists():
            self._offsets = msgspec.json.decode(
                self._path.read_bytes(), type=dict[str, int]
            )

    def name(self, head: bytes) -> str:
        """Return the name of the file that begins with *head*."""
        hashed = hashlib.blake2b(head[:HEAD_BYTES], key=self._key, digest_size=16)
        return hashed.hexdigest()

    def offset(self, name: str) -> int:
        """Return where to go on in the file called *name*."""
        return self._offsets.get(name, 0)

    def advance(self, name: str, offset: int) -> None:
        """Record, durably, that everything before *offset* is in the spool."""
        self._offsets[name] = offset
        write_durable(self._path, msgspec.json.encode(self._offsets))

    def finish(self) -> None:
        """Forget it all: the import is complete."""
        if self._path.exists():
            remove_durable(self._path)
