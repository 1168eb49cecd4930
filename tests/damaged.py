"""A whole installation on disk, and what one changed bit makes of what it says."""

import contextlib
import io
import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from shutil import copytree, rmtree
from typing import NamedTuple

import msgspec
import polars as pl

import millpond
from batcher.spool.spool import Spool
from config.errors import MillpondError
from tests.batcher.load.loads import spool_events
from tests.warehouse.event_rows import DAY, event
from warehouse.lifecycle import ledger
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS, Drop, Event, Hash64
from warehouse.tables import Warehouse

_UNEXPECTED = 70
KEYS = {"shop": bytes(range(32))}
_TABLES = (EVENTS, DROPS, SESSIONS, DAILY_STATS)
CONFIG = """
[spool]
dir = "{root}/spool"
[warehouse]
uri = "{root}/warehouse"
keep_events_days = 0
keep_sessions_days = 0
[privacy]
key_dir = "{root}/keys"
salt_store = "{root}/salts"
[[sites]]
id = "shop"
domains = ["shop.example"]
"""
_COMMANDS = (
    ("batcher", "drain"),
    ("warehouse", "build"),
    ("warehouse", "verify"),
    ("reports", "show", "--site", "shop", "--period", "2026-11", "--format", "json"),
)


class Said(NamedTuple):
    """What the commands did: exit codes, what they printed, rows that can be read."""

    codes: tuple[int, ...]
    text: str
    rows: Mapping[str, pl.DataFrame] | None


class Effect(Enum):
    """What a changed bit did."""

    NAMED = "detected and named"
    HARMLESS = "changed nothing"
    SILENT = "changed rows or figures in silence"
    UNNAMED = "detected, but the file was not named"
    CRASH = "ended a command with a fault of ours"


def make_installation(root: Path) -> None:
    """Make tables with checkpoints and old entries, and a spool with work in it."""
    root.mkdir()
    (root / "millpond.toml").write_text(CONFIG.format(root=root))
    spool = Spool(root / "spool")
    warehouse = Warehouse(root / "warehouse")
    for number in range(3):
        spool_events(spool, _events(number), drops=[_drop(number)], keys=KEYS)
        _run(root, ("batcher", "drain"))
        _run(root, ("warehouse", "build"))
        if number == 1:
            _run(root, ("warehouse", "compact"))
        ledger.append(warehouse, [ledger.NewEntry("test", f"entry {number}")], 0)
    # Still to be loaded: two segments of one process.
    spool_events(spool, _events(3), drops=[_drop(3)], keys=KEYS)
    spool_events(spool, _events(4), _events(5), keys=KEYS)


def _events(number: int) -> list[Event]:
    return [
        event(
            day=DAY + timedelta(days=number % 2),
            seq=seq,
            visitor=Hash64(seq % 4),
            event_id=Hash64(number * 100 + seq),
            path=f"/{number}/{seq}",
        )
        for seq in range(20)
    ]


def _drop(number: int) -> Drop:
    return Drop(
        site="shop", day=DAY, hour=number, reason="bot", protocol="native", count=7
    )


def _run(root: Path, command: tuple[str, ...]) -> int:
    return millpond.run([*command, "--config", str(root / "millpond.toml")])


def ask(root: Path) -> Said:
    """Load, build, verify and report, as the jobs and a person do."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        codes = tuple(_run(root, command) for command in _COMMANDS)
    printed.seek(0)
    return Said(codes, printed.read(), _rows(root))


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
    """Return the files of an installation by kind, but locks and configuration."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.stat().st_size and path.suffix != ".lock":
            name = path.relative_to(root)
            if name.name != "millpond.toml":
                kinds.setdefault(kind_of(name), []).append(name)
    return kinds


def kind_of(name: Path) -> str:
    """Return the kind of a file: its table or room, and what stands for its name."""
    top = name.parts[1] if name.parts[0] == "warehouse" else name.parts[0]
    if "_delta_log" in name.parts:
        kinds = {".json": "log entry", ".parquet": "checkpoint"}
        return f"{top} {kinds.get(name.suffix, name.name)}"
    if name.suffix in {".parquet", ".segment", ".open"}:
        return f"{top} {name.suffix[1:]}"
    return f"{top} {name.name}"


def flips(
    root: Path, chance: random.Random, per_kind: int
) -> Iterator[tuple[Path, int]]:
    """Yield files and bits to change, *per_kind* for each kind of file."""
    for names in data_files(root).values():
        for _ in range(per_kind):
            name = chance.choice(names)
            yield name, chance.randrange((root / name).stat().st_size * 8)


def effect(root: Path, sound: Said, name: Path, bit: int) -> tuple[Effect, Said]:
    """Change one bit in a copy of *root*, and return what that did."""
    copy = root.with_name("flipped")
    copytree(root, copy)
    (copy / "millpond.toml").write_text(CONFIG.format(root=copy))
    try:
        content = bytearray((copy / name).read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        (copy / name).write_bytes(content)
        said = ask(copy)
    finally:
        rmtree(copy)
    return _judge(sound, said, name), said


def _judge(sound: Said, said: Said, name: Path) -> Effect:
    if _UNEXPECTED in said.codes:
        return Effect.CRASH
    # A segment is named by its number, without what its state adds.
    is_named = name.name in said.text or name.stem.lstrip("0") in said.text.split()
    if said.rows is not None and _equal(said.rows, sound.rows or {}):
        return Effect.HARMLESS
    if is_named or _names_segment(said.text, name):
        return Effect.NAMED
    is_loud = any(code != 0 for code in said.codes) or '"level":"error"' in said.text
    return Effect.UNNAMED if is_loud else Effect.SILENT


def _names_segment(text: str, name: Path) -> bool:
    """Return whether a log line names the segment."""
    if name.suffix not in {".segment", ".open"}:
        return False
    return "segment_quarantined" in text or "tail_cut" in text


def _equal(got: Mapping[str, pl.DataFrame], wanted: Mapping[str, pl.DataFrame]) -> bool:
    return all(got[name].equals(rows) for name, rows in wanted.items())


def describe(said: Said) -> str:
    """Return what the commands said, for a failing test."""
    return f"{said.codes}\n{msgspec.json.encode(said.text[-2_000:]).decode()}"
