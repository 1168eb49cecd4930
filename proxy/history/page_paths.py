"""Which request targets are not pages: files, and the requests of programs."""

import re

from proxy.lists import read_groups

_ASSETS = frozenset[str]().union(*read_groups("assets.txt").values())


def is_asset(target: str) -> bool:
    """Whether *target* is a file that a page loads or a program reads."""
    name = target.partition("?")[0].rpartition("/")[2]
    return "." in name and name.rpartition(".")[2].lower() in _ASSETS


def is_program_call(target: str) -> bool:
    """Whether *target* is requested by a program: a tracker, feed or health check."""
    return _PROGRAM_CALL.match(target) is not None


def _pattern(entry: str) -> str:
    """Return the regular expression of one entry of ``program_calls.txt``.

    ``/path`` is the end of a path, ``/path/*`` a folder, ``/path?key=`` a path with a
    key in its query, ``?key=`` any path with that key. A prefix of the site may precede
    each path.
    """
    path, mark, key = entry.partition("?")
    if mark:
        end = "/?" if path else ""
        return rf"{re.escape(path)}{end}\?(?:[^#]*&)?{re.escape(key)}"
    if path.endswith("/*"):
        return re.escape(path.removesuffix("*"))
    return rf"{re.escape(path)}/?(?=[?#]|\Z)"


_ENTRIES = frozenset[str]().union(*read_groups("program_calls.txt").values())
# Every entry begins at a slash or at the query, so only these places are tried.
_PROGRAM_CALL = re.compile(
    rf"[^?#/]*+(?:/[^?#/]*+)*?(?:{'|'.join(map(_pattern, sorted(_ENTRIES)))})"
)
