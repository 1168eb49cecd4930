"""The response to hits: sent only once the stored hits are durable."""

from collections.abc import Callable, Sequence

from proxy.intake.intake import Intake, PendingReceipt
from proxy.pipeline.drops import Dropped
from proxy.pipeline.hit import Hit
from proxy.pipeline.sender import Sender
from proxy.transport.response import PendingResponse, Response


def answer_large(
    intake: Intake,
    hits: Sequence[Hit | Dropped],
    sender: Sender,
    respond: Callable[[PendingReceipt], Response],
) -> PendingResponse:
    """Store the *hits* of a large request, which gives way to others meanwhile.

    The response is what *respond* returns, to be sent once the hits are durable.
    """
    return PendingResponse(intake.receive_in_slices(hits, sender, respond))


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
