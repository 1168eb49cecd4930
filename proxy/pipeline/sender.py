"""The facts of a sender that the anonymizer needs, independent of HTTP.

Each source of hits builds them: a route from a request's headers, the import from a
log line.
"""

from typing import Any, NoReturn

import msgspec

from proxy.client.client import ClientFinder
from proxy.pipeline.opt_out import NO_SIGNALS, ObjectionSignals


class Sender(msgspec.Struct, frozen=True, gc=False):
    """The facts of one sender; cannot be shown, copied or serialized.

    *client* is found only when the anonymizer calls it, because objections must be
    checked before the address is read. Its type also makes JSON encoding fail.
    *credential* is the value of an ``Authorization`` header.
    """

    protocol: str
    client: ClientFinder
    signals: ObjectionSignals = NO_SIGNALS
    origin: str | None = None
    host: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the sender."""
        return "Sender(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show nothing of the sender."""
        return []

    def __copy__(self) -> NoReturn:
        """Refuse: a copy could outlive the request."""
        raise TypeError("a Sender cannot be pickled or copied")

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: that would write the address."""
        raise TypeError("a Sender cannot be pickled or copied")
