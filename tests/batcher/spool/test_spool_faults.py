"""Real processes whose system calls fail or kill them: nothing acknowledged is lost."""

import re
from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.spool.commit_groups import ACKNOWLEDGED, REFUSED, line
from tests.batcher.spool.spooled import SETTINGS, lines_of, stored_lines
from tests.strace import run, trace

_COUNT = 8
# How often the program makes each call that changes a file; one or two more when
# something failed.
_CALLS = {"writev": 8, "fdatasync": 8, "fsync": 8, "rename": 4}
_EVERY = [(call, nth) for call, last in _CALLS.items() for nth in range(1, last + 1)]
_SOME = [
    ("writev", 1),
    ("writev", 6),
    ("fdatasync", 1),
    ("fdatasync", 5),
    ("rename", 2),
]
# The last part of the path of a descriptor, or of a rename's target.
_WRITER = re.compile(r"-[0-9a-f]{32}")
_DESCRIPTOR = re.compile(r"\d+<[^>]*/([^/>]+)>")
_TARGET = re.compile(r'/([^/"]+)"$')


def file_name(arguments: str) -> str:
    """Return the name of the file a call is about, without its writer."""
    # What is written is random, and may look like a path.
    found = _DESCRIPTOR.match(arguments) or _TARGET.search(arguments)
    assert found is not None, arguments
    return _WRITER.sub("", found[1])


def prepared(tmp_path: Path) -> tuple[Path, Path]:
    """Return a spool with an empty lane, and empty notes."""
    directory, notes = tmp_path / "spool", tmp_path / "notes"
    Lane.open(Spool(directory), "lane-000", SETTINGS).close()
    notes.write_bytes(bytes(_COUNT))
    return directory, notes


def commit_under(tmp_path: Path, *options: str) -> tuple[list[bytes], list[bytes]]:
    """Run the program; return what it acknowledged and what it refused."""
    directory, notes = prepared(tmp_path)
    script = [
        "tests.batcher.spool.commit_groups",
        str(directory),
        str(notes),
        str(_COUNT),
    ]
    run(options, script, check=False)
    noted = notes.read_bytes()
    return (
        [line(each) for each in range(_COUNT) if noted[each] == ACKNOWLEDGED],
        [line(each) for each in range(_COUNT) if noted[each] == REFUSED],
    )


def failing(tmp_path: Path, error: str, call: str, nth: str) -> None:
    """Let one system call fail, and check that the spool holds what it said."""
    acknowledged, refused = commit_under(
        tmp_path, "-e", f"inject={call}:error={error}:when={nth}"
    )
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()

    assert stored_lines(spool) == acknowledged
    assert len(acknowledged) + len(refused) == _COUNT


def killed(tmp_path: Path, call: str, nth: int) -> None:
    """Kill the program at one system call, and check that nothing is lost."""
    acknowledged, refused = commit_under(
        tmp_path, "-e", f"inject={call}:signal=KILL:when={nth}"
    )
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()
    stored = stored_lines(spool)
    sent = [line(each) for each in range(_COUNT)]

    assert refused == []
    assert stored[: len(acknowledged)] == acknowledged
    assert stored == sent[: len(stored)]
    assert len(stored) <= len(acknowledged) + 1


@pytest.mark.crash
@pytest.mark.parametrize(("call", "nth"), _SOME, ids=str)
def test_a_failed_call_refuses_its_group_and_keeps_the_others(
    tmp_path: Path, call: str, nth: int
) -> None:
    failing(tmp_path, "EIO", call, str(nth))


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize(("call", "nth"), _EVERY, ids=str)
def test_every_failed_call_refuses_its_group_and_keeps_the_others(
    tmp_path: Path, error: str, call: str, nth: int
) -> None:
    failing(tmp_path, error, call, str(nth))


@pytest.mark.crash
@pytest.mark.parametrize("call", ["writev", "fdatasync", "fsync"])
def test_a_disk_that_stays_broken_refuses_and_keeps_what_was_there(
    tmp_path: Path, call: str
) -> None:
    acknowledged, refused = commit_under(
        tmp_path, "-e", f"inject={call}:error=EIO:when=5+"
    )
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()

    assert stored_lines(spool)[: len(acknowledged)] == acknowledged
    assert len(acknowledged) + len(refused) == _COUNT
    assert refused


@pytest.mark.crash
@pytest.mark.parametrize(("call", "nth"), _SOME, ids=str)
def test_a_killed_owner_leaves_all_it_acknowledged(
    tmp_path: Path, call: str, nth: int
) -> None:
    killed(tmp_path, call, nth)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(("call", "nth"), _EVERY, ids=str)
def test_an_owner_killed_anywhere_leaves_all_it_acknowledged(
    tmp_path: Path, call: str, nth: int
) -> None:
    killed(tmp_path, call, nth)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("call", ["mkdir", "write", "fsync", "rename", "linkat"])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_spool_whose_creation_was_killed_can_be_created_again(
    tmp_path: Path, call: str, nth: int
) -> None:
    notes = tmp_path / "notes"
    notes.write_bytes(bytes(_COUNT))
    script = [
        "tests.batcher.spool.commit_groups",
        str(tmp_path / "spool"),
        str(notes),
        "1",
    ]
    run(["-e", f"inject={call}:signal=KILL:when={nth}"], script, check=False)
    run(["-e", "trace=none"], script, check=True)
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()

    assert stored_lines(spool)[-1:] == [line(0)]


@pytest.mark.crash
def test_a_group_is_acknowledged_after_its_bytes_and_name_are_synced(
    tmp_path: Path,
) -> None:
    directory, notes = prepared(tmp_path)
    script = ["tests.batcher.spool.commit_groups", str(directory), str(notes), "2"]
    calls = trace("writev,fdatasync,fsync,rename", script, tmp_path / "log")
    start = next(at for at, (call, _) in enumerate(calls) if call == "writev")
    steps = [(call, file_name(text)) for call, text in calls[start:]]

    assert steps == [
        ("writev", "0000000001.open"),
        ("fdatasync", "0000000001.open"),
        ("fsync", "lane-000"),
        ("rename", "0000000001.segment"),
        ("fsync", "lane-000"),
        ("writev", "0000000002.open"),
        ("fdatasync", "0000000002.open"),
        ("fsync", "lane-000"),
    ]
    assert lines_of(Spool(directory).lane_directory("lane-000").glob("*.open"))
