"""Two installations never share a port: the second ends at once with a message.

Uses real processes. The workers of one supervisor do share a port, and each worker
gets a part of the requests.
"""

from pathlib import Path

import pytest

from batcher.spool.lane_files import SEALED_SUFFIX
from batcher.spool.segment import FrameKind, read_frames
from config.load import load
from tests.processes import CONFIG, Installation, install, running
from tests.proxy.transport.raw_http import ask, event
from tests.waiting import wait_until

_PATIENCE_S = 20


@pytest.fixture
def first(tmp_path: Path) -> Installation:
    """Return an installation with two workers."""
    return install(tmp_path / "first")


def install_with_same_port(first: Installation, *, only: str) -> Installation:
    """Return another installation, with the port of the role *only* from *first*."""
    other = install(first.folder.with_name("other"))
    theirs = {"proxy": first.settings.proxy.port, "reports": _reports_port(first)}
    ours = {"proxy": other.settings.proxy.port, "reports": _reports_port(other)}
    ours[only] = theirs[only]
    text = CONFIG.format(port=ours["proxy"], reports_port=ours["reports"])
    other.config.write_text(text)
    return Installation(other.config, load(other.config, {}))


def count_events(lane: Path) -> int:
    """Return the number of events in the sealed segments of *lane*."""
    frames = [
        frame
        for segment in lane.glob(f"*{SEALED_SUFFIX}")
        for frame in read_frames(segment.read_bytes()).frames
    ]
    return sum(frame.rows for frame in frames if frame.kind is FrameKind.EVENTS)


def _reports_port(installation: Installation) -> int:
    return installation.settings.reports.port


def test_a_second_installation_on_the_proxy_port_ends_at_once(
    first: Installation,
) -> None:
    other = install_with_same_port(first, only="proxy")
    port = first.settings.proxy.port
    with running(first, "up"):
        ended = [
            other.run(*words, timeout_s=_PATIENCE_S)
            for words in (("up",), ("proxy", "run"), ("proxy", "worker", "0"))
        ]

    assert [command.returncode for command in ended] == [2, 2, 2]
    for command in ended:
        assert f"listen on 127.0.0.1:{port}: another program has this port" in (
            command.stderr
        )
        assert "proxy.port" in command.stderr
        assert "Traceback" not in command.stderr
        assert "process_started" not in command.stderr


def test_up_checks_the_reports_port_before_it_starts_a_process(
    first: Installation,
) -> None:
    other = install_with_same_port(first, only="reports")
    with running(first, "reports serve", until=first.serves_reports):
        ended = other.run("up", timeout_s=_PATIENCE_S)

    assert ended.returncode == 2
    assert f"listen on 127.0.0.1:{_reports_port(first)}: " in ended.stderr
    assert "reports.port" in ended.stderr
    assert "process_started" not in ended.stderr


def test_a_single_worker_does_not_share_its_port(first: Installation) -> None:
    other = install_with_same_port(first, only="proxy")
    with running(first, "proxy worker 0"):
        ended = other.run("proxy", "worker", "0", timeout_s=_PATIENCE_S)
        supervised = other.run("proxy", "run", timeout_s=_PATIENCE_S)

    assert (ended.returncode, supervised.returncode) == (2, 2)
    assert "another program has this port" in ended.stderr


def test_each_worker_of_one_supervisor_gets_a_part_of_the_requests(
    first: Installation,
) -> None:
    port = first.settings.proxy.port
    with running(first, "proxy run") as [supervisor]:
        wait_until(
            lambda: supervisor.output().count('"listening"') == 2,
            "both workers to listen",
        )
        for _ in range(60):
            assert ask(port, event()).status == 202
        assert supervisor.stop() == 0

    lanes = Path(first.settings.spool.dir) / "lanes"
    stored = [count_events(lanes / name) for name in ("worker-0", "worker-1")]
    assert sum(stored) == 60
    # A worker gets fewer than 10 of 60 by chance in one of ten million runs.
    assert min(stored) >= 10
