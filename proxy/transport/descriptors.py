"""What a worker does with the files it may have open: connections, and a reserve.

Connections are what outsiders can make; they must leave enough for everything a worker
needs to keep an event and to answer.
"""

import logging
from dataclasses import replace

from config.descriptors import fitting_connections
from config.logs import log_event
from config.settings import ProxySettings

# Counted in a busy worker: 20 held (standard streams, event loop, listening socket,
# lane, segment, tail and its listeners), and some at a time for salts, geo, scans of
# the spool, the name service, and the connection that is just being refused.
RESERVE = 64

_LOG = logging.getLogger("millpond.proxy")


def fit_connections(proxy: ProxySettings, limit: int) -> ProxySettings:
    """Return *proxy* with as many connections as *limit* open files leave room for."""
    fitting = fitting_connections(proxy.max_connections, limit, RESERVE)
    if fitting < proxy.max_connections:
        log_event(_LOG, "connections_lowered", level=logging.WARNING, count=fitting)
    return replace(proxy, max_connections=fitting)
