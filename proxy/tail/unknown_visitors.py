"""Notices that no event has a visitor, as when no client address is known."""

from proxy.tail.lines import EventLine, Line

# A few events without a visitor are usual: those of servers, and of objections.
_EVENTS = 5
_ADVICE = (
    f"none of the first {_EVENTS} events has a visitor: the clients' addresses are"
    " unknown. `millpond proxy doctor` checks proxy.client_ip; private addresses, as in"
    " an intranet, count only with proxy.private_clients = true"
)


class UnknownVisitors:
    """Counts the first events of one live view."""

    def __init__(self) -> None:
        self._left = _EVENTS

    def advice(self, line: Line) -> str | None:
        """Return what to check, once, if all events up to *line* have no visitor."""
        if not isinstance(line, EventLine) or not self._left:
            return None
        self._left = 0 if line.visitor else self._left - 1
        return _ADVICE if not (self._left or line.visitor) else None
