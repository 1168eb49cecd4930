"""All supported protocols; two protocols may share a path only through ``shared``."""

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
