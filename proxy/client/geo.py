"""Where an address is, as coarsely as the site owner chose; the only door to MMDB.

A country and at most a region leave this module, never a place on a map. The file is
read through a private copy, because a mapped file that somebody overwrites in place
kills the process that reads it.
"""

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice
from os import fstat, stat_result
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal, Protocol

import maxminddb
import msgspec
from maxminddb import InvalidDatabaseError, Reader

from config.errors import MillpondError, Retryable

Grain = Literal["country", "region", "none"]

_MOST_CACHED = 8_192
# Some files begin with networks of no country, but none with so many.
_MOST_PROBED = 10_000
_COUNTRY = re.compile("[A-Z]{2}")
_REGION = re.compile("[A-Z0-9]{1,3}")
# What files say where there is no one country: unknown, Europe, Asia and Pacific.
_NO_COUNTRIES = frozenset({"XX", "ZZ", "EU", "AP"})
_FLAT_REGIONS = ("region_code", "state1")

_Stamp = tuple[int, int, int]


class Location(msgspec.Struct, frozen=True, gc=False):
    """A country (ISO 3166-1) and a region of it (ISO 3166-2), where known."""

    country: str | None = None
    region: str | None = None


NOWHERE = Location()


class GeoError(MillpondError):
    """The geo database cannot be used."""

    exit_code = 2


class GeoUnreadableError(Retryable, GeoError):
    """The file cannot be read now; what is in it may be sound."""


class _Lookup(Protocol):
    """A cached function from an address to its place."""

    def __call__(self, address: str, /) -> Location: ...

    def cache_clear(self) -> None: ...

    def cache_info(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class _OpenDatabase:
    """One version of the file, and the places looked up in it."""

    location: _Lookup
    description: str
    stamp: _Stamp


class Geo:
    """Finds the place of an address in the operator's database, if there is one."""

    def __init__(self, path: Path | None, grain: Grain) -> None:
        self._path = None if grain == "none" else path
        self._with_region = grain == "region"
        self._opened: _OpenDatabase | None = None
        self._seen: _Stamp | None = None
        if self._path is not None:
            self._take(_open(self._path, with_region=self._with_region))
        # Why the file as it is now is not the one in use; for the log and /readyz.
        self.problem: str | None = None

    @property
    def description(self) -> str | None:
        """Name and build date of the database in use."""
        return None if self._opened is None else self._opened.description

    def location(self, address: str | None) -> Location:
        """Return where *address* is; it is canonical text, as from ``ClientSource``."""
        if address is None or self._opened is None:
            return NOWHERE
        return self._opened.location(address)

    def reload_if_changed(self) -> bool:
        """Take up a new version of the file; say whether there was one that works.

        One that does not work leaves the old one in use, and why in *problem*. May
        take a moment, and can run in a thread.
        """
        if self._path is None:
            return False
        stamp = _stamp_of(self._path)
        if stamp is not None and stamp == self._seen:
            return False
        self._seen = stamp
        try:
            opened = _open(self._path, with_region=self._with_region)
        except GeoError as error:
            if isinstance(error, Retryable):
                self._seen = None
            self.problem = f"{error.message}; {self.description} stays in use"
            return False
        self._take(opened)
        self.problem = None
        return True

    @property
    def cached(self) -> int:
        """How many addresses are held in memory."""
        if self._opened is None:
            return 0
        return int(self._opened.location.cache_info().currsize)

    def forget(self) -> None:
        """Empty the cache of addresses."""
        if self._opened is not None:
            self._opened.location.cache_clear()

    def _take(self, opened: _OpenDatabase) -> None:
        self._opened = opened
        self._seen = opened.stamp


def _open(path: Path, *, with_region: bool) -> _OpenDatabase:
    try:
        reader, stamp = _copied(path)
        holds_places = _holds_places(reader)
        metadata = reader.metadata()
        built = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
    except OSError as error:
        raise GeoUnreadableError(
            f"open geo database {path}: {error.strerror}",
            hint="check privacy.geo_database; empty means every country is unknown",
        ) from None
    except (InvalidDatabaseError, ValueError, OverflowError, KeyError):
        raise GeoError(
            f"open geo database {path}: not a sound MMDB file",
            hint="fetch it again, and replace it by renaming the new file",
        ) from None
    if not holds_places:
        raise GeoError(
            f"open geo database {path}: {metadata.database_type} names no countries",
            hint="name a country or city database in GeoIP2 or flat country_code form",
        )
    location = lru_cache(maxsize=_MOST_CACHED)(
        partial(_look_up, reader, with_region=with_region)
    )
    return _OpenDatabase(location, f"{metadata.database_type}, built {built}", stamp)


def _copied(path: Path) -> tuple[Reader, _Stamp]:
    with path.open("rb") as file, NamedTemporaryFile(prefix="millpond-geo-") as copy:
        stamp = _stamp(fstat(file.fileno()))
        shutil.copyfileobj(file, copy)
        copy.flush()
        # The mapping outlives the name.
        return maxminddb.open_database(copy.name), stamp


def _stamp_of(path: Path) -> _Stamp | None:
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _stamp(status: stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _holds_places(reader: Reader) -> bool:
    return any(
        _read_place(record, with_region=False) is not NOWHERE
        for _, record in islice(reader, _MOST_PROBED)
    )


def _look_up(reader: Reader, address: str, *, with_region: bool) -> Location:
    try:
        record = reader.get(address)
    except (InvalidDatabaseError, ValueError):
        # An IPv6 address in an IPv4 file, or a damaged entry; the error quotes it.
        return NOWHERE
    return _read_place(record, with_region=with_region)


def _read_place(record: Any, *, with_region: bool) -> Location:
    if not isinstance(record, dict):
        return NOWHERE
    country = _country(record.get("country")) or _country(record.get("country_code"))
    if country is None:
        country = _country(record.get("registered_country"))
        return NOWHERE if country is None else Location(country)
    return Location(country, _region(record, country) if with_region else None)


def _country(value: Any) -> str | None:
    code = value.get("iso_code") if isinstance(value, dict) else value
    if not isinstance(code, str) or not _COUNTRY.fullmatch(code.upper()):
        return None
    return None if code.upper() in _NO_COUNTRIES else code.upper()


def _region(record: dict[str, Any], country: str) -> str | None:
    """Return the ISO 3166-2 code; flat files mostly hold names, which are not kept."""
    for value in (_first_subdivision(record), *map(record.get, _FLAT_REGIONS)):
        code = value.removeprefix(f"{country}-") if isinstance(value, str) else ""
        if _REGION.fullmatch(code):
            return f"{country}-{code}"
    return None


def _first_subdivision(record: dict[str, Any]) -> Any:
    match record.get("subdivisions"):
        case [{"iso_code": code}, *_]:
            return code
    return None
