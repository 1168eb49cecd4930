"""Checks the directories, files and stores that the proxy uses."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from batcher.salts.destruction import is_due
from batcher.salts.directory import default_directory, stored_salts
from batcher.salts.former import find_former
from batcher.salts.held import open_store, store_directory
from config.errors import MillpondError
from config.mounts import is_in_memory
from config.settings import PrivacySettings, Settings, SpoolSettings
from proxy.client.geo import Geo
from proxy.doctor.finding import Finding, finding, fine, look
from proxy.doctor.former_salts import former_salts
from proxy.doctor.space import free_space, space_finding
from warehouse.key_commitment import verified_key
from warehouse.keyed_hash import SiteKeyError
from warehouse.misplaced import find_misplaced

_SALTS, _SPOOL, _KEYS, _GEO = "salts", "spool", "site keys", "countries"
_RISK = "a copy of them is enough to compute visitor hashes again"
_SWAPS = Path("/proc/swaps")
# The batcher destroys a due salt within a minute; then nothing does it any more.
_DESTROYED_WITHIN_S = 600


def salts(privacy: PrivacySettings, spool: SpoolSettings) -> Iterator[Finding]:
    """Yield whether a disk could keep a salt longer than its day."""
    spool_dir = Path(spool.dir)
    # Not open_store: it creates the directory, and the doctor changes nothing.
    directory = store_directory(privacy.salt_store, spool_dir)
    if directory is None:
        yield _redis_finding(privacy, spool_dir)
    else:
        yield _directory_finding(directory)
    yield from former_salts(spool_dir, directory)


def ended_salts(
    privacy: PrivacySettings, spool: SpoolSettings, now_s: float
) -> Iterator[Finding]:
    """Yield a finding if a salt is still there after its date: nothing destroys it."""
    at_s = now_s - _DESTROYED_WITHIN_S
    spool_dir = Path(spool.dir)
    former, _ = find_former(spool_dir, store_directory(privacy.salt_store, spool_dir))
    stored = _stored_salts(privacy, spool_dir)
    stored += [salt for store in former for salt in store.salts]
    days = sorted(day for zone, day in stored if is_due(zone, day, at_s, in_doubt=True))
    if days:
        yield finding(
            _SALTS,
            f"the salt of {days[0]} should have been destroyed: visitor hashes of that"
            " date can still be computed",
            "start `millpond up` or `millpond batcher run`, which destroys it; if it"
            " runs, see its log",
        )


def _stored_salts(privacy: PrivacySettings, spool_dir: Path) -> list[tuple[str, date]]:
    location = privacy.salt_store
    if "://" in location:
        try:
            marks = open_store(location, spool_dir).live()
        except MillpondError:
            # Reported above.
            return []
        return [(mark.zone, mark.day) for mark in marks]
    if location:
        return stored_salts(Path(location))
    default = default_directory(spool_dir)
    # The name contains the user, and this command's may not be the proxy's.
    pattern = re.sub(r"^millpond-\d+-", "millpond-*-", default.name)
    return [
        salt
        for directory in sorted(default.parent.glob(pattern))
        for salt in stored_salts(directory)
    ]


def _redis_finding(privacy: PrivacySettings, spool_dir: Path) -> Finding:
    try:
        store = open_store(privacy.salt_store, spool_dir)
        store.live()
    except MillpondError as error:
        return finding(_SALTS, error.message, error.hint or "start Redis")
    is_volatile = store.is_volatile()
    if is_volatile is None:
        return look(_SALTS, "Redis does not say whether it writes its data to a disk")
    if not is_volatile:
        return finding(
            _SALTS,
            f"Redis writes the salts to its disk, and {_RISK}",
            'set `save ""` and `appendonly no` there; see docs/operations.md, "Salts"',
        )
    return fine(_SALTS, "Redis keeps the salts in memory only")


def _directory_finding(directory: Path) -> Finding:
    if not is_in_memory(directory):
        return finding(
            _SALTS,
            f"the salts are on a disk, and {_RISK}",
            "leave privacy.salt_store empty where /dev/shm is memory, or name a"
            ' directory on a tmpfs; see docs/operations.md, "Salts"',
        )
    if _has_swap():
        return look(
            _SALTS,
            "the salts are in memory, which this machine may write to a swap device",
            "encrypt the swap device, use zram, or turn swap off",
        )
    return fine(_SALTS, "the salts are in memory only")


def _has_swap() -> bool:
    try:
        devices = _SWAPS.read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return False
    return any("zram" not in device for device in devices)


def spool(settings: SpoolSettings) -> Iterator[Finding]:
    """Yield whether the spool is writable and has enough free space."""
    path = Path(settings.dir)
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        yield finding(
            _SPOOL,
            f"this user cannot write to {existing}",
            "make the proxy's user its owner, or run this as that user",
        )
        return
    used_bytes = sum(map(_size_bytes, path.rglob("*")))
    yield space_finding(settings, used_bytes, free_space(existing))
    for entry in find_misplaced(path):
        yield finding(_SPOOL, entry.problem, entry.remedy)


def _size_bytes(path: Path) -> int:
    # A running batcher may remove the file in the meantime.
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def site_keys(privacy: PrivacySettings) -> Iterator[Finding]:
    """Yield whether only their owner can read the site keys."""
    path = Path(privacy.key_dir)
    if not path.exists():
        yield fine(_KEYS, "none yet; the first start creates them")
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield finding(
            _KEYS,
            f"other users of this machine have access to {path}",
            f"run: chmod 700 {path}",
        )
    else:
        yield fine(_KEYS, "only their owner can read them; back them up")


def key_commitments(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each site key that was damaged or replaced."""
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    for site in settings.sites:
        # A new site has no key yet; the first start creates it.
        with suppress(FileNotFoundError):
            try:
                verified_key(key_dir, spool_dir, site.id)
            except SiteKeyError as error:
                hint = error.hint or "restore the key from a backup"
                yield finding(_KEYS, error.message, hint)


def countries(privacy: PrivacySettings) -> Iterator[Finding]:
    """Yield the name and age of the country database."""
    if privacy.geo == "none":
        yield fine(_GEO, "not looked up")
        return
    if not privacy.geo_database:
        yield look(
            _GEO,
            "no database is configured: all countries are unknown",
            "set privacy.geo_database to an MMDB file",
        )
        return
    path = Path(privacy.geo_database)
    try:
        geo = Geo(path, privacy.geo)
    except MillpondError as error:
        yield finding(_GEO, error.message, error.hint or "name another file")
        return
    yield fine(_GEO, geo.description or path.name)
