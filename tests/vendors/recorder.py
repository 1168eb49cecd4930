"""A collector that only records: what real clients send is seen before we speak it."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.vendors.answers import Answer, good_answer
from tests.vendors.clients import Protocol
from tests.vendors.recorded import Recorded

_PATIENCE_S = 60


class Recorder:
    """Listens on a free port below *prefix*, answers as *protocol*'s vendor would."""

    def __init__(self, protocol: Protocol, prefix: str = "/collect") -> None:
        self.prefix = prefix
        self.received: list[Recorded] = []
        # Requests that went to no path below the prefix.
        self.strays: list[str] = []
        # Answers to the next requests for a path; when they run out, good ones.
        self.answers: dict[str, list[Answer]] = {}
        self._protocol = protocol
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def url(self, host: str = "127.0.0.1") -> str:
        """Return what a client is given as its host."""
        return f"http://{host}:{self.port}{self.prefix}"

    def until(self, is_so: Callable[[list[Recorded]], bool]) -> None:
        """Wait until what was received makes *is_so* true."""
        with self._changed:
            done = self._changed.wait_for(lambda: is_so(self.received), _PATIENCE_S)
        assert done, [f"{each.method} {each.path}" for each in self.received]

    def answer_to(self, asked: Recorded) -> Answer:
        """Record a request, and return what it is answered."""
        waiting = self.answers.get(asked.path)
        if waiting:
            return waiting.pop(0)
        host = asked.headers.get("host", "")
        return good_answer(self._protocol, asked, f"http://{host}{self.prefix}")

    def record(self, asked: Recorded) -> None:
        """Note a request that has been answered."""
        with self._changed:
            self.received.append(asked)
            self._changed.notify_all()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


class _Server(ThreadingHTTPServer):
    """Hands each request to the recorder it belongs to."""

    daemon_threads = True

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._receive()

    def do_POST(self) -> None:
        self._receive()

    def do_OPTIONS(self) -> None:
        self._receive()

    def _receive(self) -> None:
        recorder = self.server.recorder
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        if not path.startswith(f"{recorder.prefix}/"):
            recorder.strays.append(path)
            self._answer(Answer(404), headers)
            return
        asked = Recorded(
            method=self.command,
            path=path.removeprefix(recorder.prefix),
            query=query,
            headers=headers,
            body=body,
        )
        answer = recorder.answer_to(asked)
        recorder.record(replace(asked, status=answer.status))
        self._answer(answer, headers)

    def _answer(self, answer: Answer, asked: Mapping[str, str]) -> None:
        self.send_response_only(answer.status)
        for name, value in {**answer.headers, **_cors(asked)}.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        # A tab that was closed takes no answer.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(answer.body)


def _cors(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what lets a page of another origin send here, with credentials."""
    if "origin" not in asked:
        return {}
    wanted = asked.get("access-control-request-headers")
    return {
        "Access-Control-Allow-Origin": asked["origin"],
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
        **({"Access-Control-Allow-Headers": wanted} if wanted else {}),
        **({"Access-Control-Allow-Methods": "GET, POST"} if wanted else {}),
    }
