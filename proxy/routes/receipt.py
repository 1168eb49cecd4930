"""The answer to hits that were taken in: given once what it promises is durable."""

from proxy.intake.intake import PendingReceipt
from proxy.transport.response import PendingResponse, Response


def when_durable(taken: PendingReceipt, answer: Response) -> Response | PendingResponse:
    """Return *answer*, to be given when the receipt of *taken* holds."""
    return answer if taken.durable is None else PendingResponse(taken.durable, answer)
