"""Checks that a worker's connections fit within the limit of open files."""

from collections.abc import Iterator

from config.descriptors import (
    TooFewDescriptorsError,
    descriptor_limits,
    fitting_connections,
)
from config.settings import ProxySettings
from proxy.doctor.finding import Finding, finding, fine, look
from proxy.transport.descriptors import RESERVE

_ABOUT = "open files"
_WHERE = 'docs/operations.md, "Too many connections"'


def descriptors(proxy: ProxySettings) -> Iterator[Finding]:
    """Yield how many connections fit within this process's limits.

    A service manager may give the proxy other limits.
    """
    soft, hard = descriptor_limits()
    limits = f"soft limit {soft}, hard limit {hard}"
    needed = proxy.max_connections + RESERVE
    hint = f"set LimitNOFILE={needed} in the service, or see {_WHERE}"
    try:
        fitting = fitting_connections(proxy.max_connections, hard, RESERVE)
    except TooFewDescriptorsError:
        yield finding(_ABOUT, f"{limits}: a worker cannot start", hint)
        return
    if fitting < proxy.max_connections:
        yield look(
            _ABOUT,
            f"{limits}: a worker can hold {fitting} connections, fewer than"
            f" proxy.max_connections = {proxy.max_connections}",
            hint,
        )
    else:
        yield fine(
            _ABOUT,
            f"{limits}: a worker raises its soft limit and can hold {fitting}"
            " connections",
        )
