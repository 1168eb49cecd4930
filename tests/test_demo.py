"""`millpond demo` (`make run`) reports the sample traffic and the user's own clicks."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

import pytest

from tests.processes import free_ports
from tests.proxy.worker_process import reserved_port
from tests.waiting import wait_until

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/149.0.0.0 Safari/537.36"
)


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """Yield a port for the proxy and a port for the reports."""
    with reserved_port() as proxy:
        yield proxy, free_ports(1)[0]


def post(port: int, path: str, body: Any) -> Any:
    """Post *body* like a browser on this machine, and return the response."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    connection.request("POST", path, json.dumps(body), headers)
    response = json.loads(connection.getresponse().read())
    connection.close()
    return response


def startup_output(stream: IO[str]) -> str:
    """Return the output of the demo up to its last line at the start."""
    lines = []
    for line in stream:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


def test_the_report_shows_the_sample_traffic_and_own_clicks(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    proxy, reports = ports
    command = [sys.executable, "-m", "millpond", "demo"]
    options = ["--port", str(proxy), "--reports-port", str(reports)]
    with (
        (tmp_path / "log").open("w") as log_file,
        subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        ) as demo,
    ):
        assert demo.stdout is not None
        printed = startup_output(demo.stdout)
        page = f"http://127.0.0.1:{proxy}/demo/?utm_source=own"
        receipt = post(proxy, "/v1/events", {"site": "demo", "url": page})
        query = {
            "site": "demo",
            "metrics": ["visitors", "sessions", "pageviews"],
            "date_range": "today",
            "filters": [["is", "utm_source", ["own"]]],
        }

        def own_figures() -> Any:
            rows = post(reports, "/api/v1/query", query)["results"]
            return [row["metrics"] for row in rows]

        wait_until(
            lambda: own_figures() == [[1, 1, 1]], "the click to be in the report"
        )
        demo.send_signal(signal.SIGINT)
        demo.communicate()
    log = (tmp_path / "log").read_text(encoding="utf-8")

    assert receipt == {"accepted": 1, "dropped": {}}
    assert re.search(r"visitors +sessions +pageviews", printed)
    assert "/demo/kettle.ht" in printed
    assert '"level": "warning"' not in log
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_ports_in_use_are_replaced_by_free_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        blockers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "12"
        ]
        proxy, reports = (str(blocker.getsockname()[1]) for blocker in blockers)
        options = ["--port", proxy, "--reports-port", reports]
        demo = subprocess.Popen(
            [sys.executable, "-m", "millpond", "demo", *options],
            stdout=subprocess.DEVNULL,
            stderr=stack.enter_context(log.open("w")),
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        stack.callback(demo.wait)
        stack.callback(demo.send_signal, signal.SIGINT)

        def port_of(role: str, number: str) -> int:
            pattern = rf"demo: port {number} is in use; the {role} gets (\d+)"
            match = re.search(pattern, log.read_text(encoding="utf-8"))
            return int(match[1]) if match else 0

        wait_until(lambda: port_of("reports", reports), "both ports to be logged")
        page = "http://127.0.0.1/demo/?utm_source=own"
        event = {"site": "demo", "url": page}
        wait_until(
            lambda: accepts(port_of("proxy", proxy), event), "the proxy to answer"
        )


def accepts(port: int, event: object) -> bool:
    """Return whether the proxy on *port* accepts *event*."""
    try:
        return bool(post(port, "/v1/events", event)["accepted"])
    except OSError:
        return False
