"""The order of events within one second, as a number that is no finer clock.

docs/decisions/0055-order-within-a-second.md says why.
"""

from proxy.pipeline.moment import PARTS, Moment
from warehouse.schema import Hash64

# Larger than the number of events in any request. Numbers with another part of the
# second differ by at least this much.
PLACES = 1 << 16
_SLOTS = 1 << 14
_LAST_SLOT = _SLOTS - 1


class EventOrder:
    """Counts the events of each visitor within the same part of a second.

    The counts are in memory only. Each has a slot, which a later visitor may take over:
    then an event may get the same number as an earlier one.
    """

    def __init__(self) -> None:
        self._keys = [0] * _SLOTS
        self._places = [0] * _SLOTS

    def next_seq(self, visitor: Hash64 | None, moment: Moment) -> int:
        """Return the number of the visitor's next event at *moment*.

        It grows with the part of the second, then with each event. Events without a
        visitor are counted together.
        """
        # A visitor is 64 random bits, so other visitors with the same key are rare. If
        # they have it, their events still get growing numbers.
        part = moment.part
        key = moment.at * PARTS + part
        if visitor is not None:
            key ^= visitor
        slot = key & _LAST_SLOT
        if self._keys[slot] != key:
            self._keys[slot] = key
            self._places[slot] = 0
            return part * PLACES
        place = min(self._places[slot] + 1, PLACES - 1)
        self._places[slot] = place
        return part * PLACES + place
