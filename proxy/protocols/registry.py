"""The protocols that are spoken here; where two have a path, the last one has it."""

from proxy.protocols import ga4, mixpanel, rudderstack, segment, shared
from proxy.protocols.posthog import POSTHOG
from proxy.protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (
    POSTHOG,
    segment.PROTOCOL,
    rudderstack.PROTOCOL,
    mixpanel.PROTOCOL,
    ga4.PROTOCOL,
    shared.PROTOCOL,
)
