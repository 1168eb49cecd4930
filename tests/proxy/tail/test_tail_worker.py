"""``millpond proxy tail`` beside real workers: a site is wired up before one's eyes."""

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


class Screen:
    """The command, as somebody runs it in a terminal."""

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
        """Wait until it listens."""
        self.until_told("listening")
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it, if nothing has yet."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_PATIENCE_S)

    def until_told(self, text: str) -> None:
        """Wait until stderr says *text*."""
        wait_until(lambda: text in self.told, f"the command to say {text!r}")

    def end(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(_PATIENCE_S)

    @property
    def told(self) -> str:
        """What stands on stderr."""
        return self._err.read_text()

    @property
    def text(self) -> str:
        """What stands on stdout."""
        return self._out.read_text()

    def lines(self, count: int) -> list[dict[str, Any]]:
        """Return what it showed as JSON, once it is that many lines."""
        wait_until(lambda: self.text.count("\n") >= count, f"{count} lines")
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path, site=SITE) as worker:
        yield worker


def told(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what each line is about: its kind, and its name or reason."""
    return [(row["kind"], row.get("name") or row["reason"]) for row in rows]


def test_events_and_drops_are_shown_and_objections_are_not(
    worker: WorkerProcess,
) -> None:
    order = {"id": "1001", "value": "59.90", "currency": "EUR"}
    placed = json.dumps({"site": "shop", "name": "order_placed", "order": order})
    with Screen(worker, "--format", "json") as screen:
        ask(worker.port, event("Cookie: noanalytics=1"))
        ask(worker.port, event("DNT: 1"))
        ask(worker.port, event(body=b'{"site": "shop", "optout": true}'))
        ask(worker.port, request("POST", "/v1/events", EVENT, agent="curl/8.5.0"))
        ask(worker.port, event(body=b'{"site": "other"}'))
        ask(worker.port, event(body=placed.encode()))
        shown = screen.lines(4)

        assert screen.end() == 0
    assert told(*shown) == [
        ("event", "pageview"),
        ("drop", "bot"),
        ("drop", "unknown_site"),
        ("event", "order_placed"),
    ]
    assert [each["site"] for each in shown] == ["shop", "shop", "(unknown)", "shop"]
    assert shown[0]["path"] == "/p/42"
    assert shown[0]["browser"] == "Chrome"
    assert [each.get("order") for each in shown] == [False, None, None, True]


def test_the_table_has_a_row_a_hit(worker: WorkerProcess) -> None:
    with Screen(worker) as screen:
        ask(worker.port, event())
        wait_until(lambda: screen.text.count("\n") == 2, "a row")
        assert screen.end() == 0

    head, row = screen.text.splitlines()
    assert head.split()[:4] == ["time", "UTC", "site", "protocol"]
    assert row.split()[1:5] == ["shop", "native", "pageview", "/p/42"]


def personal() -> dict[str, Any]:
    """Return an event that says all it can about somebody."""
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
    with Screen(worker, "--format", form) as screen:
        ask(worker.port, request("POST", "/v1/events", body, *lines, agent=agent))
        ask(worker.port, request("POST", "/v1/events", body, *lines, agent="curl/8"))
        ask(worker.port, event(body=b"[" + body.replace(b"shop", b"canary-x") + b"]"))
        wait_until(lambda: screen.text.count("\n") >= 3, "the lines")
        screen.end()

    [stored] = worker.spooled.events
    assert canaries_in(screen.text.encode() + screen.told.encode()) == set()
    for secret in (stored.visitor, stored.event_id, stored.order_key, stored.actor):
        assert secret is not None
        assert str(secret) not in screen.text
    assert "7731" not in screen.text
    assert canaries_under(worker.folder) == set()


def test_all_workers_are_followed_and_one_that_comes_back(tmp_path: Path) -> None:
    with (
        WorkerProcess(tmp_path, site=SITE) as first,
        WorkerProcess(tmp_path, site=SITE, number=1) as second,
        Screen(first, "--format", "json") as screen,
    ):
        screen.until_told("listening to 2 workers")
        ask(first.port, event())
        screen.lines(1)
        ask(second.port, event())
        screen.lines(2)

        assert second.stop() == 0
        screen.until_told("listening to 1 worker;")
        assert not socket_path(first.spool_dir, 1).exists()
        first.end(signal.SIGKILL)
        screen.until_told("the proxy has stopped; waiting for it")
        first.start()
        wait_until(lambda: screen.told.count("listening to 1 worker;") == 2, "its join")
        ask(first.port, event())
        assert told(*screen.lines(3)) == [("event", "pageview")] * 3
        assert screen.end() == 0


def test_a_site_may_be_asked_for(tmp_path: Path) -> None:
    with (
        WorkerProcess(tmp_path, site=SITE) as worker,
        Screen(worker, "--format", "json", "--site", "(unknown)") as screen,
    ):
        ask(worker.port, event())
        ask(worker.port, event(body=b'{"site": "other"}'))

        assert told(*screen.lines(1)) == [("drop", "unknown_site")]


def run(config: Path, *options: str) -> tuple[int, str]:
    """Return the exit code of the command, and what it said."""
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


def test_a_site_that_is_none_is_named_with_those_there_are(
    worker: WorkerProcess,
) -> None:
    code, said = run(worker.config, "--site", "shup")

    assert code == 2
    assert "'shup' is not one of shop, (unknown)" in said


def test_without_a_proxy_it_says_so(tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path, site=SITE)
    before = run(worker.config)
    with worker:
        worker.end(signal.SIGKILL)
    after = run(worker.config)

    for code, said in (before, after):
        assert code == 2
        assert "no proxy runs here" in said
        assert "hint: start `millpond up`" in said


def test_a_closed_pipe_ends_it_quietly(worker: WorkerProcess) -> None:
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
        said = process.stderr.read()

        assert process.wait(_PATIENCE_S) == 0
    assert said == b""


def test_a_worker_does_not_wait_for_a_listener_that_sleeps(
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
        heard = lines_and_lost(asleep, 6_000)

    assert heard[1] > 0
    assert sum(heard) == 6_000
    assert grown_mb < 30


def lines_and_lost(asleep: socket.socket, count: int) -> Sequence[int]:
    """Read until it adds up to *count*; return how many were told, how many lost."""
    told = lost = 0
    with asleep.makefile("rb") as stream:
        while told + lost < count:
            line = json.loads(stream.readline())
            if line["kind"] == "missed":
                lost += line["count"]
            else:
                told += 1
    return told, lost


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_nobody_else_may_listen(worker: WorkerProcess) -> None:
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
