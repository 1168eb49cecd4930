"""The effect of one changed bit on the commands of an installation."""

import contextlib
import io
import random
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from shutil import copytree, rmtree
from typing import NamedTuple

import msgspec
import polars as pl

from config.errors import MillpondError
from tests.sample_installation import CONFIG, run_command
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import Warehouse

_UNEXPECTED = 70
_TABLES = (EVENTS, DROPS, SESSIONS, DAILY_STATS)
_COMMANDS = (
    ("batcher", "drain"),
    ("warehouse", "build"),
    ("warehouse", "verify"),
    ("reports", "show", "--site", "shop", "--period", "2026-11", "--format", "json"),
)


class RunResult(NamedTuple):
    """The exit codes of the commands, their output, and the rows if readable."""

    codes: tuple[int, ...]
    text: str
    rows: Mapping[str, pl.DataFrame] | None


class Effect(Enum):
    """The effect of a changed bit."""

    NAMED = "detected and named"
    HARMLESS = "changed nothing"
    SILENT = "changed rows or figures without a message"
    UNNAMED = "detected, but the file was not named"
    CRASH = "ended a command with an unexpected error"


def run_commands(root: Path) -> RunResult:
    """Load, build, verify and report, as the jobs and an operator do."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        codes = tuple(run_command(root, command) for command in _COMMANDS)
    output.seek(0)
    return RunResult(codes, output.read(), _rows(root))


def _rows(root: Path) -> dict[str, pl.DataFrame] | None:
    warehouse = Warehouse(root / "warehouse")
    try:
        return {table.name: _plain(warehouse.view(table).read()) for table in _TABLES}
    except MillpondError:
        return None


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    plain = frame.drop("items", strict=False)
    return plain.sort(plain.columns)


def data_files(root: Path) -> dict[str, list[Path]]:
    """Return the files of an installation by kind, without locks and configuration."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.stat().st_size and path.suffix != ".lock":
            name = path.relative_to(root)
            if name.name != "millpond.toml":
                kinds.setdefault(kind_of(name), []).append(name)
    return kinds


def kind_of(name: Path) -> str:
    """Return the kind of a file: its table or directory, and its suffix or name."""
    top = name.parts[1] if name.parts[0] == "warehouse" else name.parts[0]
    if "_delta_log" in name.parts:
        kinds = {".json": "log entry", ".parquet": "checkpoint"}
        return f"{top} {kinds.get(name.suffix, name.name)}"
    if name.suffix in {".parquet", ".segment", ".open"}:
        return f"{top} {name.suffix[1:]}"
    return f"{top} {name.name}"


def chosen_bits(
    root: Path, chance: random.Random, per_kind: int
) -> Iterator[tuple[Path, int]]:
    """Yield files and bits to change, *per_kind* for each kind of file."""
    for names in data_files(root).values():
        for _ in range(per_kind):
            name = chance.choice(names)
            yield name, chance.randrange((root / name).stat().st_size * 8)


def effect(
    root: Path, sound: RunResult, name: Path, bit: int
) -> tuple[Effect, RunResult]:
    """Change one bit in a copy of *root*; return the effect and the result."""
    copy = root.with_name("flipped")
    copytree(root, copy)
    (copy / "millpond.toml").write_text(CONFIG.format(root=copy))
    try:
        content = bytearray((copy / name).read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        (copy / name).write_bytes(content)
        result = run_commands(copy)
    finally:
        rmtree(copy)
    return _classify(sound, result, name), result


def _classify(sound: RunResult, result: RunResult, name: Path) -> Effect:
    if _UNEXPECTED in result.codes:
        return Effect.CRASH
    # A message names a segment by its number, without the suffix for its state.
    is_named = name.name in result.text or name.stem.lstrip("0") in result.text.split()
    if result.rows is not None and _are_equal(result.rows, sound.rows or {}):
        return Effect.HARMLESS
    if is_named or _names_segment(result.text, name):
        return Effect.NAMED
    is_loud = (
        any(code != 0 for code in result.codes) or '"level":"error"' in result.text
    )
    return Effect.UNNAMED if is_loud else Effect.SILENT


def _names_segment(text: str, name: Path) -> bool:
    """Return whether a log line names the segment."""
    if name.suffix not in {".segment", ".open"}:
        return False
    return "segment_quarantined" in text or "tail_cut" in text


def _are_equal(
    got: Mapping[str, pl.DataFrame], expected: Mapping[str, pl.DataFrame]
) -> bool:
    return all(got[name].equals(rows) for name, rows in expected.items())


def describe_result(result: RunResult) -> str:
    """Return the exit codes and the end of the output, for a failing test."""
    return f"{result.codes}\n{msgspec.json.encode(result.text[-2_000:]).decode()}"
