"""Salts as files of a private directory, by default in memory (tmpfs).

A salt is written whole before it gets its name, which only one of racing processes
can give it. ``ZONE.ended`` remembers the last date destroyed, so that a clock set back
cannot bring a date a second salt (``batcher.salts.end_note``).
"""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote

from batcher.salts.end_note import encode_end, end_name, read_end
from batcher.salts.secret_bytes import Randomness, wipe
from batcher.salts.store import (
    COMMITMENT_BYTES,
    MARKER_BYTES,
    SALT_BYTES,
    STORED_BYTES,
    SaltDamagedError,
    SaltEndedError,
    SaltMark,
    SaltStoreError,
    commitment,
    new_salt,
)
from config.files import reason, remedy
from config.mounts import is_in_memory
from warehouse.durable import create_durable, write_durable

_MEMORY = Path("/dev/shm")  # noqa: S108 - checked to be memory, and used privately


def default_directory(spool_dir: Path, memory: Path = _MEMORY) -> Path:
    """Return where the salts of the installation with *spool_dir* live by default.

    On a RAM-backed file system where there is one, so that neither a disk image nor a
    backup ever holds a salt; else beside the spool.
    """
    if not (is_in_memory(memory) and os.access(memory, os.W_OK)):
        return spool_dir.parent / "salts"
    name = hashlib.blake2b(os.fsencode(spool_dir.resolve()), digest_size=6).hexdigest()
    return memory / f"millpond-{os.geteuid()}-{name}"


def stored_salts(directory: Path) -> list[tuple[str, date]]:
    """Return zone and day of each salt in *directory*; opens and creates nothing."""
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(named for name in names if (named := _parse_name(name)) is not None)


class SaltDirectoryError(SaltStoreError):
    """The directory is not ours alone, or cannot be used."""


class DirectorySalts:
    """A directory of salts, readable by its owner only."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with self._opened():
            pass

    def get_or_create(self, zone: str, day: date, random: Randomness) -> bytearray:
        """Return the one salt of *day* in *zone*; of racing creators one wins."""
        found = self.get(zone, day)
        if found is not None:
            return found
        if self._has_ended(zone, day):
            raise SaltEndedError(zone, day)
        self._create(zone, day, random)
        # A destroyer may have passed while we created: it leaves its note first and
        # removes after, so one of us sees the other.
        if self._has_ended(zone, day):
            self.destroy(zone, day)
        found = self.get(zone, day)
        if found is None:
            raise SaltEndedError(zone, day)
        return found

    def get(self, zone: str, day: date) -> bytearray | None:
        """Return the salt of *day* in *zone*, or None where there is none."""
        salt = bytearray(SALT_BYTES)
        kept = bytearray(COMMITMENT_BYTES)
        beyond = bytearray(1)
        with self._opened() as folder:
            try:
                file = os.open(_name(zone, day), _READ, dir_fd=folder)
            except FileNotFoundError:
                return None
            with _closing(file):
                size = os.preadv(file, [salt, kept, beyond], 0)
        if size != STORED_BYTES or commitment(salt) != kept:
            wipe(salt)
            raise SaltDamagedError(zone, day, _name(zone, day))
        return salt

    def marker(self, zone: str, day: date) -> bytes | None:
        """Return the public marker of that salt without reading the secret."""
        with self._opened() as folder:
            marker, _ = _read_public(folder, _name(zone, day))
        return marker or None

    def destroy(self, zone: str, day: date, *, is_over: bool = True) -> None:
        """Overwrite and remove the salt and the left-overs of its making, for good.

        The date gets no other salt, unless it has not been yet (not *is_over*).
        """
        with self._opened() as folder:
            if is_over:
                self._note_end(folder, zone, day)
            # What a crash may leave where the file system knows no unnamed files.
            draft = f".{_name(zone, day)}."
            for name in _names(folder):
                if name == _name(zone, day) or name.startswith(draft):
                    _shred(folder, name)
            os.fsync(folder)

    def live(self) -> list[SaltMark]:
        """Return what is stored, in order of zone and day, without the secrets."""
        marks = []
        with self._opened() as folder:
            for name in _names(folder):
                named = _parse_name(name)
                if named is None:
                    continue
                marker, kept = _read_public(folder, name)
                zone, day = named
                marks.append(
                    SaltMark(
                        zone=zone, day=day, marker=marker.hex(), commitment=kept.hex()
                    )
                )
        return sorted(marks, key=lambda mark: (mark.zone, mark.day))

    def remove(self) -> None:
        """Destroy every salt, and the directory with them."""
        with self._opened() as folder:
            for name in _names(folder):
                _shred(folder, name)
            os.fsync(folder)
        with _as_store_error(self.directory):
            self.directory.rmdir()

    def is_volatile(self) -> bool | None:
        """Say whether the directory lies in memory only."""
        return is_in_memory(self.directory)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Hold the directory open; it is made anew if something swept it away."""
        with _as_store_error(self.directory):
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.directory.mkdir(mode=0o700)
            folder = os.open(
                self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            )
            with _closing(folder):
                _check_private(folder, self.directory)
                yield folder

    def _create(self, zone: str, day: date, random: Randomness) -> None:
        salt = new_salt(random)
        stored = bytearray(STORED_BYTES)
        memoryview(stored)[:SALT_BYTES] = salt
        memoryview(stored)[SALT_BYTES:] = commitment(salt)
        # A salt that another process made and a third destroyed meanwhile is gone.
        with self._opened(), suppress(FileNotFoundError):
            create_durable(self.directory / _name(zone, day), stored, mode=0o600)
        wipe(salt)
        wipe(stored)

    def _has_ended(self, zone: str, day: date) -> bool:
        with self._opened() as folder:
            return day <= read_end(folder, zone).day

    def _note_end(self, folder: int, zone: str, day: date) -> None:
        # The lock is on the directory: two destroyers must not lower the date.
        fcntl.flock(folder, fcntl.LOCK_EX)
        end = read_end(folder, zone)
        if day > end.day or end.is_damaged:
            note = encode_end(max(day, end.day))
            write_durable(self.directory / end_name(zone), note, mode=0o600)


