"""A second process of a kind on the same data ends at once with a message."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batcher.supervisor.single_instance import AlreadyRunningError, single_instance
from tests.processes import CONFIG, Installation, Role, install, running, wait_ready
from tests.waiting import wait_until

SMALL = CONFIG.replace("workers = 2", "workers = 1")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install(tmp_path, text=SMALL)


def beside(installation: Installation, spool: str) -> Installation:
    """Return one with the spool *spool*, the same tables and keys, and free ports."""
    folder = installation.folder / "elsewhere"
    key_dir = installation.settings.privacy.key_dir
    text = SMALL.replace("[privacy]", f'[privacy]\nkey_dir = "{key_dir}"').replace(
        "[spool]",
        f'[warehouse]\nuri = "{installation.settings.warehouse.uri}"\n\n'
        f'[spool]\ndir = "{spool}"',
    )
    return install(folder, text=text)


@contextmanager
def running_role(installation: Installation, *words: str) -> Iterator[Role]:
    """Run a role while the block runs."""
    role = Role(installation, *words)
    role.start()
    try:
        yield role
    finally:
        role.kill()


def test_the_lock_goes_with_the_block(tmp_path: Path) -> None:
    with single_instance("up", [tmp_path]):
        with (
            pytest.raises(AlreadyRunningError) as refused,
            single_instance("up", [tmp_path]),
        ):
            pass
        with single_instance("batcher run", [tmp_path]):
            pass
    with single_instance("up", [tmp_path]):
        pass

    assert refused.value.message == (
        f"up: already running on {tmp_path} (process {os.getpid()})"
    )


def test_a_second_up_on_the_same_data_ends_at_once(installation: Installation) -> None:
    with running(installation, "up") as (first,):
        again = installation.run("up", timeout_s=10)
        proxy = installation.run("proxy", "run", timeout_s=10)
        batcher = installation.run("batcher", "run", timeout_s=10)
        shared = beside(installation, "own-spool").run("up", timeout_s=10)
        drained = installation.run("batcher", "drain")
        assert first.stop() == 0

    data = installation.data
    assert (again.returncode, shared.returncode) == (2, 2)
    assert f"up: already running on {data / 'spool'} (process {first.pid})" in (
        again.stderr
    )
    assert f"up: already running on {data / 'warehouse'}" in shared.stderr
    assert (proxy.returncode, batcher.returncode) == (2, 2)
    assert f"proxy run: already running on {data / 'spool'}" in proxy.stderr
    assert f"batcher run: already running on {data / 'spool'}" in batcher.stderr
    assert drained.returncode == 0


def test_a_lane_that_stays_locked_ends_the_second_proxy(
    installation: Installation,
) -> None:
    spool = installation.settings.spool.dir
    with (
        running(installation, "proxy worker 0"),
        running_role(beside(installation, spool), "proxy", "run") as second,
    ):
        wait_until(second.has_ended, "the second proxy to give up", timeout_s=40)
        code = second.stop()

    assert code == 2
    assert "worker 0: already running on" in second.output()


@pytest.mark.crash
def test_a_killed_up_can_be_restarted_at_once(
    installation: Installation,
) -> None:
    lock = Path(installation.settings.spool.dir) / "batcher-run.lock"
    with running(installation, "up") as (first,):
        wait_until(lambda: lock.exists() and lock.read_text(), "its batcher")
        before = lock.read_text()
        first.kill()
        with running_role(installation, "up") as second:
            wait_ready([second], installation.is_listening)
            wait_until(lambda: lock.read_text() not in ("", before), "a new batcher")
            assert second.stop() == 0
