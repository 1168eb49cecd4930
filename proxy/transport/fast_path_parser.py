"""The step before aiohttp's parser that finds requests for the fast path."""

from collections.abc import Callable
from typing import Any

from aiohttp.http_parser import RawRequestMessage

OnHeaders = Callable[[Any], None]
TryAnswer = Callable[[RawRequestMessage, Any], bool]


class FastPathParser:
    """Wraps aiohttp's parser; requests answered on the fast path never reach aiohttp.

    *on_headers* is called with the body of each latest request whose headers are
    complete. *try_answer* returns whether it has answered a request.
    """

    def __init__(
        self, parser: Any, *, on_headers: OnHeaders, try_answer: TryAnswer
    ) -> None:
        self._parser = parser
        self._on_headers = on_headers
        self._try_answer = try_answer
        self.message_consumed = parser.message_consumed
        self.pause_reading = parser.pause_reading
        self.set_upgraded = parser.set_upgraded
        self.feed_eof = parser.feed_eof

    def feed_data(self, data: bytes) -> tuple[Any, bool, bytes]:
        """Return the requests that are left for aiohttp."""
        messages, upgraded, tail = self._parser.feed_data(data)
        if messages:
            self._on_headers(messages[-1][1])
            is_alone = len(messages) == 1 and not upgraded
            if is_alone and self._try_answer(*messages[0]):
                self._parser.message_consumed()
                return (), upgraded, tail
        return messages, upgraded, tail