_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def _name(zone: str, day: date) -> str:
    return f"{quote(zone, safe='')}@{day.isoformat()}.salt"


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def _parse_name(name: str) -> tuple[str, date] | None:
    zone, at, rest = name.partition("@")
    if not at or not rest.endswith(".salt"):
        return None
    try:
        return unquote(zone), date.fromisoformat(rest.removesuffix(".salt"))
    except ValueError:
        return None


def _read_public(folder: int, name: str) -> tuple[bytes, bytes]:
    """Return marker and commitment; empty where the file is damaged or gone."""
    try:
        file = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return b"", b""
    with _closing(file):
        if os.fstat(file).st_size != STORED_BYTES:
            return b"", b""
        marker = os.pread(file, MARKER_BYTES, 0)
        kept = os.pread(file, COMMITMENT_BYTES, SALT_BYTES)
    # Zeros are what a destruction leaves that died before it removed the file.
    return (marker, kept) if any(marker) else (b"", b"")


def _shred(folder: int, name: str) -> None:
    """Overwrite the file where it lies, make that durable, then remove it."""
    try:
        file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return
    with _closing(file):
        os.pwrite(file, bytes(max(STORED_BYTES, os.fstat(file).st_size)), 0)
        os.fsync(file)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _check_private(folder: int, directory: Path) -> None:
    found = os.fstat(folder)
    if found.st_uid != os.geteuid():
        refused = PermissionError(errno.EACCES, "", str(directory))
        raise SaltDirectoryError(
            f"open salt store {directory}: {reason(refused)}",
            hint=f"{remedy(refused)}; or name a directory of your own in"
            " privacy.salt_store",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise SaltDirectoryError(
            f"open salt store {directory}: others may enter it",
            hint=f"chmod 700 {directory}",
        )


@contextmanager
def _as_store_error(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What failed within the directory is named without its folder.
        named = OSError(error.errno, error.strerror, str(directory))
        raise SaltDirectoryError(
            f"use salt store {directory}: {reason(named)}",
            hint=remedy(named) or "see that the directory exists and has room",
        ) from None


@contextmanager
def _closing(file: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(file)
