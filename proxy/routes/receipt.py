"""The response to hits: sent only once the stored hits are durable."""

from collections.abc import Callable, Sequence

from proxy.intake.intake import Intake, PendingReceipt
from proxy.intake.slices import is_large
from proxy.pipeline.drops import Dropped
from proxy.pipeline.hit import Hit
from proxy.pipeline.sender import Sender
from proxy.transport.response import PendingResponse, Response


def answer_hits(
    intake: Intake,
    hits: Sequence[Hit | Dropped],
    sender: Sender,
    respond: Callable[[PendingReceipt], Response],
    *,
    size_bytes: int,
) -> Response | PendingResponse:
    """Store *hits*, and return the response, to be sent once they are durable.

    A large request gives way to others while it is anonymized; *size_bytes* is the size
    of its body.
    """
    if is_large(len(hits), size_bytes):
        return PendingResponse(intake.receive_in_slices(hits, sender, respond))
    pending = intake.receive(hits, sender)
    return when_durable(pending, respond(pending))


def when_durable(
    pending: PendingReceipt, response: Response
) -> Response | PendingResponse:
    """Return *response*, to be sent once the receipt of *pending* is true.

    ``proxy/intake/journal.py`` makes hits durable in groups, with one ``fdatasync`` in
    ``batcher/spool/open_segment.py``. The connection then sends the response.
    """
    if pending.durable is None:
        return response
    return PendingResponse(pending.durable, response)
