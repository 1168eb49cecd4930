"""The former stores: directories that have salts of ours but are no longer configured.

The batcher destroys the due salts there, by the same rules as in the present store. An
empty former store is forgotten. A store that may still hold salts is never forgotten:
its disk may not be mounted, or this user may not read it.
"""

import logging
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from batcher.salts.destruction import DestroyedSalt, SaltWatch, destroy_due
from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.locations import SaltKind, SaltLocation, SaltLocations
from batcher.salts.salt_files import parse_salt_name
from batcher.salts.store import SaltMark
from config.errors import MillpondError
from config.logs import log_event
from config.mounts import is_in_memory
from config.throttle import Throttle

_LOG = logging.getLogger(__name__)
_LOG_MISSING_EVERY_S = 3_600.0

# Zone, date and marker: a date has a second salt if its store was changed.
SaltKey = tuple[str, date, str]


class Presence(StrEnum):
    """What is at the path of a former store."""

    PRESENT = "present"
    # Memory was cleared, and the salts with it.
    GONE = "gone"
    # The disk with the salts may not be mounted.
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerStore:
    """A former store, the salts in it, and the other spools that use it."""

    directory: Path
    presence: Presence
    salts: tuple[tuple[str, date], ...] = ()
    other_spools: tuple[str, ...] = ()


def find_former(
    spool_dir: Path, current: Path | None, more: Collection[str] = ()
) -> tuple[list[FormerStore], list[MillpondError]]:
    """Return the former stores, and the records that are damaged; changes nothing.

    The default directories and *more* count too if there are salts in them. So a store
    of an earlier version, which recorded no directory, is found.
    """
    locations = SaltLocations(spool_dir)
    recorded, problems = locations.recorded()
    stores = [
        _examine(locations, location)
        for location in recorded
        if location.kind is SaltKind.LIVE and not _is_same(location.directory, current)
    ]
    known = {location.directory for location in recorded}
    defaults = (default_directory(spool_dir), spool_dir.parent / "salts")
    for directory in sorted({*map(os.path.realpath, defaults), *more} - known):
        if _is_same(directory, current):
            continue
        store = _examine(locations, _unrecorded(directory))
        if store.salts:
            stores.append(store)
    return stores, problems


def _unrecorded(directory: str) -> SaltLocation:
    return SaltLocation(directory, SaltKind.LIVE, is_in_memory(Path(directory)))


def _is_same(directory: str, current: Path | None) -> bool:
    if current is None:
        return False
    try:
        return current.samefile(directory)
    except OSError:
        return directory == os.path.realpath(current)


def _examine(locations: SaltLocations, location: SaltLocation) -> FormerStore:
    directory = Path(location.directory)
    try:
        names = [path.name for path in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        presence = Presence.GONE if location.in_memory else Presence.MISSING
        return FormerStore(directory=directory, presence=presence)
    except OSError:
        return FormerStore(directory=directory, presence=Presence.UNREADABLE)
    salts = sorted(salt for name in names if (salt := parse_salt_name(name)))
    is_other = not (salts or location.in_memory or locations.is_claimed(directory))
    return FormerStore(
        directory=directory,
        # An empty directory without our claim: the mount point of an absent disk.
        presence=Presence.MISSING if is_other else Presence.PRESENT,
        salts=tuple(salts),
        other_spools=tuple(locations.other_spools(directory)),
    )


@dataclass(slots=True)
class FormerResult:
    """What a search of the former stores found and did.

    *seen* has the marks before the destruction, with their directories; *live* the
    keys of the salts that are left. *out_of_reach* are the directories that may hold
    salts but could not be searched.
    """

    seen: list[tuple[SaltMark, str]] = field(default_factory=list)
    live: set[SaltKey] = field(default_factory=set)
    destroyed: list[DestroyedSalt] = field(default_factory=list)
    out_of_reach: set[str] = field(default_factory=set)
    problems: list[MillpondError] = field(default_factory=list)


class FormerStores:
    """Destroys due salts in the former stores of the installation at *spool_dir*."""

    def __init__(self, spool_dir: Path, current: Path | None) -> None:
        self._spool_dir = spool_dir
        self._current = current
        self._locations = SaltLocations(spool_dir)
        self._watches: dict[Path, SaltWatch] = {}
        self._missing = Throttle(_LOG_MISSING_EVERY_S)

    def destroy_due(
        self,
        now_s: float,
        steady_s: float,
        recorded_keys: Callable[[], dict[SaltKey, str]],
        *,
        in_doubt: bool,
    ) -> FormerResult:
        """Destroy the due salts; forget the stores that hold no salt any more.

        *recorded_keys* returns the salts in the ledger without an end, and their
        directories. In a store that another installation uses, only these are ours.
        """
        result = FormerResult()
        recorded: dict[SaltKey, str] | None = None
        try:
            recorded = recorded_keys()
        except MillpondError as problem:
            result.problems.append(problem)
        places = {place for place in (recorded or {}).values() if place[:1] == "/"}
        stores, damaged = find_former(self._spool_dir, self._current, places)
        result.problems += damaged
        for store in stores:
            match store.presence:
                case Presence.GONE:
                    self._locations.forget(str(store.directory))
                case Presence.MISSING:
                    result.out_of_reach.add(str(store.directory))
                    self._log_missing(store.directory, steady_s)
                case _ if recorded is None and store.other_spools:
                    # Without the ledger nobody knows which salts are ours.
                    result.out_of_reach.add(str(store.directory))
                case _:
                    self._search(store, result, recorded, now_s, steady_s, in_doubt)
        return result

    def _search(
        self,
        store: FormerStore,
        result: FormerResult,
        recorded: Collection[SaltKey] | None,
        now_s: float,
        steady_s: float,
        in_doubt: bool,  # noqa: FBT001 - passed on as it is
    ) -> None:
        """Destroy the due salts in *store*, and add the outcome to *result*."""
        directory = store.directory
        try:
            salts = DirectorySalts(directory)
            marks = list(_ours(salts.live(), store, recorded))
            watch = self._watches.setdefault(directory, SaltWatch())
            destroyed, problems = destroy_due(
                salts,
                now_s,
                marks=marks,
                outlived=watch.outlived(salts, steady_s),
                in_doubt=in_doubt,
            )
            left = list(_ours(salts.live(), store, recorded))
            if not left:
                self._leave(salts, store)
        except MillpondError as problem:
            result.problems.append(problem)
            result.out_of_reach.add(str(directory))
            return
        result.seen += [(mark, str(directory)) for mark in marks if mark.marker]
        result.live |= {(mark.zone, mark.day, mark.marker) for mark in left}
        result.destroyed += destroyed
        result.problems += problems

    def _leave(self, salts: DirectorySalts, store: FormerStore) -> None:
        """Forget *store*, which holds no salt of this installation any more."""
        if not store.other_spools:
            salts.remove_drafts()
        self._locations.release(store.directory)
        self._locations.forget(str(store.directory))
        self._watches.pop(store.directory, None)
        log_event(_LOG, "salt_store_left", file=str(store.directory))

    def _log_missing(self, directory: Path, steady_s: float) -> None:
        if self._missing.count(steady_s):
            log_event(
                _LOG, "salt_store_missing", level=logging.WARNING, file=str(directory)
            )


def _ours(
    marks: list[SaltMark], store: FormerStore, recorded: Collection[SaltKey] | None
) -> Iterator[SaltMark]:
    """Yield the salts of this installation in *store*."""
    for mark in marks:
        key = (mark.zone, mark.day, mark.marker)
        if not store.other_spools or key in (recorded or ()):
            yield mark
