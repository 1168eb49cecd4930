"""The salts in the memory of a process: fetched early, wiped when their date is over.

A process that serves visitors creates salts only for the present date, and shortly
before midnight for the next one. It wipes the salt and keys of a date when the grace
period after that date ends, even if the store keeps the salt.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from batcher.salts.dates import ONE_DAY, date_end_s, date_start_s
from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.locations import SaltLocations
from batcher.salts.secret_bytes import Randomness, move_to_bytearray, pin, wipe
from batcher.salts.store import GRACE_S, MARKER_BYTES, SALT_BYTES, SaltStore
from config.errors import MillpondError
from warehouse.clock.local_dates import local_date

# Tomorrow's salt is fetched this long before midnight, so that a slow store delays
# no visitor of the new date.
LEAD_S = 600
KEY_BYTES = 32

_PERSON = b"millpond siteday"
_REDIS_SCHEMES = ("redis://", "rediss://")


@dataclass(slots=True)
class _HeldSalt:
    """The salt of one date in memory, and the site-day keys derived from it."""

    salt: bytearray = field(repr=False)
    end_s: int
    keys: dict[str, bytearray] = field(default_factory=dict, repr=False)

    def wipe(self) -> None:
        for secret in (self.salt, *self.keys.values()):
            wipe(secret)
        self.keys.clear()


class Salts:
    """The salts and site-day keys of one process.

    ``prefetch`` and ``key`` may wait for the store, so call them in a worker thread.
    ``key_if_live`` and ``forget_ended`` never wait. Call both in the same thread:
    ``forget_ended`` wipes keys in place, and no key may be in use meanwhile.
    """

    def __init__(self, store: SaltStore, random: Randomness) -> None:
        self._store = store
        self._random = random
        self._held: dict[tuple[str, date], _HeldSalt] = {}
        self._replaced: list[_HeldSalt] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return the number of dates only, because salts are secret."""
        return f"Salts({len(self._held)} held)"

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the site-day key if its salt is in memory and not over."""
        held = self._held.get((zone, day))
        if held is None or now_s >= held.end_s:
            return None
        key = held.keys.get(site_id)
        if key is not None:
            return key
        with self._lock:
            # A salt that was wiped meanwhile is all zeros: anybody could compute a key
            # from it.
            if self._held.get((zone, day)) is not held:
                return None
            return held.keys.setdefault(site_id, site_day_key(held.salt, site_id))

    def key(self, zone: str, day: date, site_id: str, now_s: float) -> bytearray | None:
        """Return the site-day key; fetch the salt from the store if needed.

        None if *day* is over or has not begun. Raises if the store cannot be used or
        the stored salt is damaged.
        """
        if (zone, day) not in self._held:
            self._fetch(zone, day, now_s)
        return self.key_if_live(zone, day, site_id, now_s)

    def prefetch(self, zones: Iterable[str], now_s: float) -> None:
        """Fetch the salts that the next minutes need: today, and dates near midnight.

        Salts in memory are compared with the stored ones by their markers. If the store
        lost a salt, it gets the salt back. If it has another salt, that one is used.
        Every zone is tried before the first problem is raised.
        """
        problems = []
        for zone in sorted(set(zones)):
            today = local_date(zone, now_s)
            for day in (today - ONE_DAY, today, today + ONE_DAY):
                try:
                    self._fetch(zone, day, now_s)
                except MillpondError as problem:
                    problems.append(problem)
        if problems:
            raise problems[0]

    def forget_ended(self, now_s: float) -> None:
        """Wipe and remove the salts and keys whose date is over."""
        with self._lock:
            ended = [name for name, held in self._held.items() if now_s >= held.end_s]
            self._replaced += [self._held.pop(name) for name in ended]
            self._wipe_replaced()

    def close(self) -> None:
        """Wipe all salts and keys."""
        self.forget_ended(float("inf"))

    def _wipe_replaced(self) -> None:
        for held in self._replaced:
            held.wipe()
        self._replaced.clear()

    def _fetch(self, zone: str, day: date, now_s: float) -> None:
        end_s = date_end_s(zone, day)
        if not date_start_s(zone, day) - LEAD_S <= now_s < end_s + GRACE_S:
            return
        held = self._held.get((zone, day))
        if held is not None and (now_s >= end_s or self._is_stored(zone, day)):
            return
        if now_s < end_s:
            salt = self._get_or_create(zone, day)
        else:
            stored = self._store.get(zone, day)
            if stored is None:
                return
            salt = stored
        self._hold(zone, day, _HeldSalt(salt, end_s + GRACE_S))

    def _is_stored(self, zone: str, day: date) -> bool:
        marker = self._store.marker(zone, day)
        with self._lock:
            held = self._held.get((zone, day))
            return held is not None and _marker(held.salt) == marker

    def _get_or_create(self, zone: str, day: date) -> bytearray:
        """Return the stored salt; if the store lost the salt in memory, restore it."""
        with self._lock:
            held = self._held.get((zone, day))
            copy = None if held is None else bytearray(SALT_BYTES)
            if held is not None and copy is not None:
                memoryview(copy)[:] = held.salt
        if copy is None:
            return self._store.get_or_create(zone, day, self._random)
        try:
            return self._store.get_or_create(zone, day, _copy_of(copy))
        finally:
            wipe(copy)

    def _hold(self, zone: str, day: date, held: _HeldSalt) -> None:
        pin(held.salt)
        with self._lock:
            before = self._held.get((zone, day))
            if before is not None and before.salt == held.salt:
                held.wipe()
                return
            self._held[zone, day] = held
            # The keys of *before* may be in use now. ``forget_ended`` wipes them later.
            if before is not None:
                self._replaced.append(before)


def _marker(salt: bytearray) -> bytes:
    return bytes(memoryview(salt)[:MARKER_BYTES])


def _copy_of(salt: bytearray) -> Randomness:
    """Return a source of "random" bytes that yields *salt*."""

    def fill(buffer: bytearray) -> None:
        memoryview(buffer)[:] = salt

    return fill


def site_day_key(salt: bytearray, site_id: str) -> bytearray:
    """Return the key of one site for the date and zone of *salt*."""
    derived = hashlib.blake2b(
        site_id.encode(),
        digest_size=KEY_BYTES,
        key=memoryview(salt)[MARKER_BYTES:],
        person=_PERSON,
    )
    key = move_to_bytearray(derived.digest())
    pin(key)
    return key


def store_directory(salt_store: str, spool_dir: Path) -> Path | None:
    """Return the directory that ``privacy.salt_store`` names; None for Redis."""
    if salt_store.startswith(_REDIS_SCHEMES):
        return None
    return Path(salt_store) if salt_store else default_directory(spool_dir)


def store_place(salt_store: str, spool_dir: Path) -> str:
    """Return the directory of the store, or its address in Redis, to be recorded."""
    directory = store_directory(salt_store, spool_dir)
    if directory is None:
        from batcher.salts.redis_store import redis_address  # noqa: PLC0415 - as below

        return redis_address(salt_store)
    return os.path.realpath(directory)


def open_store(salt_store: str, spool_dir: Path) -> SaltStore:
    """Open the store that ``privacy.salt_store`` names; empty chooses the default."""
    directory = store_directory(salt_store, spool_dir)
    if directory is None:
        # The Redis client is slow to import, and most installations do not need it.
        from batcher.salts.redis_store import RedisSalts  # noqa: PLC0415

        return RedisSalts(salt_store)
    return DirectorySalts(directory, SaltLocations(spool_dir).note)
