"""The response to hits: sent only once the stored hits are durable."""

from proxy.intake.intake import PendingReceipt
from proxy.transport.response import PendingResponse, Response


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
