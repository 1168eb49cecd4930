"""The answer to hits that were taken in: given once what it promises is durable."""

from proxy.intake.intake import Taken
from proxy.transport.answer import Answer, Later


def when_durable(taken: Taken, answer: Answer) -> Answer | Later:
    """Return *answer*, to be given when the receipt of *taken* holds."""
    return answer if taken.durable is None else Later(taken.durable, answer)
