"""How a question learns that its time is over: it calls a tick, which then raises."""

from collections.abc import Callable

from config.errors import MillpondError

# Raises when a question has taken too long.
Tick = Callable[[], None]


class TooSlowError(MillpondError):
    """A question takes longer than it may."""

    exit_code = 2


def no_deadline() -> None:
    """Let a question take as long as it needs."""
