"""Whether the places the proxy writes to and reads from are what they have to be."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from batcher.salts.directory import default_directory, is_in_memory
from batcher.salts.held import open_store
from config.errors import MillpondError
from config.settings import PrivacySettings, Settings, SpoolSettings
from proxy.client.geo import Geo
from proxy.doctor.finding import Finding, finding, fine, look
from warehouse.key_commitment import verified_key
from warehouse.keyed_hash import SiteKeyError
from warehouse.misplaced import misplaced

_SALTS, _SPOOL, _KEYS, _GEO = "salts", "spool", "site keys", "countries"
_KEPT = "a copy of it keeps the means to recompute visitors"
_SWAPS = Path("/proc/swaps")


def salts(privacy: PrivacySettings, spool: SpoolSettings) -> Iterator[Finding]:
    """Yield whether a salt could outlive its day on a disk."""
    if "://" in privacy.salt_store:
        yield _in_redis(privacy, Path(spool.dir))
    else:
        # The store itself would make the directory, and this changes nothing.
        named = privacy.salt_store
        yield _in_directory(
            Path(named) if named else default_directory(Path(spool.dir))
        )


def _in_redis(privacy: PrivacySettings, spool_dir: Path) -> Finding:
    try:
        store = open_store(privacy.salt_store, spool_dir)
        store.live()
    except MillpondError as error:
        return finding(_SALTS, error.message, error.hint or "start it")
    is_volatile = store.is_volatile()
    if is_volatile is None:
        return look(_SALTS, "Redis does not say whether it writes its data to a disk")
    if not is_volatile:
        return finding(
            _SALTS,
            f"Redis writes them to its disk, and {_KEPT}",
            'set `save ""` and `appendonly no` there; see docs/operations.md, "Salts"',
        )
    return fine(_SALTS, "Redis holds them in memory only")


def _in_directory(place: Path) -> Finding:
    if not is_in_memory(place):
        return finding(
            _SALTS,
            f"they lie on a disk, and {_KEPT}",
            "leave privacy.salt_store empty where /dev/shm is memory, or name a"
            ' directory on a tmpfs; see docs/operations.md, "Salts"',
        )
    if _has_swap():
        return look(
            _SALTS,
            "they lie in memory, which this machine may write to a swap device",
            "encrypt the swap, use zram, or turn it off",
        )
    return fine(_SALTS, "they lie in memory only")


def _has_swap() -> bool:
    try:
        devices = _SWAPS.read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return False
    return any("zram" not in device for device in devices)


def spool(settings: SpoolSettings) -> Iterator[Finding]:
    """Yield whether events can be kept until they are loaded."""
    path = Path(settings.dir)
    there = next(each for each in (path, *path.parents) if each.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield finding(
            _SPOOL,
            f"{there} cannot be written by this user",
            "give it to the user the proxy runs as, or run this as that user",
        )
        return
    used = sum(map(_size_bytes, path.rglob("*")))
    free = shutil.disk_usage(there).free
    if used + free < settings.max_bytes:
        yield look(
            _SPOOL,
            f"it may grow to {_mb(settings.max_bytes)}, and {_mb(free)} are free:"
            " a full disk would stop the batcher too",
            "lower spool.max_bytes, or give it more room",
        )
    else:
        yield fine(_SPOOL, f"{_mb(used)} used, {_mb(free)} free")
    for each in misplaced(path):
        yield finding(_SPOOL, each.problem, each.remedy)


def _size_bytes(path: Path) -> int:
    # A running batcher removes what it has loaded.
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def site_keys(privacy: PrivacySettings) -> Iterator[Finding]:
    """Yield whether the keys of order ids are private."""
    path = Path(privacy.key_dir)
    if not path.exists():
        yield fine(_KEYS, "none yet; the first start makes them")
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield finding(
            _KEYS,
            f"other users of this machine may enter {path}",
            f"run: chmod 700 {path}",
        )
    else:
        yield fine(_KEYS, "only their owner can read them; back them up")


def key_commitments(settings: Settings) -> Iterator[Finding]:
    """Yield which keys are not what they were."""
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    for site in settings.sites:
        # A site that has had no key gets one at the first start.
        with suppress(FileNotFoundError):
            try:
                verified_key(key_dir, spool_dir, site.id)
            except SiteKeyError as error:
                yield finding(_KEYS, error.message, error.hint or "restore it")


def countries(privacy: PrivacySettings) -> Iterator[Finding]:
    """Yield which database of addresses is used, and how old it is."""
    if privacy.geo == "none":
        yield fine(_GEO, "not looked up")
        return
    if not privacy.geo_database:
        yield look(
            _GEO,
            "no database named: they stay unknown",
            "name an MMDB file as privacy.geo_database",
        )
        return
    path = Path(privacy.geo_database)
    try:
        geo = Geo(path, privacy.geo)
    except MillpondError as error:
        yield finding(_GEO, error.message, error.hint or "name another file")
        return
    yield fine(_GEO, geo.description or path.name)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
