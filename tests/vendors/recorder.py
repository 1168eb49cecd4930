"""A collector that only records the requests of real clients."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.vendors.background_server import BackgroundServer, Handler
from tests.vendors.clients import Protocol
from tests.vendors.recorded_request import RecordedRequest
from tests.vendors.vendor_responses import VendorResponse, vendor_response

_PATIENCE_S = 60


class Recorder(BackgroundServer):
    """Listens on a free port below *prefix*, and answers like the vendor."""

    def __init__(self, protocol: Protocol, prefix: str = "/collect") -> None:
        self.prefix = prefix
        self.received: list[RecordedRequest] = []
        # Requests to paths outside the prefix.
        self.strays: list[str] = []
        # The next answers for a path; after them, the usual vendor responses.
        self.answers: dict[str, list[VendorResponse]] = {}
        self._protocol = protocol
        self._changed = threading.Condition()
        super().__init__(type("_Bound", (_Handler,), {"recorder": self}))

    def url(self, host: str = "127.0.0.1") -> str:
        """Return the host setting for a client."""
        return f"http://{host}:{self.port}{self.prefix}"

    def until(self, is_so: Callable[[list[RecordedRequest]], bool]) -> None:
        """Wait until the received requests make *is_so* true."""
        with self._changed:
            is_met = self._changed.wait_for(lambda: is_so(self.received), _PATIENCE_S)
        assert is_met, [f"{request.method} {request.path}" for request in self.received]

    def answer_to(self, request: RecordedRequest) -> VendorResponse:
        """Return the answer to a request."""
        waiting = self.answers.get(request.path)
        if waiting:
            return waiting.pop(0)
        host = request.headers.get("host", "")
        return vendor_response(self._protocol, request, f"http://{host}{self.prefix}")

    def record(self, request: RecordedRequest) -> None:
        """Record an answered request."""
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()


class _Handler(Handler):
    recorder: Recorder

    def receive(self) -> None:
        """Record a request below the prefix, and answer like the vendor."""
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
    """Return the headers that let a page of another origin send credentials."""
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
