"""With the shipped configuration, nginx logs no answer under Millpond's path.

A real nginx, set up as most are: it logs by default, shows its own page for errors, and
serves scripts and images from a directory.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.proxy.shipped_nginx import (
    WORKER,
    nginx_config,
    running_nginx,
    shipped_location,
)
from tests.proxy.worker_process import WorkerProcess, reserved_port
from tests.waiting import wait_until

VISITOR, AGENT, QUERY = "127.0.0.2", "Millwheel/7731", "q=unlogged7731"
REST = """
    proxy_intercept_errors on;
    recursive_error_pages on;
    server {{
        listen 127.0.0.1:{port} reuseport;
        error_page 404 /404.html;
        error_page 500 502 503 504 /50x.html;
        location = /50x.html {{ return 200 sorry; }}
        location = /no-page {{ return 204; }}
        location ~ \\.(js|gif)$ {{ expires 1d; }}
        {location}
    }}
"""
LINES = f"Host: shop.example\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n"


def _request(
    start: str = f"GET /stats/p.gif?{QUERY} HTTP/1.1", lines: str = "", body: str = ""
) -> bytes:
    return f"{start}\r\n{LINES}{lines}\r\n{body}".encode()


POST = f"POST /stats/v1/events?{QUERY} HTTP/1.1"
# Requests, and the status of the answer while Millpond does not run.
REQUESTS = [
    pytest.param(_request(), 502, id="Millpond is down"),
    pytest.param(
        _request(f"GET /stats/m.js?{QUERY} HTTP/1.1"),
        502,
        id="the tag while it is down",
    ),
    pytest.param(_request(POST, "Content-Length: 2000000\r\n"), 413, id="large body"),
    pytest.param(_request(lines=f"X: {'x' * 40_000}\r\n"), 400, id="large header"),
    pytest.param(
        _request(f"GET /stats/p.gif?{QUERY}{'x' * 40_000} HTTP/1.1"),
        414,
        id="long path",
    ),
    pytest.param(_request(lines="Host: other.example\r\n"), 400, id="two hosts"),
    pytest.param(
        _request(POST, "Content-Length: x\r\n"), 400, id="length of no number"
    ),
    pytest.param(
        _request(POST, "Transfer-Encoding: chunked\r\n", "zz\r\n"),
        400,
        id="malformed chunk",
    ),
    pytest.param(
        _request(POST, "Transfer-Encoding: other\r\n"), 501, id="unknown encoding"
    ),
    pytest.param(
        _request(f"GET /stats/%zz?{QUERY} HTTP/1.1"), 400, id="malformed escape"
    ),
    pytest.param(
        _request(f"GET /stats/p.gif?{QUERY} HTTP/9.1"), 505, id="unknown version"
    ),
    pytest.param(_request(f"TRACE /stats/?{QUERY} HTTP/1.1"), 405, id="trace"),
    pytest.param(
        _request(f"GET /stats/-/refused?{QUERY} HTTP/1.1"), 404, id="the error's page"
    ),
    pytest.param(_request(f"GET /stats?{QUERY} HTTP/1.1"), 301, id="without a slash"),
]


class Nginx(NamedTuple):
    """A running nginx, and the directory it writes to."""

    port: int
    directory: Path

    def status(self, request: bytes) -> int:
        """Send *request* as the visitor and return the status of the answer."""
        address = ("127.0.0.1", self.port)
        with socket.create_connection(address, 20, (VISITOR, 0)) as connection:
            connection.sendall(request)
            answer = connection.recv(65_536)
        return int(answer.split()[1])

    def written(self) -> str:
        """Return everything in the logs."""
        return "".join(
            (self.directory / name).read_text(encoding="utf-8")
            for name in ("access.log", "error.log")
        )


@contextmanager
def _running(tmp_path: Path, location: str) -> Iterator[Nginx]:
    """Run nginx with *location* in its server until the block ends."""
    directory = tmp_path / "nginx"
    with reserved_port() as port:
        config = nginx_config(REST.format(port=port, location=location))
        with running_nginx(directory, config):
            yield Nginx(port, directory)


@pytest.mark.parametrize(("request_bytes", "status"), REQUESTS)
def test_no_answer_under_the_path_is_logged(
    tmp_path: Path, request_bytes: bytes, status: int
) -> None:
    # Nothing listens on the reserved port: Millpond is down.
    with (
        reserved_port() as down,
        _running(tmp_path, shipped_location(down)) as nginx,
    ):
        got = nginx.status(request_bytes)
        # An answer of the site is logged, so the log is not empty by accident.
        site = nginx.status(f"GET /no-page HTTP/1.1\r\n{LINES}\r\n".encode())
        wait_until(lambda: "no-page" in nginx.written(), "nginx to log")
        written = nginx.written()

    assert (got, site) == (status, 204)
    assert [text for text in (QUERY, "/stats") if text in written] == []
    assert written.count(VISITOR) == written.count("no-page")


def test_answers_of_millpond_are_passed_on_and_not_logged(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    with (
        WorkerProcess(tmp_path / "ours", proxy=WORKER) as worker,
        _running(tmp_path, shipped_location(worker.port)) as nginx,
    ):
        got = [
            nginx.status(_request(f"{method} /stats{path} HTTP/1.1"))
            for method, path in (
                ("GET", "/m.js"),
                ("GET", f"/p.gif?{QUERY}"),
                ("GET", f"/nothing?{QUERY}"),
                ("PUT", f"/v1/events?{QUERY}"),
            )
        ]
        written = nginx.written()

    assert got == [200, 200, 404, 405]
    assert written == ""
