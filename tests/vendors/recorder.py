"""A collector that only records: what real clients send is seen before we speak it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.vendors.background_server import BackgroundServer, Handler
from tests.vendors.clients import Protocol
from tests.vendors.recorded_request import RecordedRequest
from tests.vendors.vendor_responses import Answer, vendor_response

_PATIENCE_S = 60


class Recorder(BackgroundServer):
    """Listens on a free port below *prefix*, answers as *protocol*'s vendor would."""

    def __init__(self, protocol: Protocol, prefix: str = "/collect") -> None:
        self.prefix = prefix
        self.received: list[RecordedRequest] = []
        # Requests that went to no path below the prefix.
        self.strays: list[str] = []
        # Answers to the next requests for a path; when they run out, good ones.
        self.answers: dict[str, list[Answer]] = {}
        self._protocol = protocol
        self._changed = threading.Condition()
        super().__init__(type("_Bound", (_Handler,), {"recorder": self}))

    def url(self, host: str = "127.0.0.1") -> str:
        """Return what a client is given as its host."""
        return f"http://{host}:{self.port}{self.prefix}"

    def until(self, is_so: Callable[[list[RecordedRequest]], bool]) -> None:
        """Wait until what was received makes *is_so* true."""
        with self._changed:
            is_met = self._changed.wait_for(lambda: is_so(self.received), _PATIENCE_S)
        assert is_met, [f"{request.method} {request.path}" for request in self.received]

    def answer_to(self, request: RecordedRequest) -> Answer:
        """Record a request, and return what it is answered."""
        waiting = self.answers.get(request.path)
        if waiting:
            return waiting.pop(0)
        host = request.headers.get("host", "")
        return vendor_response(self._protocol, request, f"http://{host}{self.prefix}")

    def record(self, request: RecordedRequest) -> None:
        """Note a request that has been answered."""
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()


class _Handler(Handler):
    recorder: Recorder

    def receive(self) -> None:
        """Record a request below the prefix, and answer as the vendor would."""
        recorder = self.recorder
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        if not path.startswith(f"{recorder.prefix}/"):
            recorder.strays.append(path)
            self.answer(404, _cors(headers), b"")
            return
        request = RecordedRequest(
            method=self.command,
            path=path.removeprefix(recorder.prefix),
            query=query,
            headers=headers,
            body=body,
        )
        answer = recorder.answer_to(request)
        recorder.record(replace(request, status=answer.status))
        self.answer(answer.status, {**answer.headers, **_cors(headers)}, answer.body)


def _cors(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what lets a page of another origin send here, with credentials."""
    if "origin" not in headers:
        return {}
    wanted_headers = headers.get("access-control-request-headers")
    return {
        "Access-Control-Allow-Origin": headers["origin"],
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
        **({"Access-Control-Allow-Headers": wanted_headers} if wanted_headers else {}),
        **({"Access-Control-Allow-Methods": "GET, POST"} if wanted_headers else {}),
    }
