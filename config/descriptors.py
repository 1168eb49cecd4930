"""The limit of open files of a process, and how many connections fit into it."""

import resource
from contextlib import suppress

from config.errors import MillpondError

# A hard limit may be a billion or unlimited. Code that loops over all descriptor
# numbers would then hang.
_HIGHEST = 1 << 20
_FEWEST_CONNECTIONS = 16


class TooFewDescriptorsError(MillpondError):
    """The limit of open files leaves too few for connections."""

    exit_code = 2


def descriptor_limits() -> tuple[int, int]:
    """Return the soft and the hard limit of open files.

    Both are at most 1,048,576, also where the system has no limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _finite(soft), _finite(hard)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; return the soft limit."""
    soft, hard = descriptor_limits()
    if soft < hard:
        _, system_hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # A system may refuse. Then the number of connections follows the old limit.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, system_hard))
    return descriptor_limits()[0]


def fitting_connections(most: int, limit: int, reserve: int) -> int:
    """Return how many connections fit *limit*, at most *most*.

    *reserve* is the number of files that other parts of the process need. Raises
    ``TooFewDescriptorsError`` if fewer than 16 connections fit.
    """
    fitting = min(most, limit - reserve)
    if fitting < _FEWEST_CONNECTIONS:
        raise TooFewDescriptorsError(
            f"start: {limit} open files are allowed,"
            f" {reserve + _FEWEST_CONNECTIONS} are needed",
            hint="raise the hard limit (ulimit -Hn, systemd LimitNOFILE=);"
            ' see docs/operations.md, "Too many connections"',
        )
    return fitting


def _finite(limit: int) -> int:
    return _HIGHEST if limit == resource.RLIM_INFINITY else min(limit, _HIGHEST)
