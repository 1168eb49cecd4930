"""`millpond proxy doctor` is right about a real nginx and a real worker."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from config.settings import ProxySettings
from proxy.doctor.running import running
from tests.proxy.shipped_nginx import (
    WORKER,
    nginx_config,
    running_nginx,
    shipped_location,
)
from tests.proxy.worker_process import WorkerProcess, reserved_port

VISITOR, AGENT = "127.0.0.2", "Mozilla/5.0 (X11; Linux x86_64) Millwheel/7731"
# Like the configuration of Debian: it logs unless a directive disables logs.
SERVER = "server {{ listen 127.0.0.1:{port} reuseport; {location} }}"


class Front(NamedTuple):
    """A worker, the nginx in front of it, and the folder of nginx."""

    worker: WorkerProcess
    port: int
    folder: Path

    def send(self, padding: int = 0, claims: str | None = None) -> int:
        """Send a page view like a visitor; return the status of the answer."""
        connection = HTTPConnection(
            "127.0.0.1", self.port, source_address=(VISITOR, 0), timeout=20
        )
        view = {
            "site": "shop",
            "name": "pageview",
            "url": "https://shop.example/",
            "unread": "x" * padding,
        }
        connection.request(
            "POST",
            "/stats/v1/events",
            msgspec.json.encode(view),
            {
                "User-Agent": AGENT,
                "Origin": "https://shop.example",
                **({"X-Forwarded-For": claims} if claims else {}),
            },
        )
        status = connection.getresponse().status
        connection.close()
        return status

    def examine(self) -> subprocess.CompletedProcess[str]:
        """Run the command with the configurations of the worker and nginx."""
        return subprocess.run(
            [
                *(sys.executable, "-m", "millpond", "proxy", "doctor"),
                *("--config", str(self.worker.config)),
                *("--nginx", str(self.folder / "nginx.conf")),
            ],
            check=False,
            capture_output=True,
            text=True,
        )

    def written(self) -> bytes:
        """Return all bytes that nginx wrote, without its configuration."""
        return b"".join(
            path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != "nginx.conf"
        )


@contextmanager
def running_front(
    tmp_path: Path, change: tuple[str, str] = ("", "")
) -> Iterator[Front]:
    """Run nginx with the shipped configuration and one *change*."""
    with (
        WorkerProcess(tmp_path / "ours", proxy=WORKER) as worker,
        reserved_port() as port,
    ):
        location = shipped_location(worker.port, change)
        config = nginx_config(SERVER.format(port=port, location=location))
        folder = tmp_path / "nginx"
        with running_nginx(folder, config):
            yield Front(worker, port, folder)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    """Create the folder of the worker."""
    (tmp_path / "ours").mkdir()


def test_the_shipped_nginx_configuration_writes_nothing_about_visitors(
    tmp_path: Path,
) -> None:
    with running_front(tmp_path) as front:
        # A request that nginx buffers in a file there gets 500.
        (front.folder / "body").rmdir()
        statuses = [front.send(), front.send(200_000)]
        forged = front.send(claims="192.0.2.66")
        examined = front.examine()
        front.worker.stop()
        refused = front.send()
        events = front.worker.spooled.events

    assert (statuses, forged, refused) == ([202, 202], 202, 502)
    assert len({event.visitor for event in events}) == 1
    assert len(events) == 3
    assert front.written() == b""
    assert "nginx writes nothing about visitors" in " ".join(examined.stdout.split())
    findings = [
        line for line in examined.stdout.splitlines() if line.startswith("finding")
    ]
    # The test's site has the example domain, and its salts are on a disk.
    assert {finding.split()[1] for finding in findings} <= {"salts", "sites"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(("access_log off;", ""), [VISITOR, AGENT], id="access log"),
        pytest.param(("error_log /dev/null;", ""), [VISITOR], id="error log"),
    ],
)
def test_a_finding_describes_a_real_leak(
    tmp_path: Path, change: tuple[str, str], expected: list[str]
) -> None:
    with running_front(tmp_path, change) as front:
        front.send()
        examined = front.examine()
        front.worker.stop()
        front.send()

    assert examined.returncode == 1
    assert "finding  web server's log" in examined.stdout
    assert [text for text in expected if text.encode() not in front.written()] == []


def test_a_buffering_finding_means_a_large_request_needs_a_file(tmp_path: Path) -> None:
    change = ("client_body_buffer_size 1m;", "")
    with running_front(tmp_path, change) as front:
        (front.folder / "body").rmdir()
        status = front.send(200_000)
        examined = front.examine()

    assert status == 500
    assert examined.returncode == 1
    assert "large requests to a file" in " ".join(examined.stdout.split())


def test_a_running_proxy_is_asked_for_its_readiness(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path / "ours") as worker:
        (finding,) = running(ProxySettings(port=worker.port))
    (ended,) = running(ProxySettings(port=worker.port))

    assert (finding.level, finding.text) == (
        "fine",
        f"127.0.0.1:{worker.port} accepts events",
    )
    assert (ended.level, ended.hint) == ("look", "start it: millpond up")


class _Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_another_program_on_the_port_is_a_finding() -> None:
    with HTTPServer(("127.0.0.1", 0), _Other) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        (finding,) = running(ProxySettings(port=server.server_address[1]))

    assert (finding.level, finding.hint) == (
        "finding",
        "find the other program that uses proxy.port",
    )
