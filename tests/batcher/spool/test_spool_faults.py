"""Failed system calls and kills of a real process lose no acknowledged group."""

import re
from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.spool.commit_groups import ACKNOWLEDGED, REFUSED, line
from tests.batcher.spool.segment_files import SETTINGS, lines_of, stored_lines
from tests.strace import run, trace

_COUNT = 8
# How often the program makes each call that changes a file, without failures.
_CALLS = {"writev": 8, "fdatasync": 8, "fsync": 8, "rename": 4}
_EVERY = [(call, nth) for call, last in _CALLS.items() for nth in range(1, last + 1)]
_SELECTED = [
    ("writev", 1),
    ("writev", 6),
    ("fdatasync", 1),
    ("fdatasync", 5),
    ("rename", 2),
]
# The file name in the path of a descriptor, or of the target of a rename.
_WRITER = re.compile(r"-[0-9a-f]{32}")
_DESCRIPTOR = re.compile(r"\d+<[^>]*/([^/>]+)>")
_TARGET = re.compile(r'/([^/"]+)"$')


def file_name(arguments: str) -> str:
    """Return the file name in *arguments*, without the writer id."""
    # The written bytes may contain text that looks like a path.
    match = _DESCRIPTOR.match(arguments) or _TARGET.search(arguments)
    assert match is not None, arguments
    return _WRITER.sub("", match[1])


def prepare(tmp_path: Path) -> tuple[Path, Path]:
    """Return a spool with an empty lane, and an empty file of results."""
    directory, notes = tmp_path / "spool", tmp_path / "notes"
    Lane.open(Spool(directory), "lane-000", SETTINGS).close()
    notes.write_bytes(bytes(_COUNT))
    return directory, notes


def commit_under_strace(
    tmp_path: Path, *options: str
) -> tuple[list[bytes], list[bytes]]:
    """Run the program under strace; return the acknowledged and the refused lines."""
    directory, notes = prepare(tmp_path)
    script = [
        "tests.batcher.spool.commit_groups",
        str(directory),
        str(notes),
        str(_COUNT),
    ]
    run(options, script, check=False)
    results = notes.read_bytes()
    return (
        [line(number) for number in range(_COUNT) if results[number] == ACKNOWLEDGED],
        [line(number) for number in range(_COUNT) if results[number] == REFUSED],
    )


def check_failing_call(tmp_path: Path, error: str, call: str, nth: str) -> None:
    """Let one system call fail, and check that the spool has the acknowledged lines."""
    acknowledged, refused = commit_under_strace(
        tmp_path, "-e", f"inject={call}:error={error}:when={nth}"
    )
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()

    assert stored_lines(spool) == acknowledged
    assert len(acknowledged) + len(refused) == _COUNT


def check_kill(tmp_path: Path, call: str, nth: int) -> None:
    """Kill the program at one system call, and check that no line is lost."""
    acknowledged, refused = commit_under_strace(
        tmp_path, "-e", f"inject={call}:signal=KILL:when={nth}"
    )
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()
    stored = stored_lines(spool)
    sent = [line(number) for number in range(_COUNT)]

    assert refused == []
    assert stored[: len(acknowledged)] == acknowledged
    assert stored == sent[: len(stored)]
    assert len(stored) <= len(acknowledged) + 1


@pytest.mark.crash
@pytest.mark.parametrize(("call", "nth"), _SELECTED, ids=str)
def test_a_failed_call_refuses_only_its_group(
    tmp_path: Path, call: str, nth: int
) -> None:
    check_failing_call(tmp_path, "EIO", call, str(nth))


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize(("call", "nth"), _EVERY, ids=str)
def test_every_failed_call_refuses_only_its_group(
    tmp_path: Path, error: str, call: str, nth: int
) -> None:
    check_failing_call(tmp_path, error, call, str(nth))


@pytest.mark.crash
@pytest.mark.parametrize("call", ["writev", "fdatasync", "fsync"])
def test_a_broken_disk_refuses_groups_and_keeps_earlier_ones(
    tmp_path: Path, call: str
) -> None:
    acknowledged, refused = commit_under_strace(
        tmp_path, "-e", f"inject={call}:error=EIO:when=5+"
    )
    spool = Spool(tmp_path / "spool")
    spool.recover_lanes()

    assert stored_lines(spool)[: len(acknowledged)] == acknowledged
    assert len(acknowledged) + len(refused) == _COUNT
    assert refused


@pytest.mark.crash
@pytest.mark.parametrize(("call", "nth"), _SELECTED, ids=str)
def test_a_killed_owner_loses_no_acknowledged_group(
    tmp_path: Path, call: str, nth: int
) -> None:
    check_kill(tmp_path, call, nth)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(("call", "nth"), _EVERY, ids=str)
def test_an_owner_killed_at_any_call_loses_no_acknowledged_group(
    tmp_path: Path, call: str, nth: int
) -> None:
    check_kill(tmp_path, call, nth)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("call", ["mkdir", "write", "fsync", "rename", "linkat"])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_killed_creation_of_a_spool_can_be_repeated(
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
def test_a_group_is_acknowledged_after_its_content_and_name_are_synced(
    tmp_path: Path,
) -> None:
    directory, notes = prepare(tmp_path)
    script = ["tests.batcher.spool.commit_groups", str(directory), str(notes), "2"]
    calls = trace("writev,fdatasync,fsync,rename", script, tmp_path / "log")
    start = next(index for index, (call, _) in enumerate(calls) if call == "writev")
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
