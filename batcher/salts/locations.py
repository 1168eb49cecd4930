"""The record of every directory that salts were made in, so that none is forgotten.

If ``privacy.salt_store`` is changed, the former directory still holds salts. So each
directory is recorded in the spool before a salt is made in it: one small file for each.
A second small file, the claim, in the directory itself names the spool that uses it.
A directory that another installation claims too is never emptied (``former``).

Redis is not recorded here: it expires each salt by itself.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from batcher.salts.store import SaltStoreError
from config.errors import MillpondError
from config.files import reason, remedy
from config.mounts import is_in_memory
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import make_directory, remove_durable

_RECORDS = "salt-stores"
_CLAIM_SUFFIX = ".claim"
_PRIVATE = 0o600

T = TypeVar("T")


class SaltKind(StrEnum):
    """Whether a directory is for salts of present dates or for those of an import."""

    LIVE = "live"
    IMPORT = "import"


class SaltLocation(msgspec.Struct, frozen=True):
    """A directory that salts were made in; *in_memory* says what it was on then."""

    directory: str
    kind: SaltKind
    in_memory: bool


class _Claim(msgspec.Struct, frozen=True):
    """An installation that uses a directory, and the path under which it did."""

    spool: str
    directory: str


@dataclass(frozen=True, slots=True)
class SaltLocations:
    """The recorded directories of the installation at *spool_dir*."""

    spool_dir: Path

    def note(self, directory: Path, kind: SaltKind = SaltKind.LIVE) -> None:
        """Record durably that salts are made in *directory*, which must exist."""
        location = SaltLocation(
            os.path.realpath(directory), kind, is_in_memory(directory)
        )
        path = self.record_path(location.directory)
        try:
            if _read(path, SaltLocation) != location:
                make_directory(path.parent)
                write_checked(path, location)
            if kind is SaltKind.LIVE:
                self._forget_moved(directory)
                self._claim(location.directory)
        except OSError as error:
            raise SaltStoreError(
                f"record the salt store {directory} in {path.parent}: {reason(error)}",
                hint=remedy(error) or "free space on the disk of the spool",
            ) from None

    def recorded(self) -> tuple[list[SaltLocation], list[MillpondError]]:
        """Return the recorded directories in order, and the unreadable records."""
        locations: list[SaltLocation] = []
        problems: list[MillpondError] = []
        for path in _files(self.spool_dir / _RECORDS, ".json"):
            try:
                locations.append(read_checked(path, SaltLocation))
            except DamagedFileError as problem:
                problems.append(problem)
            except FileNotFoundError:
                continue
        return sorted(locations, key=lambda each: each.directory), problems

    def forget(self, directory: str) -> None:
        """Remove the record: no salt of this installation is in *directory*."""
        path = self.record_path(directory)
        if path.exists():
            remove_durable(path)

    def record_path(self, directory: str) -> Path:
        """Return the path of the record of *directory*."""
        return self.spool_dir / _RECORDS / f"{_short_hash(directory)}.json"

    def is_claimed(self, directory: Path) -> bool:
        """Return whether this installation claims *directory*."""
        return self._claim_path(directory).exists()

    def release(self, directory: Path) -> None:
        """Remove the claim of this installation to *directory*."""
        if self.is_claimed(directory):
            remove_durable(self._claim_path(directory))

    def other_spools(self, directory: Path) -> list[str]:
        """Return the spools of other installations that use *directory*.

        A spool that no longer exists was moved or removed, and uses nothing.
        """
        own = os.path.realpath(self.spool_dir)
        spools = {claim.spool for _, claim in _claims(directory)} - {own}
        return sorted(spool for spool in spools if _may_exist(Path(spool)))

    def _claim(self, directory: str) -> None:
        claim = _Claim(os.path.realpath(self.spool_dir), directory)
        path = self._claim_path(Path(directory))
        if _read(path, _Claim) != claim:
            write_checked(path, claim, mode=_PRIVATE)

    def _forget_moved(self, directory: Path) -> None:
        """Forget the former path of *directory* if it, or the installation, moved."""
        for path, claim in _claims(directory):
            if claim.directory != os.path.realpath(directory):
                if not _may_exist(Path(claim.directory)):
                    self.forget(claim.directory)
                if not _may_exist(Path(claim.spool)):
                    remove_durable(path)

    def _claim_path(self, directory: Path) -> Path:
        name = _short_hash(os.path.realpath(self.spool_dir))
        return directory / f"{name}{_CLAIM_SUFFIX}"


def _claims(directory: Path) -> Iterator[tuple[Path, _Claim]]:
    for path in _files(directory, _CLAIM_SUFFIX):
        if (claim := _read(path, _Claim)) is not None:
            yield path, claim


def _files(directory: Path, suffix: str) -> list[Path]:
    try:
        paths = sorted(directory.iterdir())
    except FileNotFoundError:
        return []
    return [
        path
        for path in paths
        if path.name.endswith(suffix) and not path.name.startswith(".")
    ]


def _read(path: Path, kind: type[T]) -> T | None:
    """Return the document at *path*; None if it is absent or damaged."""
    with suppress(FileNotFoundError, DamagedFileError):
        return read_checked(path, kind)
    return None


def _may_exist(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A path that this user may not look at may exist.
        return True


def _short_hash(path: str) -> str:
    return hashlib.blake2b(os.fsencode(path), digest_size=6).hexdigest()
