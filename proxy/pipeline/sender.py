"""Who sends hits, as facts: what the chain needs to know, and no HTTP.

Each entry makes them of what it has: a request's headers, a line of a log.
"""

from typing import Any, NoReturn

import msgspec

from proxy.client.client import ClientFinder
from proxy.pipeline.opt_out import SILENT, ObjectionSignals


class Sender(msgspec.Struct, frozen=True, gc=False):
    """The facts of one sender; shows nothing, and cannot be copied out.

    *client* is found when the chain asks for it: an objection must be heard before
    the address is looked at. It also keeps a sender from being encoded as JSON.
    *credential* is the value of an ``Authorization`` header.
    """

    protocol: str
    client: ClientFinder
    signals: ObjectionSignals = SILENT
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
        """Refuse: a copy would lead out of the request."""
        raise TypeError("a Sender cannot be pickled or copied")

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: that would write the address."""
        raise TypeError("a Sender cannot be pickled or copied")
