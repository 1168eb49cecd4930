"""Two installations with data of their own never share a port, and say so at once.

Real processes. Workers of one supervisor do share theirs, and each gets its part.
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


def beside(first: Installation, *, only: str) -> Installation:
    """Return another installation, with one of the ports of *first*."""
    other = install(first.folder.with_name("other"))
    theirs = {"proxy": first.settings.proxy.port, "reports": _reports_port(first)}
    ours = {"proxy": other.settings.proxy.port, "reports": _reports_port(other)}
    ours[only] = theirs[only]
    text = CONFIG.format(port=ours["proxy"], reports_port=ours["reports"])
    other.config.write_text(text)
    return Installation(other.config, load(other.config, {}))


def events_of(lane: Path) -> int:
    """Return how many events a worker has kept."""
    frames = [
        frame
        for segment in lane.glob(f"*{SEALED_SUFFIX}")
        for frame in read_frames(segment.read_bytes()).frames
    ]
    return sum(frame.rows for frame in frames if frame.kind is FrameKind.EVENTS)


def _reports_port(installation: Installation) -> int:
    return installation.settings.reports.port


def test_a_second_millpond_on_the_proxys_port_ends_at_once(
    first: Installation,
) -> None:
    other = beside(first, only="proxy")
    port = first.settings.proxy.port
    with running(first, "up"):
        ended = [
            other.run(*words, timeout_s=_PATIENCE_S)
            for words in (("up",), ("proxy", "run"), ("proxy", "worker", "0"))
        ]

    assert [each.returncode for each in ended] == [2, 2, 2]
    for each in ended:
        assert f"listen on 127.0.0.1:{port}: another program has this port" in (
            each.stderr
        )
        assert "proxy.port" in each.stderr
        assert "Traceback" not in each.stderr
        assert "process_started" not in each.stderr


def test_up_checks_the_port_of_the_reports_before_it_starts_anything(
    first: Installation,
) -> None:
    other = beside(first, only="reports")
    with running(first, "reports serve", until=first.serves_reports):
        ended = other.run("up", timeout_s=_PATIENCE_S)

    assert ended.returncode == 2
    assert f"listen on 127.0.0.1:{_reports_port(first)}: " in ended.stderr
    assert "reports.port" in ended.stderr
    assert "process_started" not in ended.stderr


def test_a_worker_that_runs_alone_has_its_port_alone(first: Installation) -> None:
    other = beside(first, only="proxy")
    with running(first, "proxy worker 0"):
        ended = other.run("proxy", "worker", "0", timeout_s=_PATIENCE_S)
        supervised = other.run("proxy", "run", timeout_s=_PATIENCE_S)

    assert (ended.returncode, supervised.returncode) == (2, 2)
    assert "another program has this port" in ended.stderr


def test_workers_of_one_supervisor_each_get_a_part(first: Installation) -> None:
    port = first.settings.proxy.port
    with running(first, "proxy run") as [supervisor]:
        wait_until(
            lambda: supervisor.told().count('"listening"') == 2,
            "both workers to listen",
        )
        for _ in range(60):
            assert ask(port, event()).status == 202
        assert supervisor.stop() == 0

    lanes = Path(first.settings.spool.dir) / "lanes"
    stored = [events_of(lanes / name) for name in ("worker-0", "worker-1")]
    assert sum(stored) == 60
    # By chance a worker gets fewer than 10 of 60 once in ten million runs.
    assert min(stored) >= 10
