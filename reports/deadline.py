"""The time limit of a query: a long calculation calls a tick, which may raise."""

from collections.abc import Callable

from config.errors import MillpondError

# Raises ``TooSlowError`` after the deadline of the query.
Tick = Callable[[], None]


class TooSlowError(MillpondError):
    """A query takes longer than its time limit."""

    exit_code = 2


def no_deadline() -> None:
    """Never raise: the query may take as long as it needs."""
