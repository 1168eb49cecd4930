"""The protocols that are spoken here; where two have a path, the last one has it."""

from proxy.protocols import (
    ga4,
    mixpanel,
    plausible,
    rudderstack,
    segment,
    shared,
    umami,
)
from proxy.protocols.posthog import POSTHOG
from proxy.protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (
    POSTHOG,
    segment.PROTOCOL,
    rudderstack.PROTOCOL,
    mixpanel.PROTOCOL,
    plausible.PROTOCOL,
    umami.PROTOCOL,
    ga4.PROTOCOL,
    shared.PROTOCOL,
)
