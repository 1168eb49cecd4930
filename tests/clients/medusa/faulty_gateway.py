"""A gateway between shop and Millpond that fails as a test asks."""

import http.client
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

# Troubles that are no status: the events arrive and the answer is lost; the connection
# is cut before the request arrives; the gateway does not answer until its end.
ANSWER_LOST = "answer lost"
CUT = "cut"
NEVER = "never"

_PATIENCE_S = 20
Trouble = str | tuple[int, dict[str, str]]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_args: Any) -> None:
        """Log nothing: a client may disconnect before its answer."""


@dataclass
class Gateway:
    """Passes requests on to *behind*; each trouble in the list affects one request."""

    behind: int
    troubles: list[Trouble] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        gateway = self
        self._over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway._pass_on(self)

            def log_message(self, *_args: Any) -> None:
                """Log nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop listening."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def sent(self) -> list[list[dict[str, Any]]]:
        """The events of each request."""
        return [json.loads(body) for body in self.bodies]

    def _pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, tuple):
            status, headers = trouble
            return _answer(request, status, headers.items(), b"busy")
        if trouble == NEVER:
            self._over.wait(_PATIENCE_S)
        elif trouble != CUT:
            status, answer = self._ask(request, body)
            if trouble is None:
                return _answer(request, status, (), answer)
        request.close_connection = True
        return None

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.behind, timeout=_PATIENCE_S
        )
        try:
            connection.request("POST", request.path, body, dict(request.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 502, b""
        finally:
            connection.close()


def _answer(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: Sequence[tuple[str, str]] | Any,
    body: bytes,
) -> None:
    request.send_response(status)
    for name, value in headers:
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
