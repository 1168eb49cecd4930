"""How many files and connections a process may have open at once."""

import resource
from contextlib import suppress

from config.errors import MillpondError

# A hard limit may be a billion, or none: what loops over all numbers would hang.
_HIGHEST = 1 << 20
_FEWEST_CONNECTIONS = 16


class TooFewDescriptorsError(MillpondError):
    """The limit of open files leaves too little for connections."""

    exit_code = 2


def descriptor_limits() -> tuple[int, int]:
    """Return the soft and the hard limit of open files; the highest for unlimited."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _finite(soft), _finite(hard)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; return what holds then."""
    soft, hard = descriptor_limits()
    if soft < hard:
        _, as_set = resource.getrlimit(resource.RLIMIT_NOFILE)
        # A system may refuse; then the old limit is what connections are fitted to.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, as_set))
    return descriptor_limits()[0]


def fitting_connections(most: int, limit: int, reserve: int) -> int:
    """Return how many of *most* connections fit *limit* with *reserve* files beside.

    Raises ``TooFewDescriptorsError`` where hardly any would.
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
