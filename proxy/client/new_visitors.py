"""Counts the visitors that a worker did not know, by network and minute.

A visitor is an address and a User-Agent, so one sender can pose as any number of
visitors by changing its User-Agent or, with IPv6, its address. The counts hold keyed
hashes in memory, no addresses, and end with the minute.
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_pton

_MINUTE_S = 60
# What one operator assigns to one customer, or to a few.
_IPV4_BYTES = 3
_IPV6_BYTES = 6
# Without room, everybody is admitted: a cap must not cost memory without end.
_MOST_COUNTED = 100_000


class NewVisitors:
    """Admits at most *most* new visitors of a network in a minute; 0 admits all."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._minute = 0
        self._counted = 0
        # The visitors of each network; both as hashes with the process's random key.
        self._visitors: dict[int, set[int]] = {}

    def admit(self, address: str, encoded: bytes) -> bool:
        """Return whether the visitor *encoded* at *address* is within the limit."""
        if not self._most:
            return True
        self._start_minute()
        visitors = self._visitors.setdefault(hash(_network(address)), set())
        visitor = hash(encoded)
        if visitor in visitors:
            return True
        if len(visitors) >= self._most:
            return False
        if self._counted < _MOST_COUNTED:
            visitors.add(visitor)
            self._counted += 1
        return True

    def forget(self) -> None:
        """Start all counts again."""
        self._visitors.clear()
        self._counted = 0

    @property
    def counted(self) -> int:
        """How many visitors the counts of this minute hold."""
        return self._counted

    def _start_minute(self) -> None:
        minute = int(self._clock() // _MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self.forget()


def _network(address: str) -> bytes:
    if ":" in address:
        return inet_pton(AF_INET6, address)[:_IPV6_BYTES]
    return inet_pton(AF_INET, address)[:_IPV4_BYTES]
