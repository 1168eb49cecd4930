"""What a worker gets from its supervisor, and how it says that it is ready."""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """The descriptors that the supervisor passed on; none for a worker run by hand.

    A worker that is replaced passes its listening sockets on to its successor: so no
    connection is lost that waits for ``accept`` in the kernel.
    """

    is_supervised: bool = False
    listeners: tuple[int, ...] = ()
    ready: int | None = None

    def sockets(self) -> list[socket.socket]:
        """Return the listening sockets; without any, the worker opens its own."""
        return [socket.socket(fileno=number) for number in self.listeners]

    def lane_names(self, number: int) -> tuple[str, ...]:
        """Return the lanes that worker *number* may write.

        A successor starts while the former worker still writes its lane. So it may
        take a second lane. A lane that stays taken in any other case belongs to another
        proxy on this spool.
        """
        name = f"worker-{number}"
        return (name,) if self.ready is None else (name, f"{name}-next")

    def report_ready(self) -> None:
        """Tell the supervisor that this worker answers requests."""
        if self.ready is not None:
            # The supervisor does not wait for ever.
            with suppress(BrokenPipeError):
                os.write(self.ready, b"\n")
            os.close(self.ready)
