"""Each step of a commit is durable before the next, and all before the return."""

from pathlib import Path

import pytest

from tests.strace import trace

_CALLS = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat"


@pytest.mark.crash
def test_each_step_of_a_commit_is_synced_before_the_next(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()
    script = ["tests.warehouse.append_and_trim", str(tmp_path / "w"), str(source)]
    calls = trace(_CALLS, script, tmp_path / "strace.log")

    assert _steps(calls, source) == [
        "entry 0 appears",
        "entry 0 synced",
        "log synced",
        "data synced",
        "day synced",
        "entry 1 appears",
        "entry 1 synced",
        "log synced",
        "data synced",
        "day synced",
        "entry 2 appears",
        "entry 2 synced",
        "log synced",
        "source removed",
    ]


def _steps(calls: list[tuple[str, str]], source: Path) -> list[str]:
    """Return the steps of the calls in words, without repetitions."""
    steps: list[str] = []
    for call, arguments in calls:
        step = _step(call, arguments, source)
        if step is not None and step not in steps[-1:]:
            steps.append(step)
    return steps


def _step(call: str, arguments: str, source: Path) -> str | None:
    if "unlink" in call:
        return "source removed" if str(source) in arguments else None
    if "link" in call or "rename" in call:
        return (
            f"entry {_version(arguments)} appears" if _names_entry(arguments) else None
        )
    path = arguments.partition("<")[2].rpartition(">")[0]
    if _names_entry(path):
        return f"entry {_version(path)} synced"
    if path.endswith("_delta_log"):
        return "log synced"
    if path.endswith(".parquet"):
        return "data synced"
    return "day synced" if "/day=" in path else None


def _names_entry(text: str) -> bool:
    return "_delta_log/0000" in text


def _version(text: str) -> int:
    """Return the version of the last log entry in *text*."""
    return int(text.rpartition("_delta_log/")[2].partition(".json")[0])
