"""Changes the core modules a little at a time, and asks the tests to notice.

    python -m tests.mutants [--sample 300] [--seed 1] [--minutes 30]

mutmut makes the mutants from a copy in ``build/mutants`` and runs the quick tests that
reach each one ([tool.mutmut] in pyproject.toml). A mutant that no test notices
survives. ``survivors.toml`` holds the survivors that somebody judged: they change
nothing that a user can see. The command fails if fewer than 95 % of the other mutants
are noticed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build" / "mutants"
JUDGED = Path(__file__).with_name("survivors.toml")
# mutmut needs the tests of each function before it can run a sample; these are few.
_FIRST = "warehouse.keyed_hash.*"
_LEAST_SHARE = 0.95
_SURVIVED, _NOT_REACHED = 0, 33
_STOP_S = 60


class Change(NamedTuple):
    """One mutant: the lines it removes and adds in a module."""

    module: str
    old: str
    new: str


def main() -> int:
    """Run a sample of the mutants; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sample", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=30)
    arguments = options.parse_args()
    copy_tracked_files()
    _mutmut(["run", _FIRST], timeout_s=None)
    names = sorted(exit_codes())
    sample = random.Random(arguments.seed).sample(  # noqa: S311 - a sample, no secret
        names, min(arguments.sample, len(names))
    )
    _mutmut(["run", *sample], timeout_s=60 * arguments.minutes)
    return _report(sample)


def copy_tracked_files() -> None:
    """Copy what git knows to ``COPY``; packages of Node are large and not needed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def exit_codes() -> dict[str, int | None]:
    """Return the exit code of pytest for each mutant; None if it did not run."""
    return {
        name: code
        for path in (COPY / "mutants").rglob("*.meta")
        for name, code in json.loads(path.read_bytes())["exit_code_by_key"].items()
    }


def judged() -> list[Change]:
    """Return the survivors that somebody judged to be harmless."""
    entries = tomllib.loads(JUDGED.read_text(encoding="utf-8")).get("survivor", [])
    return [Change(entry["module"], entry["old"], entry["new"]) for entry in entries]


def unjudged(survivors: Mapping[str, Change]) -> list[str]:
    """Return the names of *survivors* that are not judged."""
    known = set(judged())
    return [name for name, change in survivors.items() if change not in known]


def parse_diff(module: str, diff: str) -> Change:
    """Return the change that a unified diff shows, without indentation."""
    lines = [line for line in diff.splitlines() if line[:3] not in ("---", "+++")]
    old, new = (
        "\n".join(line[1:].strip() for line in lines if line.startswith(sign))
        for sign in "-+"
    )
    return Change(module, old, new)


def _report(sample: Iterable[str]) -> int:
    """Print the share of noticed mutants and the survivors that are not judged."""
    codes = exit_codes()
    ran = {name: code for name in sample if (code := codes[name]) is not None}
    silent = [name for name, code in ran.items() if code in (_SURVIVED, _NOT_REACHED)]
    changes = {name: _change(name) for name in silent}
    left = unjudged(changes)
    counted = len(ran) - (len(silent) - len(left))
    share = (counted - len(left)) / counted if counted else 0.0
    for name in left:
        change = changes[name]
        sys.stdout.write(f"survived: {name}\n- {change.old}\n+ {change.new}\n")
    sys.stdout.write(
        f"{len(ran)} mutants ran, {len(silent)} survived, {len(left)} of them not"
        f" judged: {share:.1%} noticed, at least {_LEAST_SHARE:.0%} needed\n"
    )
    return 0 if share >= _LEAST_SHARE else 1


def _change(name: str) -> Change:
    shown = _mutmut(["show", name], timeout_s=None)
    return parse_diff(name.rpartition(".")[0], shown)


def _mutmut(arguments: Sequence[str], timeout_s: float | None) -> str:
    """Run mutmut and return its output; stop it in order after *timeout_s*."""
    program = Path(sys.executable).with_name("mutmut")
    process = subprocess.Popen(
        [program, *arguments],
        cwd=COPY,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=_STOP_S)
    if process.returncode not in (0, 1, -signal.SIGINT):
        raise SystemExit(f"mutmut {arguments[0]}: {output[-2_000:]}")
    return output


if __name__ == "__main__":
    raise SystemExit(main())
