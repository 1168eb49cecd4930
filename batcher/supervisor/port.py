"""The ports of one installation: reserved before any process starts.

The proxy's workers share a port with SO_REUSEPORT. With that option alone, workers of
another Millpond could share the port too and receive half of the events. So the
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

from batcher.supervisor.single_instance import ORPHANS_END_S, AlreadyRunningError
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
    """A server cannot listen on its port; *setting* is the section with the port."""

    exit_code = 2

    def __init__(self, setting: str, host: str, port: int, error: OSError) -> None:
        number = error.errno or 0
        name = errno.errorcode.get(number)
        reason = _REASONS.get(number, "it cannot be opened" if name else _NO_SUCH_NAME)
        super().__init__(
            f"listen on {host}:{port}: {reason}" + (f" ({name})" if name else ""),
            hint=f"stop the program that listens there (ss -ltnp shows it), or set"
            f" another {setting}.port or {setting}.host",
        )


class SharedPortError(PortError):
    """A supervised worker cannot listen; a restart may help."""

    exit_code = 3


@contextmanager
def hold_port(setting: str, host: str, port: int) -> Iterator[None]:
    """Reserve *port* for the workers of this installation while the block runs.

    Raises ``PortError`` if another program has the port. The reservation accepts no
    connections: workers started with ``proxy worker --shared`` listen on the port.
    Port 0 stands for any free port, and is not reserved.
    """
    with ExitStack() as listeners:
        for address in _addresses(setting, host, port) if port else ():
            listener = _listener(address, setting, host, port)
            listeners.enter_context(listener)
            _stop_listening(listener)
        yield


def bind_shared(setting: str, host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of *host*, bound to a port we hold.

    The sockets do not listen yet: the kernel gives them no connections until a worker
    that inherits them calls ``listen``. For port 0 there are none: a worker binds its
    own. Raises ``SharedPortError`` if a socket cannot be bound.
    """
    with ExitStack() as undo:
        bound = []
        for family, address in _addresses(setting, host, port) if port else ():
            shared = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                shared.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                shared.bind(address)
            except OSError as error:
                raise SharedPortError(setting, host, port, error) from None
            bound.append(shared)
        undo.pop_all()
    return bound


def check_port(setting: str, host: str, port: int) -> None:
    """Raise ``PortError`` if a server could not listen on *port* now."""
    for address in _addresses(setting, host, port):
        _listener(address, setting, host, port).close()


def free_port(host: str) -> int:
    """Return a port of *host* that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def lock_listeners(spool_dir: Path) -> Iterator[int]:
    """Yield the descriptor of a lock, for the children that listen on ports to inherit.

    When a supervisor is killed, its children end a little later, and hold this lock
    until then. The next supervisor waits for the lock. Otherwise it would report these
    children as another program on its ports.
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
    """Return where a server on *host* listens; a name can have several addresses."""
    try:
        entries = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise PortError(setting, host, port, OSError(None, str(error))) from None
    return list(dict.fromkeys((family, address) for family, *_, address in entries))


def _listener(address: _Address, setting: str, host: str, port: int) -> socket.socket:
    """Return a socket that listens on *address* and shares it with no other socket.

    Without SO_REUSEADDR, recently closed connections would block the port. With it, two
    sockets may be bound to one port, but only one of them can listen.
    """
    family, socket_address = address
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(socket_address)
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise PortError(setting, host, port, error) from None
    return listener


def _stop_listening(listener: socket.socket) -> None:
    """Stop listening but keep the port; only sockets with SO_REUSEPORT can bind now."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.shutdown(socket.SHUT_RD)
