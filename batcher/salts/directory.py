"""Salts as files in a private directory, by default in memory (tmpfs).

A salt is written completely before the file gets its name. Of several racing processes
only one can create that name. ``ZONE.ended`` holds the last destroyed date, so that a
date gets no second salt after a clock was set back (``batcher.salts.end_note``).
"""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from batcher.salts.end_note import encode_end, end_name, read_end
from batcher.salts.salt_files import (
    READ_FLAGS,
    closing_file,
    file_names,
    parse_salt_name,
    read_mark,
    read_public,
    salt_name,
    shred,
)
from batcher.salts.secret_bytes import Randomness, wipe
from batcher.salts.store import (
    COMMITMENT_BYTES,
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
    """Return the default directory for the salts of the installation at *spool_dir*.

    It is on a file system in memory if there is one, so that no disk image and no
    backup contains a salt. Otherwise it is beside the spool.
    """
    if not (is_in_memory(memory) and os.access(memory, os.W_OK)):
        return spool_dir.parent / "salts"
    name = hashlib.blake2b(os.fsencode(spool_dir.resolve()), digest_size=6).hexdigest()
    return memory / f"millpond-{os.geteuid()}-{name}"


def stored_salts(directory: Path) -> list[tuple[str, date]]:
    """Return zone and day of each salt in *directory*; opens and creates nothing."""
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(
        named for name in names if (named := parse_salt_name(name)) is not None
    )


class SaltDirectoryError(SaltStoreError):
    """Other users can read the directory, or it cannot be used."""


class DirectorySalts:
    """A directory of salts, readable by its owner only.

    *note* records the directory before it gets a salt (``locations``).
    """

    def __init__(
        self, directory: Path, note: Callable[[Path], None] | None = None
    ) -> None:
        self.directory = directory
        self._note = note
        with self._opened():
            pass
        # A full disk must not stop a process here: ``_create`` tries again.
        with suppress(SaltStoreError):
            self._note_directory()

    def get_or_create(self, zone: str, day: date, random: Randomness) -> bytearray:
        """Return the only salt of *day* in *zone*; create it if there is none."""
        salt = self.get(zone, day)
        if salt is not None:
            return salt
        if self._has_ended(zone, day):
            raise SaltEndedError(zone, day)
        self._create(zone, day, random)
        # Another process may destroy the date at the same time. It writes its note
        # before it removes files, so at least one of both processes sees the other.
        if self._has_ended(zone, day):
            self.destroy(zone, day)
        salt = self.get(zone, day)
        if salt is None:
            raise SaltEndedError(zone, day)
        return salt

    def get(self, zone: str, day: date) -> bytearray | None:
        """Return the salt of *day* in *zone*, or None if there is none."""
        salt = bytearray(SALT_BYTES)
        stored_commitment = bytearray(COMMITMENT_BYTES)
        excess = bytearray(1)
        with self._opened() as folder:
            try:
                file = os.open(salt_name(zone, day), READ_FLAGS, dir_fd=folder)
            except FileNotFoundError:
                return None
            with closing_file(file):
                size_bytes = os.preadv(file, [salt, stored_commitment, excess], 0)
        if size_bytes != STORED_BYTES or commitment(salt) != stored_commitment:
            wipe(salt)
            raise SaltDamagedError(zone, day, salt_name(zone, day))
        return salt

    def marker(self, zone: str, day: date) -> bytes | None:
        """Return the public marker of the salt, without reading the secret."""
        with self._opened() as folder:
            marker, _ = read_public(folder, salt_name(zone, day))
        return marker or None

    def destroy(self, zone: str, day: date, *, is_over: bool = True) -> None:
        """Overwrite and remove the salt and the unfinished files of its creation.

        If the date *is_over*, it never gets another salt.
        """
        with self._opened() as folder:
            if is_over:
                self._note_end(folder, zone, day)
            # Without support for unnamed files, a crash may leave such a file.
            draft = f".{salt_name(zone, day)}."
            for name in file_names(folder):
                if name == salt_name(zone, day) or name.startswith(draft):
                    shred(folder, name)
            os.fsync(folder)

    def live(self) -> list[SaltMark]:
        """Return the stored salts by zone and day, without the secrets."""
        with self._opened() as folder:
            marks = [
                read_mark(folder, name, *zone_and_day)
                for name in file_names(folder)
                if (zone_and_day := parse_salt_name(name)) is not None
            ]
        return sorted(marks, key=lambda mark: (mark.zone, mark.day))

    def remove(self) -> None:
        """Destroy all salts, and remove the directory."""
        with self._opened() as folder:
            for name in file_names(folder):
                shred(folder, name)
            os.fsync(folder)
        with _as_store_error(self.directory):
            self.directory.rmdir()

    def remove_drafts(self) -> None:
        """Destroy the unfinished files of crashed creations."""
        with self._opened() as folder:
            for name in file_names(folder):
                if name.startswith("."):
                    shred(folder, name)
            os.fsync(folder)

    def is_volatile(self) -> bool | None:
        """Return whether the directory is in memory only."""
        return is_in_memory(self.directory)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the directory; create it again if it was removed."""
        with _as_store_error(self.directory):
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.directory.mkdir(mode=0o700)
            folder = os.open(
                self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            )
            with closing_file(folder):
                _check_private(folder, self.directory)
                yield folder

    def _note_directory(self) -> None:
        if self._note is not None:
            self._note(self.directory)

    def _create(self, zone: str, day: date, random: Randomness) -> None:
        self._note_directory()
        salt = new_salt(random)
        stored = bytearray(STORED_BYTES)
        memoryview(stored)[:SALT_BYTES] = salt
        memoryview(stored)[SALT_BYTES:] = commitment(salt)
        # Another process may create the salt, and a third one destroy it, meanwhile.
        with self._opened(), suppress(FileNotFoundError):
            create_durable(self.directory / salt_name(zone, day), stored, mode=0o600)
        wipe(salt)
        wipe(stored)

    def _has_ended(self, zone: str, day: date) -> bool:
        with self._opened() as folder:
            return day <= read_end(folder, zone).day

    def _note_end(self, folder: int, zone: str, day: date) -> None:
        # The directory is locked, so that concurrent notes never lower the date.
        fcntl.flock(folder, fcntl.LOCK_EX)
        end = read_end(folder, zone)
        if day > end.day or end.is_damaged:
            note = encode_end(max(day, end.day))
            write_durable(self.directory / end_name(zone), note, mode=0o600)


def _check_private(folder: int, directory: Path) -> None:
    status = os.fstat(folder)
    if status.st_uid != os.geteuid():
        error = PermissionError(errno.EACCES, "", str(directory))
        raise SaltDirectoryError(
            f"open salt store {directory}: {reason(error)}",
            hint=f"{remedy(error)}; or name a directory of your own in"
            " privacy.salt_store",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SaltDirectoryError(
            f"open salt store {directory}: other users may enter it",
            hint=f"chmod 700 {directory}",
        )


@contextmanager
def _as_store_error(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Errors inside the directory hold a file name without its directory.
        with_directory = OSError(error.errno, error.strerror, str(directory))
        raise SaltDirectoryError(
            f"use salt store {directory}: {reason(with_directory)}",
            hint=remedy(with_directory)
            or "check that the directory exists and has free space",
        ) from None
