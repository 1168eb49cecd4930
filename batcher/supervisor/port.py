"""The ports of one installation: taken before anything starts, shared with no other.

The proxy's workers share their port by SO_REUSEPORT. That option alone would let the
workers of any other Millpond join them, each taking half of the events; so the
supervisor holds the port (docs/decisions/0071).
"""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import close
from pathlib import Path
from typing import Any

from batcher.supervisor.sole import ORPHANS_END_S, AlreadyRunningError
from config.errors import MillpondError
from warehouse.durable import make_directory
from warehouse.locks import try_lock

_POLL_S = 0.1
_LOCK = "listeners.lock"
_REASONS = {
    errno.EADDRINUSE: "another program has this port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "this user may not listen there",
}
_NO_SUCH_NAME = "the host's name is not known"

_Address = tuple[socket.AddressFamily, Any]


class PortError(MillpondError):
    """A port of ours cannot be listened on; *setting* is the section that names it."""

    exit_code = 2

    def __init__(self, setting: str, host: str, port: int, error: OSError) -> None:
        number = error.errno or 0
        name = errno.errorcode.get(number)
        reason = _REASONS.get(number, "it cannot be opened" if name else _NO_SUCH_NAME)
        super().__init__(
            f"listen on {host}:{port}: {reason}" + (f" ({name})" if name else ""),
            hint=f"stop what listens there (ss -ltnp shows it), or set another"
            f" {setting}.port or {setting}.host",
        )


class SharedPortError(PortError):
    """A supervised worker cannot listen; to start it again may help."""

    exit_code = 3


@contextmanager
def hold_port(setting: str, host: str, port: int) -> Iterator[None]:
    """Keep *port* for our own workers while the block runs.

    Raises ``PortError`` where any other program has it. Nobody is answered by this:
    a worker that shares the port (``proxy worker --shared``) listens on it. Port 0 is
    many ports, and is not held.
    """
    with ExitStack() as held:
        for address in _addresses(setting, host, port) if port else ():
            listener = _listener(address, setting, host, port)
            held.enter_context(listener)
            _only_hold(listener)
        yield


def check_port(setting: str, host: str, port: int) -> None:
    """Raise ``PortError`` where a server could not listen on *port* now."""
    for address in _addresses(setting, host, port):
        _listener(address, setting, host, port).close()


def free_port(host: str) -> int:
    """Return a port of *host* that nobody has now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def listeners(spool_dir: Path) -> Iterator[int]:
    """Yield a descriptor for children that listen to inherit.

    A supervisor that was killed leaves children that end within its patience. They
    hold the lock of this descriptor; the next supervisor waits for them here, and
    does not take them for another program on its ports.
    """
    make_directory(spool_dir)
    end_s = time.monotonic() + ORPHANS_END_S
    while (descriptor := try_lock(spool_dir / _LOCK)) is None:
        if time.monotonic() >= end_s:
            raise AlreadyRunningError("a proxy worker or reports server", spool_dir, "")
        time.sleep(_POLL_S)
    try:
        yield descriptor
    finally:
        close(descriptor)


def _addresses(setting: str, host: str, port: int) -> list[_Address]:
    """Return where a server on *host* listens: a name may have several addresses."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise PortError(setting, host, port, OSError(None, str(error))) from None
    return list(dict.fromkeys((family, address) for family, *_, address in found))


def _listener(where: _Address, setting: str, host: str, port: int) -> socket.socket:
    """Return a socket that listens there, and that nobody shares.

    Listening is what the kernel grants only once: two sockets with SO_REUSEADDR may
    be bound to one port, and without it connections that are closed would block it.
    """
    family, address = where
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise PortError(setting, host, port, error) from None
    return listener


def _only_hold(listener: socket.socket) -> None:
    """Stop listening and keep the port; only sockets with SO_REUSEPORT get it now."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.shutdown(socket.SHUT_RD)
