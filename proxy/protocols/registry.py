"""The protocols that are spoken here, in the order in which paths are given out."""

from proxy.protocols import ga4, mixpanel
from proxy.protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (mixpanel.PROTOCOL, ga4.PROTOCOL)
