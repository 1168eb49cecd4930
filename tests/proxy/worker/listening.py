"""Waits for a worker in this process to listen."""

import socket

from tests.waiting import wait_until


def wait_until_listening(port: int) -> None:
    """Return once a process listens on *port* of the loopback interface."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "the worker to listen")
