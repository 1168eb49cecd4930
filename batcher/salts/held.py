"""Salts as a process uses them: fetched ahead, held in memory, wiped when over.

A process that serves visitors creates salts only for the date it is, and shortly before
midnight for the next. What it holds of a date goes when the grace after that date
is over, whatever the store does.
"""

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from batcher.salts.dates import ONE_DAY, date_end_s, date_start_s
from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.secret_bytes import Randomness, pin, take, wipe
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
    """One date's salt in memory, and the site-day keys derived from it."""

    salt: bytearray = field(repr=False)
    end_s: int
    keys: dict[str, bytearray] = field(default_factory=dict, repr=False)

    def wipe(self) -> None:
        for secret in (self.salt, *self.keys.values()):
            wipe(secret)
        self.keys.clear()


class Salts:
    """The salts and site-day keys of one process.

    ``prefetch`` and ``key`` may wait for the store and belong in a thread.
    ``key_if_live`` and ``forget_ended`` never wait; they must run on one thread,
    because a key is wiped in place and must not be in use meanwhile.
    """

    def __init__(self, store: SaltStore, random: Randomness) -> None:
        self._store = store
        self._random = random
        self._held: dict[tuple[str, date], _HeldSalt] = {}
        self._replaced: list[_HeldSalt] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Say how many dates are held, and nothing of them."""
        return f"Salts({len(self._held)} held)"

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the site-day key if its salt is held and not over; no waiting."""
        held = self._held.get((zone, day))
        if held is None or now_s >= held.end_s:
            return None
        key = held.keys.get(site_id)
        if key is not None:
            return key
        with self._lock:
            # Wiped meanwhile, it would give a key that anybody can compute.
            if self._held.get((zone, day)) is not held:
                return None
            return held.keys.setdefault(site_id, site_day_key(held.salt, site_id))

    def key(self, zone: str, day: date, site_id: str, now_s: float) -> bytearray | None:
        """Return the site-day key, asking the store if need be.

        None when *day* has no salt any more, or not yet. Raises where the store cannot
        be used or the stored salt is damaged.
        """
        if (zone, day) not in self._held:
            self._fetch(zone, day, now_s)
        return self.key_if_live(zone, day, site_id, now_s)

    def prefetch(self, zones: Iterable[str], now_s: float) -> None:
        """Hold what the next minutes need: today, near midnight its neighbours.

        Salts already held are compared with the store's by their markers: a store that
        lost them is given them back, and one that has others is believed. Every zone
        is tried before the first problem is raised.
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
        """Wipe and drop the salts and keys whose time is over."""
        with self._lock:
            over = [name for name, held in self._held.items() if now_s >= held.end_s]
            self._replaced += [self._held.pop(name) for name in over]
            self._wipe_replaced()

    def close(self) -> None:
        """Wipe everything held."""
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
            found = self._store.get(zone, day)
            if found is None:
                return
            salt = found
        self._hold(zone, day, _HeldSalt(salt, end_s + GRACE_S))

    def _is_stored(self, zone: str, day: date) -> bool:
        marker = self._store.marker(zone, day)
        with self._lock:
            held = self._held.get((zone, day))
            return held is not None and _marker(held.salt) == marker

    def _get_or_create(self, zone: str, day: date) -> bytearray:
        """Ask the store; one that lost the salt we hold is offered a copy of it."""
        with self._lock:
            held = self._held.get((zone, day))
            copy = None if held is None else bytearray(SALT_BYTES)
            if held is not None and copy is not None:
                memoryview(copy)[:] = held.salt
        if copy is None:
            return self._store.get_or_create(zone, day, self._random)
        try:
            return self._store.get_or_create(zone, day, _giving(copy))
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
            # Its keys may be in use this moment: forget_ended wipes them.
            if before is not None:
                self._replaced.append(before)


def _marker(salt: bytearray) -> bytes:
    return bytes(memoryview(salt)[:MARKER_BYTES])


def _giving(salt: bytearray) -> Randomness:
    def give(buffer: bytearray) -> None:
        memoryview(buffer)[:] = salt

    return give


def site_day_key(salt: bytearray, site_id: str) -> bytearray:
    """Return the key of one site on the date and zone of *salt*."""
    derived = hashlib.blake2b(
        site_id.encode(),
        digest_size=KEY_BYTES,
        key=memoryview(salt)[MARKER_BYTES:],
        person=_PERSON,
    )
    key = take(derived.digest())
    pin(key)
    return key


def open_store(salt_store: str, spool_dir: Path) -> SaltStore:
    """Open the store that ``privacy.salt_store`` names; empty chooses the default."""
    if salt_store.startswith(_REDIS_SCHEMES):
        # Only an installation that keeps salts in Redis pays for its client.
        from batcher.salts.redis_store import RedisSalts  # noqa: PLC0415

        return RedisSalts(salt_store)
    if salt_store:
        return DirectorySalts(Path(salt_store))
    return DirectorySalts(default_directory(spool_dir))
