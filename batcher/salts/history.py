"""Salts for an import of history, with past dates, in a separate store.

The store lasts until the import ends, across interruptions, so that a resumed import
recognises its visitors. At the end the store is destroyed. The batcher destroys the
store of an abandoned import.
"""

import fcntl
import os
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

from batcher.salts.destruction import DestroyedSalt
from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.held import site_day_key
from batcher.salts.locations import SaltKind, SaltLocations
from batcher.salts.secret_bytes import Randomness, pin, wipe
from config.errors import MillpondError

# An import that has not changed its store for this long counts as abandoned.
ABANDONED_S = 86_400


class ImportRunningError(MillpondError):
    """Another import is using the store."""


class ImportSalts:
    """The salts and site-day keys of one import; only one import can run at a time.

    *locations* is the record of the directory that gets the salts.
    """

    def __init__(
        self,
        directory: Path,
        random: Randomness,
        locations: SaltLocations | None = None,
    ) -> None:
        self._locations = locations
        note = (
            None if locations is None else partial(locations.note, kind=SaltKind.IMPORT)
        )
        self._store = DirectorySalts(directory, note)
        self._lock = _locked(directory)
        self._random = random
        self._salts: dict[tuple[str, date], bytearray] = {}
        self._keys: dict[tuple[str, date, str], bytearray] = {}

    def __repr__(self) -> str:
        """Return the number of dates only, because salts are secret."""
        return f"ImportSalts({len(self._salts)} held)"

    def key(self, zone: str, day: date, site_id: str) -> bytearray:
        """Return the site-day key of any date; create its salt when first needed."""
        key = self._keys.get((zone, day, site_id))
        if key is None:
            key = site_day_key(self._salt(zone, day), site_id)
            self._keys[zone, day, site_id] = key
        return key

    def close(self) -> None:
        """Wipe the memory; the store stays, so that the import can be resumed."""
        for secret in (*self._salts.values(), *self._keys.values()):
            wipe(secret)
        self._salts.clear()
        self._keys.clear()
        os.close(self._lock)

    def destroy(self) -> list[DestroyedSalt]:
        """End the import: wipe the memory, and destroy all salts and the store."""
        destroyed = _destroy_store(self._store)
        if self._locations is not None:
            self._locations.forget(os.path.realpath(self._store.directory))
        self.close()
        return destroyed

    def _salt(self, zone: str, day: date) -> bytearray:
        salt = self._salts.get((zone, day))
        if salt is None:
            salt = self._store.get_or_create(zone, day, self._random)
            pin(salt)
            self._salts[zone, day] = salt
        return salt


def import_directory(spool_dir: Path) -> Path:
    """Return the directory for salts of imports, beside the directory of live salts."""
    live = default_directory(spool_dir)
    return live.with_name(f"{live.name}-import")


def destroy_all_abandoned(spool_dir: Path, now_s: float) -> list[DestroyedSalt]:
    """Destroy the abandoned stores of imports, also in former directories.

    A store ends with its directory, so an absent directory is one without salts.
    """
    locations = SaltLocations(spool_dir)
    destroyed: list[DestroyedSalt] = []
    for directory in sorted({import_directory(spool_dir), *_recorded(locations)}):
        destroyed += destroy_abandoned(directory, now_s)
        # If the parent is absent too, its disk may not be mounted.
        if not directory.exists() and directory.parent.exists():
            locations.forget(os.path.realpath(directory))
    return destroyed


def _recorded(locations: SaltLocations) -> Iterator[Path]:
    recorded, _ = locations.recorded()
    for location in recorded:
        if location.kind is SaltKind.IMPORT:
            yield Path(location.directory)


def destroy_abandoned(directory: Path, now_s: float) -> list[DestroyedSalt]:
    """Destroy the store if no import is running and it did not change for a day."""
    if not directory.exists():
        return []
    try:
        lock = _locked(directory)
    except ImportRunningError:
        return []
    try:
        if now_s - directory.stat().st_mtime < ABANDONED_S:
            return []
        return _destroy_store(DirectorySalts(directory))
    finally:
        os.close(lock)


def _locked(directory: Path) -> int:
    """Return a descriptor that holds the lock of the store until it is closed."""
    path = directory / "lock"
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ImportRunningError(
                "open the salts of imports: another import is running",
                hint="let it end, or stop it, then start this one again",
            ) from None
        if _is_at(path, lock):
            return lock
        # Another import ended meanwhile and removed the store with the lock file.
        os.close(lock)
        DirectorySalts(directory)


def _is_at(path: Path, file: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False


def _destroy_store(store: DirectorySalts) -> list[DestroyedSalt]:
    destroyed = [
        DestroyedSalt(zone=mark.zone, day=mark.day, marker=mark.marker)
        for mark in store.live()
    ]
    store.remove()
    return destroyed
