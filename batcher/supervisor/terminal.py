"""Whether the terminal that a command was started in has been closed."""

import os
import signal
from dataclasses import dataclass

_CONTROLLING_TERMINAL = "/dev/tty"


@dataclass(frozen=True, slots=True)
class Terminal:
    """The state at the start of the process; a SIGHUP can then be told apart.

    The system sends SIGHUP to a program when its terminal is closed, and an operator
    sends it to a service that shall read its configuration. *ends_program* is True
    for a program that has a terminal, unless ``nohup`` started it.
    """

    ends_program: bool

    @classmethod
    def of_process(cls) -> "Terminal":
        """Return the state of this process."""
        is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        return cls(_has_terminal() and not is_ignored)

    def is_lost(self) -> bool:
        """Return whether the program must end because its terminal was closed."""
        return self.ends_program and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open(_CONTROLLING_TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
