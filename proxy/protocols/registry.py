"""The protocols that are spoken here, in the order in which paths are given out."""

from proxy.protocols import plausible, umami
from proxy.protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (plausible.PROTOCOL, umami.PROTOCOL)
