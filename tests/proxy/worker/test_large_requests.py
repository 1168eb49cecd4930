"""Large requests do not keep a worker from answering others."""

import json
import selectors
import socket
from pathlib import Path

import pytest

from tests.proxy.worker_process import WorkerProcess

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
# Segments that every rule about personal data has to look at.
AWKWARD = "https://shop.example/" + "ab-1:1/2-" * 17
LARGE = [{"site": "shop", "url": f"{AWKWARD}{n}"} for n in range(2_400)]


def request(body: object, headers: str = "") -> bytes:
    """Return a request to the native protocol."""
    encoded = json.dumps(body, separators=(",", ":")).encode()
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: shop.example\r\n"
        f"User-Agent: {AGENT}\r\n{headers}Content-Length: {len(encoded)}\r\n\r\n"
    )
    return head.encode() + encoded


def order_of_answers(port: int, requests: list[bytes]) -> list[tuple[int, int]]:
    """Send each request on a connection of its own; return the places as answered.

    The second number is the status.
    """
    got: list[tuple[int, int]] = []
    with selectors.DefaultSelector() as selector:
        for place, sent in enumerate(requests):
            connection = socket.create_connection(("127.0.0.1", port), timeout=60)
            connection.sendall(sent)
            selector.register(connection, selectors.EVENT_READ, place)
        while len(got) < len(requests):
            for key, _ in selector.select(60):
                connection = key.fileobj  # type: ignore[assignment] # registered above
                got.append((key.data, int(connection.recv(65_536).split(b" ")[1])))
                selector.unregister(connection)
                connection.close()
    return got


@pytest.mark.timeout(120)
def test_a_visitor_is_answered_before_large_requests_that_came_earlier(
    tmp_path: Path,
) -> None:
    small = {"site": "shop", "url": "https://shop.example/a"}
    with WorkerProcess(tmp_path) as worker:
        got = order_of_answers(
            worker.port, [*[request(LARGE)] * 3, request(small), request(small)]
        )
        stored = len(worker.spooled.events)

    # The first large request may be ready, but not all of them.
    assert {place for place, _ in got[:3]} > {3, 4}
    assert {status for _, status in got} == {202}
    assert stored == 3 * len(LARGE) + 2
