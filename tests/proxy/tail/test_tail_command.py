"""``millpond proxy tail`` beside real workers shows events as they arrive."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from proxy.tail.tail import short_name, socket_path
from tests.canaries import CANARIES, canaries_in, canaries_under
from tests.proxy.transport.raw_http import EVENT, USER_AGENT, ask, event, request
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
SITE = {"props_allow": ["plan"]}
_PATIENCE_S = 20


class TailCommand:
    """The running command, as in a terminal."""

    def __init__(self, worker: WorkerProcess, *options: str) -> None:
        self._out = worker.folder / "screen"
        self._err = worker.folder / "screen-errors"
        command = [sys.executable, "-m", "millpond", "proxy", "tail", *options]
        with self._out.open("wb") as out, self._err.open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, "--config", str(worker.config)],
                cwd=ROOT,
                stdout=out,
                stderr=errors,
            )

    def __enter__(self) -> Self:
        """Wait until the command listens."""
        self.wait_for_stderr("listening")
        return self

    def __exit__(self, *_exc: object) -> None:
        """End the command if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_PATIENCE_S)

    def wait_for_stderr(self, text: str) -> None:
        """Wait until stderr contains *text*."""
        wait_until(lambda: text in self.stderr, f"the command to say {text!r}")

    def end(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(_PATIENCE_S)

    @property
    def stderr(self) -> str:
        """The text on stderr."""
        return self._err.read_text()

    @property
    def stdout(self) -> str:
        """The text on stdout."""
        return self._out.read_text()

    def lines(self, count: int) -> list[dict[str, Any]]:
        """Wait for *count* lines, and return all of them decoded from JSON."""
        wait_until(lambda: self.stdout.count("\n") >= count, f"{count} lines")
        return [json.loads(line) for line in self.stdout.splitlines()]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path, site=SITE) as worker:
        yield worker


