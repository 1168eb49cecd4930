"""The protocols of vendors' clients; Millpond's own is in ``proxy.routes``.

A new one is a file beside this one with a ``PROTOCOL`` (``proxy.protocols.protocol``)
and an entry here. Two protocols may share a path only through ``shared``.
"""

from proxy.protocols import (
    ga4,
    mixpanel,
    plausible,
    posthog,
    rudderstack,
    segment,
    shared,
    umami,
)
from proxy.protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (
    posthog.PROTOCOL,
    segment.PROTOCOL,
    rudderstack.PROTOCOL,
    mixpanel.PROTOCOL,
    plausible.PROTOCOL,
    umami.PROTOCOL,
    ga4.PROTOCOL,
    shared.PROTOCOL,
)
