"""Finds the country of an address, and its region if configured; the door of MMDB.

Only a country and a region leave this module, never coordinates. The file is read
through a private copy, because overwriting a memory-mapped file in place kills the
process that reads it.
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

_MAX_CACHED = 8_192
# Some files begin with networks that have no country, but with fewer than this.
_MAX_PROBED = 10_000
_COUNTRY = re.compile("[A-Z]{2}")
_REGION = re.compile("[A-Z0-9]{1,3}")
# Codes that are not one country: unknown, Europe, Asia and Pacific.
_NO_COUNTRIES = frozenset({"XX", "ZZ", "EU", "AP"})
_FLAT_REGIONS = ("region_code", "state1")

_Stamp = tuple[int, int, int]


class Location(msgspec.Struct, frozen=True, gc=False):
    """A country (ISO 3166-1) and its region (ISO 3166-2); None if unknown."""

    country: str | None = None
    region: str | None = None


NOWHERE = Location()


class GeoError(MillpondError):
    """The geo database cannot be used."""

    exit_code = 2


class GeoUnreadableError(Retryable, GeoError):
    """The file cannot be read now; its content may be valid."""


class _CachedLookup(Protocol):
    """A cached function from an address to its location."""

    def __call__(self, address: str, /) -> Location: ...

    def cache_clear(self) -> None: ...

    def cache_info(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class _OpenDatabase:
    """One version of the file, with the cache of its locations."""

    location: _CachedLookup
    description: str
    stamp: _Stamp


class Geo:
    """Finds the location of an address in the operator's database, if there is one."""

    def __init__(self, path: Path | None, grain: Grain) -> None:
        self._path = None if grain == "none" else path
        self._with_region = grain == "region"
        self._database: _OpenDatabase | None = None
        self._last_stamp: _Stamp | None = None
        if self._path is not None:
            self._use(_open_database(self._path, with_region=self._with_region))
        # Why the current file is not in use, for the log and /readyz; None if it is.
        self.problem: str | None = None

    @property
    def description(self) -> str | None:
        """Return the name and build date of the database in use."""
        return None if self._database is None else self._database.description

    def location(self, address: str | None) -> Location:
        """Return the location of *address*, given as ``ClientSource`` returns it."""
        if address is None or self._database is None:
            return NOWHERE
        return self._database.location(address)

    def reload_if_changed(self) -> bool:
        """Load the file if it has changed; return whether a new version is in use.

        If the new version is unusable, the old one stays in use and *problem* says
        why. Loading takes a moment, and may run in a thread.
        """
        if self._path is None:
            return False
        stamp = _stamp_of(self._path)
        if stamp is not None and stamp == self._last_stamp:
            return False
        self._last_stamp = stamp
        try:
            database = _open_database(self._path, with_region=self._with_region)
        except GeoError as error:
            if isinstance(error, Retryable):
                self._last_stamp = None
            self.problem = f"{error.message}; {self.description} stays in use"
            return False
        self._use(database)
        self.problem = None
        return True

    @property
    def cached(self) -> int:
        """Return how many addresses the cache holds."""
        if self._database is None:
            return 0
        return int(self._database.location.cache_info().currsize)

    def forget(self) -> None:
        """Empty the cache of addresses."""
        if self._database is not None:
            self._database.location.cache_clear()

    def _use(self, database: _OpenDatabase) -> None:
        self._database = database
        self._last_stamp = database.stamp


def _open_database(path: Path, *, with_region: bool) -> _OpenDatabase:
    try:
        reader, stamp = _open_copy(path)
        has_locations = _has_locations(reader)
        metadata = reader.metadata()
        built = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
    except OSError as error:
        raise GeoUnreadableError(
            f"open geo database {path}: {error.strerror}",
            hint="check privacy.geo_database; if it is empty, no country is known",
        ) from None
    except (InvalidDatabaseError, ValueError, OverflowError, KeyError):
        raise GeoError(
            f"open geo database {path}: not a valid MMDB file",
            hint="download it again, and replace it by renaming the new file",
        ) from None
    if not has_locations:
        raise GeoError(
            f"open geo database {path}: {metadata.database_type} contains no countries",
            hint="use a country or city database in GeoIP2 or flat country_code format",
        )
    location = lru_cache(maxsize=_MAX_CACHED)(
        partial(_look_up, reader, with_region=with_region)
    )
    return _OpenDatabase(location, f"{metadata.database_type}, built {built}", stamp)


def _open_copy(path: Path) -> tuple[Reader, _Stamp]:
    with path.open("rb") as file, NamedTemporaryFile(prefix="millpond-geo-") as copy:
        stamp = _stamp_from(fstat(file.fileno()))
        shutil.copyfileobj(file, copy)
        copy.flush()
        # The memory mapping stays valid after the file is deleted.
        return maxminddb.open_database(copy.name), stamp


def _stamp_of(path: Path) -> _Stamp | None:
    try:
        return _stamp_from(path.stat())
    except OSError:
        return None


def _stamp_from(status: stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _has_locations(reader: Reader) -> bool:
    return any(
        _parse_location(record, with_region=False) is not NOWHERE
        for _, record in islice(reader, _MAX_PROBED)
    )


def _look_up(reader: Reader, address: str, *, with_region: bool) -> Location:
    try:
        record = reader.get(address)
    except (InvalidDatabaseError, ValueError):
        # An IPv6 address in an IPv4 file, or a damaged entry. The error quotes the
        # address, so it is not raised further.
        return NOWHERE
    return _parse_location(record, with_region=with_region)


def _parse_location(record: Any, *, with_region: bool) -> Location:
    if not isinstance(record, dict):
        return NOWHERE
    country = _parse_country(record.get("country")) or _parse_country(
        record.get("country_code")
    )
    if country is None:
        country = _parse_country(record.get("registered_country"))
        return NOWHERE if country is None else Location(country)
    return Location(country, _parse_region(record, country) if with_region else None)


def _parse_country(value: Any) -> str | None:
    code = value.get("iso_code") if isinstance(value, dict) else value
    if not isinstance(code, str) or not _COUNTRY.fullmatch(code.upper()):
        return None
    return None if code.upper() in _NO_COUNTRIES else code.upper()


def _parse_region(record: dict[str, Any], country: str) -> str | None:
    """Return the ISO 3166-2 code; flat files mostly have names, which are ignored."""
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