def kinds_and_names(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the kind of each row, and its name or reason."""
    return [(row["kind"], row.get("name") or row["reason"]) for row in rows]


def test_events_and_drops_are_shown_and_objections_are_not(
    worker: WorkerProcess,
) -> None:
    order = {"id": "1001", "value": "59.90", "currency": "EUR"}
    placed = json.dumps({"site": "shop", "name": "order_placed", "order": order})
    with TailCommand(worker, "--format", "json") as tail_command:
        ask(worker.port, event("Cookie: noanalytics=1"))
        ask(worker.port, event("DNT: 1"))
        ask(worker.port, event(body=b'{"site": "shop", "optout": true}'))
        ask(worker.port, request("POST", "/v1/events", EVENT, agent="curl/8.5.0"))
        ask(worker.port, event(body=b'{"site": "other"}'))
        ask(worker.port, event(body=placed.encode()))
        lines = tail_command.lines(4)

        assert tail_command.end() == 0
    assert kinds_and_names(*lines) == [
        ("event", "pageview"),
        ("drop", "bot"),
        ("drop", "unknown_site"),
        ("event", "order_placed"),
    ]
    assert [line["site"] for line in lines] == ["shop", "shop", "(unknown)", "shop"]
    assert lines[0]["path"] == "/p/42"
    assert lines[0]["browser"] == "Chrome"
    assert [line.get("order") for line in lines] == [False, None, None, True]


def test_the_table_has_one_row_per_hit(worker: WorkerProcess) -> None:
    with TailCommand(worker) as tail_command:
        ask(worker.port, event())
        wait_until(lambda: tail_command.stdout.count("\n") == 2, "a row")
        assert tail_command.end() == 0

    head, row = tail_command.stdout.splitlines()
    assert head.split()[:4] == ["time", "UTC", "site", "protocol"]
    assert row.split()[1:5] == ["shop", "native", "pageview", "/p/42"]


def personal() -> dict[str, Any]:
    """Return an event with every possible personal value."""
    article = CANARIES["referrer's path"]
    return {
        "site": "shop",
        "name": "order_placed",
        "id": CANARIES["message id"],
        "url": f"https://shop.example/p?q={CANARIES['query value']}"
        f"&token={CANARIES['token']}#{CANARIES['fragment']}",
        "referrer": f"https://news.example/{article}",
        "props": {"plan": CANARIES["e-mail"], "phone": CANARIES["telephone"]},
        "actor": CANARIES["customer id"],
        "order": {
            "id": CANARIES["order id"],
            "cart": CANARIES["cart id"],
            "value": "77.31",
            "currency": "EUR",
        },
    }


@pytest.mark.parametrize("form", ["table", "json"])
def test_nothing_personal_is_ever_shown(worker: WorkerProcess, form: str) -> None:
    lines = [
        f"Cookie: login={CANARIES['cookie']}",
        f"X-Forwarded-For: {CANARIES['address']}",
    ]
    body = json.dumps(personal()).encode()
    agent = f"{USER_AGENT} {CANARIES['User-Agent']}"
    with TailCommand(worker, "--format", form) as tail_command:
        ask(worker.port, request("POST", "/v1/events", body, *lines, agent=agent))
        ask(worker.port, request("POST", "/v1/events", body, *lines, agent="curl/8"))
        ask(worker.port, event(body=b"[" + body.replace(b"shop", b"canary-x") + b"]"))
        wait_until(lambda: tail_command.stdout.count("\n") >= 3, "the lines")
        tail_command.end()

    [stored] = worker.spooled.events
    assert (
        canaries_in(tail_command.stdout.encode() + tail_command.stderr.encode())
        == set()
    )
    for secret in (stored.visitor, stored.event_id, stored.order_key, stored.actor):
        assert secret is not None
        assert str(secret) not in tail_command.stdout
    assert "7731" not in tail_command.stdout
    assert canaries_under(worker.folder) == set()


def test_the_command_follows_all_workers_and_reconnects(tmp_path: Path) -> None:
    with (
        WorkerProcess(tmp_path, site=SITE) as first,
        WorkerProcess(tmp_path, site=SITE, number=1) as second,
        TailCommand(first, "--format", "json") as tail_command,
    ):
        tail_command.wait_for_stderr("listening to 2 workers")
        ask(first.port, event())
        tail_command.lines(1)
        ask(second.port, event())
        tail_command.lines(2)

        assert second.stop() == 0
        tail_command.wait_for_stderr("listening to 1 worker;")
        assert not socket_path(first.spool_dir, 1).exists()
        first.end(signal.SIGKILL)
        tail_command.wait_for_stderr("the proxy has stopped; waiting for it")
        first.start()
        wait_until(
            lambda: tail_command.stderr.count("listening to 1 worker;") == 2, "its join"
        )
        ask(first.port, event())
        assert kinds_and_names(*tail_command.lines(3)) == [("event", "pageview")] * 3
        assert tail_command.end() == 0


def test_the_site_option_filters_lines(tmp_path: Path) -> None:
    with (
        WorkerProcess(tmp_path, site=SITE) as worker,
        TailCommand(worker, "--format", "json", "--site", "(unknown)") as tail_command,
    ):
        ask(worker.port, event())
        ask(worker.port, event(body=b'{"site": "other"}'))

        assert kinds_and_names(*tail_command.lines(1)) == [("drop", "unknown_site")]


def run(config: Path, *options: str) -> tuple[int, str]:
    """Return the exit code and the stderr of the command."""
    command = [sys.executable, "-m", "millpond", "proxy", "tail", *options]
    ran = subprocess.run(
        [*command, "--config", str(config)],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    assert ran.stdout == ""
    return ran.returncode, ran.stderr


def test_an_unknown_site_option_lists_the_known_sites(
    worker: WorkerProcess,
) -> None:
    code, output = run(worker.config, "--site", "shup")

    assert code == 2
    assert "'shup' is not one of shop, (unknown)" in output


def test_without_a_running_proxy_the_command_fails_with_a_hint(tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path, site=SITE)
    before = run(worker.config)
    with worker:
        worker.end(signal.SIGKILL)
    after = run(worker.config)

    for code, output in (before, after):
        assert code == 2
        assert "no proxy runs here" in output
        assert "hint: start `millpond up`" in output


def test_a_closed_pipe_ends_the_command_quietly(worker: WorkerProcess) -> None:
    command = [sys.executable, "-m", "millpond", "proxy", "tail"]
    with subprocess.Popen(
        [*command, "--config", str(worker.config)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"listening" in process.stderr.readline()
        process.stdout.close()
        ask(worker.port, event())
        errors = process.stderr.read()

        assert process.wait(_PATIENCE_S) == 0
    assert errors == b""


def test_a_worker_does_not_wait_for_a_slow_listener(
    worker: WorkerProcess,
) -> None:
    many = json.dumps([json.loads(EVENT)] * 100).encode()
    with socket.socket(socket.AF_UNIX) as asleep:
        with short_name(socket_path(worker.spool_dir, 0)) as name:
            asleep.connect(name)
        asleep.settimeout(_PATIENCE_S)
        assert asleep.recv(1) == b"\n"
        before_mb = worker.resident_mb
        for _ in range(60):
            assert ask(worker.port, event(body=many)).status == 202
        grown_mb = worker.resident_mb - before_mb
        counts = lines_and_lost(asleep, 6_000)

    assert counts[1] > 0
    assert sum(counts) == 6_000
    assert grown_mb < 30


def lines_and_lost(asleep: socket.socket, count: int) -> Sequence[int]:
    """Read until *count* lines are received or lost; return both numbers."""
    received = lost = 0
    with asleep.makefile("rb") as stream:
        while received + lost < count:
            line = json.loads(stream.readline())
            if line["kind"] == "missed":
                lost += line["count"]
            else:
                received += 1
    return received, lost


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_other_users_may_not_listen(worker: WorkerProcess) -> None:
    path = socket_path(worker.spool_dir, 0)
    # The directory alone would keep others out: the socket must do so by itself.
    path.parent.chmod(0o755)
    program = (
        "import os, socket, sys\n"
        "folder = os.open(sys.argv[1], os.O_RDONLY)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "os.fchdir(folder)\n"
        "try:\n    socket.socket(socket.AF_UNIX).connect(sys.argv[2])\n"
        "except PermissionError:\n    print('not allowed')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path.parent), path.name],
        check=False,
        capture_output=True,
        text=True,
    )

    assert ran.stdout == "not allowed\n"
