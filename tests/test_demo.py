"""`millpond demo`, which is `make run`: sample traffic, and one's own clicks."""

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
    """Yield a port for the proxy, and one for the reports."""
    with reserved_port() as proxy:
        yield proxy, free_ports(1)[0]


def post(port: int, path: str, body: Any) -> Any:
    """Return what is answered to *body*, sent as a browser on this machine would."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    connection.request("POST", path, json.dumps(body), headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def told(stream: IO[str]) -> str:
    """Return what the demo prints until it has told everything."""
    lines = []
    for line in stream:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


def test_sample_traffic_and_ones_own_clicks_are_in_the_report(
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
        printed = told(demo.stdout)
        page = f"http://127.0.0.1:{proxy}/demo/?utm_source=own"
        kept = post(proxy, "/v1/events", {"site": "demo", "url": page})
        question = {
            "site": "demo",
            "metrics": ["visitors", "sessions", "pageviews"],
            "date_range": "today",
            "filters": [["is", "utm_source", ["own"]]],
        }

        def own() -> Any:
            rows = post(reports, "/api/v1/query", question)["results"]
            return [row["metrics"] for row in rows]

        wait_until(lambda: own() == [[1, 1, 1]], "the click to be in the report")
        demo.send_signal(signal.SIGINT)
        demo.communicate()
    log = (tmp_path / "log").read_text(encoding="utf-8")

    assert kept == {"accepted": 1, "dropped": {}}
    assert re.search(r"visitors +sessions +pageviews", printed)
    assert "/demo/kettle.ht" in printed
    assert '"level": "warning"' not in log
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_ports_that_are_taken_are_replaced_by_free_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        taken = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "12"
        ]
        proxy, reports = (str(each.getsockname()[1]) for each in taken)
        options = ["--port", proxy, "--reports-port", reports]
        demo = subprocess.Popen(
            [sys.executable, "-m", "millpond", "demo", *options],
            stdout=subprocess.DEVNULL,
            stderr=stack.enter_context(log.open("w")),
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        stack.callback(demo.wait)
        stack.callback(demo.send_signal, signal.SIGINT)

        def told_port(role: str, number: str) -> int:
            said = rf"demo: port {number} is in use; the {role} gets (\d+)"
            found = re.search(said, log.read_text(encoding="utf-8"))
            return int(found[1]) if found else 0

        wait_until(lambda: told_port("reports", reports), "both ports to be told")
        page = "http://127.0.0.1/demo/?utm_source=own"
        event = {"site": "demo", "url": page}
        wait_until(
            lambda: answers(told_port("proxy", proxy), event), "the proxy to answer"
        )


def answers(port: int, event: object) -> bool:
    """Say whether a proxy takes *event* there."""
    try:
        return bool(post(port, "/v1/events", event)["accepted"])
    except OSError:
        return False
