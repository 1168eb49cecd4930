"""The owner of the data files: checked before a command writes, named in errors.

A file of another user in the spool or the tables stops all later processing. So a
command that writes must run as the owner of the directories, also if it runs as root.
"""

import errno
import os
import pwd
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.errors import Busy, ConfigError, MillpondError, Retryable
from config.settings import Settings

_SECTION = 'docs/operations.md, "Files of another user"'
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_HINTS = {
    errno.EROFS: "the file system is mounted read-only: the system log says why",
    errno.ENOENT: "check the paths in the configuration",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or raise the quota",
    errno.EISDIR: "move the directory away, then try again",
    errno.ENOTDIR: "move the file away, then try again",
}
_WRONG_KIND = {
    errno.EISDIR: "is a directory, but should be a file",
    errno.ENOTDIR: "is a file, but should be a directory",
}


_NOT_FOR_OTHERS = 0o027


def restrict_new_files() -> None:
    """Let only the owner and the group use the files that this process makes.

    The group may read them. A stricter mask of the operator stays.
    """
    os.umask(os.umask(0o777) | _NOT_FOR_OTHERS)


class OwnerError(MillpondError):
    """The command runs as one user, and the directories belong to another."""

    exit_code = 2

    def __init__(self, command: str, path: Path, owner: str, user: str) -> None:
        self.path, self.owner = path, owner
        hint = f"run it as their owner: sudo -u {owner} {command} …"
        if " import " in command:
            hint += f"; let it read a log first: sudo setfacl -m u:{owner}:r FILE"
        doing = command.removeprefix("millpond ")
        super().__init__(
            f"{doing}: {path} belongs to {owner!r}, but this process runs as {user!r}",
            hint=f"{hint} ({_SECTION})",
        )


class FileError(MillpondError):
    """The system refused a file or a directory."""

    def __init__(self, error: OSError) -> None:
        path = path_of(error)
        super().__init__(
            f"{path or 'a file'}: {reason(error)}", hint=remedy(error), file=path
        )


class ForeignFileError(Retryable, MillpondError):
    """An operation failed, and a file of another user is the probable cause."""

    def __init__(self, problem: str, path: Path) -> None:
        owner, user = _owner_of(path), _account_name(os.geteuid())
        super().__init__(
            f"{problem}; {path} belongs to {owner!r}, but this process runs as"
            f" {user!r}",
            hint=_ownership_hint(user, path),
            file=path,
        )


def data_directories(settings: Settings) -> list[Path]:
    """Return the directories that no other installation may use."""
    names = (settings.spool.dir, settings.warehouse.uri)
    return [Path(name) for name in names if "://" not in name]


def owned_places(settings: Settings) -> list[Path]:
    """Return the directories that only their owner may write to."""
    return [*data_directories(settings), Path(settings.privacy.key_dir)]


def check_owner(places: Iterable[Path], user_id: int, command: str) -> None:
    """Raise ``OwnerError`` if one of *places* exists and *user_id* does not own it."""
    for place in places:
        try:
            owner_id = place.stat().st_uid
        except FileNotFoundError:
            continue
        except OSError as error:
            raise FileError(error) from None
        if owner_id != user_id:
            raise OwnerError(
                command, place, _account_name(owner_id), _account_name(user_id)
            )


@contextmanager
def naming_foreign_files(places: Sequence[Path]) -> Iterator[None]:
    """Raise ``ForeignFileError`` if the block fails and another user's file is there.

    The first file or directory in *places* that another user owns and that this
    process may not change is taken as the cause.
    """
    try:
        yield
    except ConfigError:
        raise
    except (MillpondError, OSError) as error:
        path = None if _is_explained(error) else _first_foreign(places)
        if path is None:
            raise
        problem = error.message if isinstance(error, MillpondError) else reason(error)
        raise ForeignFileError(problem, path) from None


def is_file_error(error: Exception) -> bool:
    """Return whether the system refused a file: a problem the operator can fix."""
    return isinstance(error, OSError) and (
        error.filename is not None or error.errno in (*_FORBIDDEN, *_HINTS)
    )


def _is_explained(error: Exception) -> bool:
    """Return whether the error needs no cause, or already names another user's file."""
    hint = error.hint if isinstance(error, MillpondError) else None
    return isinstance(error, Busy) or (hint is not None and _SECTION in hint)


def reason(error: OSError) -> str:
    """Return the system's name of the error.

    For an error of permissions, also name the owner of the file and this user. For a
    directory in place of a file, or the reverse, also say so.
    """
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    wrong_kind = _WRONG_KIND.get(error.errno or 0)
    path = path_of(error)
    if wrong_kind is not None and path is not None:
        return f"{name}, {_nearest_readable(path)} {wrong_kind}"
    if error.errno not in _FORBIDDEN or error.filename is None:
        return name
    path = _nearest_readable(Path(os.fsdecode(error.filename)))
    owner, user = _owner_of(path), _account_name(os.geteuid())
    return f"{name}, {path} belongs to {owner!r}, but this process runs as {user!r}"


def path_of(error: OSError) -> Path | None:
    """Return the file that the error names; for a rename, the new name of the file."""
    name = error.filename if error.filename2 is None else error.filename2
    return None if name is None else Path(os.fsdecode(name))


def remedy(error: OSError) -> str | None:
    """Return what to do about the error, None if that is not known."""
    if error.errno in _FORBIDDEN and error.filename is not None:
        path = _nearest_readable(Path(os.fsdecode(error.filename)))
        return _ownership_hint(_account_name(os.geteuid()), path)
    return _HINTS.get(error.errno or 0)


def _account_name(user_id: int) -> str:
    """Return the name of a user, or the number if the user has no name."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def _ownership_hint(user: str, path: Path) -> str:
    return (
        f"run as the owner, or change the owner: sudo chown -R {user} {path}"
        f" ({_SECTION})"
    )


def _owner_of(path: Path) -> str:
    try:
        return _account_name(path.stat().st_uid)
    except OSError:
        return "another user"


def _nearest_readable(path: Path) -> Path:
    """Return *path*, or the nearest parent directory whose owner can be read."""
    for candidate in (path, *path.absolute().parents):
        try:
            candidate.stat()
        except OSError:
            continue
        return candidate
    return path


def _first_foreign(places: Sequence[Path]) -> Path | None:
    """Return a file or directory of another user that this user may not change."""
    user_id = os.geteuid()
    for path in _all_within(places):
        try:
            is_foreign = path.lstat().st_uid != user_id
        except OSError:
            continue
        if is_foreign and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            return path
    return None


def _all_within(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        yield place
        for folder, folders, files in os.walk(place):
            yield from (Path(folder, name) for name in (*folders, *files))
