"""How a worker shares its open-file limit between connections and its own files.

Clients can open connections as they like. Connections must therefore leave enough
descriptors for everything a worker needs to store an event and to respond.
"""

import logging
from dataclasses import replace

from config.descriptors import fitting_connections
from config.logs import log_event
from config.settings import ProxySettings

# Counted in a busy worker: 20 permanent (standard streams, event loop, listening
# socket, lane, segment, tail and its listeners), and some at a time for salts, geo,
# scans of the spool, name resolution, and a connection that is being refused.
RESERVE = 64

_LOG = logging.getLogger("millpond.proxy")


def fit_connections(proxy: ProxySettings, limit: int) -> ProxySettings:
    """Return *proxy* with its connections lowered to fit *limit* open files."""
    fitting = fitting_connections(proxy.max_connections, limit, RESERVE)
    if fitting < proxy.max_connections:
        log_event(_LOG, "connections_lowered", level=logging.WARNING, count=fitting)
    return replace(proxy, max_connections=fitting)
