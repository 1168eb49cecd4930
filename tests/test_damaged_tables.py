"""Each command names a missing or damaged data file, and ends with exit code 3."""

import json
import os
from pathlib import Path

import pytest

import millpond
from batcher.salts.records import CREATED
from tests.proxy.history.in_process_import import line, write_log
from tests.sample_installation import KEYS, make_installation
from warehouse import build
from warehouse.key_commitment import commitment_files, encode_commitment, key_commitment
from warehouse.keyed_hash import key_file
from warehouse.lifecycle import ledger
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS, Table
from warehouse.table_errors import DamagedTableError
from warehouse.tables import TableView, Warehouse

SITE = ("--site", "shop")
SHOW = ("reports", "show", *SITE, "--period", "2026-11")
CASES = [
    pytest.param(EVENTS, ("warehouse", "rebuild", "--diff"), id="rebuild events"),
    pytest.param(SESSIONS, ("warehouse", "rebuild", "--diff"), id="rebuild sessions"),
    pytest.param(DAILY_STATS, ("warehouse", "rebuild", "--diff"), id="rebuild stats"),
    pytest.param(EVENTS, ("warehouse", "build", "--full"), id="build"),
    pytest.param(EVENTS, ("batcher", "drain"), id="drain"),
    pytest.param(DAILY_STATS, SHOW, id="show"),
    pytest.param(DROPS, (*SHOW, "--by", "drops"), id="show drops"),
    pytest.param(SESSIONS, (*SHOW, "--by", "drops"), id="show drops of sessions"),
    pytest.param(DAILY_STATS, ("reports", "query", "query.json"), id="query"),
    pytest.param(EVENTS, ("reports", "query", "filtered.json"), id="query events"),
    pytest.param(
        EVENTS,
        ("reports", "reconcile", "--orders", "orders.csv", *SITE),
        id="reconcile",
    ),
    pytest.param(EVENTS, ("import", "access-log", "log", *SITE), id="import"),
]
QUERY = {
    "site": "shop",
    "metrics": ["pageviews"],
    "date_range": ["2026-11-01", "2026-11-30"],
}
FILTERED = {**QUERY, "dimensions": ["page", "country"]}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an installation with a site key and the input files of commands."""
    installation = tmp_path / "installation"
    make_installation(installation)
    path = key_file(installation / "keys", "shop")
    path.parent.mkdir(parents=True, exist_ok=True)
    key = KEYS["shop"]
    path.write_bytes(key)
    path.chmod(0o600)
    for copy in commitment_files(installation / "keys", installation / "spool", "shop"):
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(encode_commitment("shop", key_commitment(key)))
    (installation / "query.json").write_text(json.dumps(QUERY))
    (installation / "filtered.json").write_text(json.dumps(FILTERED))
    (installation / "orders.csv").write_text(
        "id,total,currency,date\n1,9.00,EUR,2026-11-22\n"
    )
    write_log(installation / "log", [line("/", at="22/Nov/2026:10:00:00 +0000")])
    monkeypatch.chdir(installation)
    return installation


def damage(root: Path, table: Table, *, missing: bool) -> Path:
    """Remove or change the newest data file of *table*, and return it."""
    view = Warehouse(root / "warehouse").view(table)
    path = view.path / view.files()[-1].path
    if missing:
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "damaged"])
@pytest.mark.parametrize(("table", "command"), CASES)
def test_a_command_names_the_table_and_the_file_it_cannot_read(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    table: Table,
    command: tuple[str, ...],
    *,
    missing: bool,
) -> None:
    path = damage(root, table, missing=missing)

    code = millpond.run([*command, "--config", "millpond.toml"])

    message = capsys.readouterr().err
    assert code == 3, message
    assert f"read {table.name}: " in message
    assert path.name in message
    assert "restore this file" in message
    assert os.fspath(root) in message


def test_a_missing_file_of_the_ledger_is_named(root: Path) -> None:
    path = damage(root, LEDGER, missing=True)
    warehouse = Warehouse(root / "warehouse")

    with pytest.raises(DamagedTableError, match=f"read ledger: .*{path.name}"):
        ledger.append(warehouse, [ledger.NewEntry(CREATED, "test")], 0)


def test_a_file_that_disappears_after_its_check_is_named(root: Path) -> None:
    view: TableView = Warehouse(root / "warehouse").view(EVENTS)
    rows = view.scan()
    path = damage(root, EVENTS, missing=True)

    with pytest.raises(DamagedTableError, match=f"read events: .*{path.name}"):
        view.collect(rows)


def test_a_build_names_the_damaged_table_that_it_reads(root: Path) -> None:
    rules = build.Rules(currencies={}, zones={}, value_limit=10)
    path = damage(root, EVENTS, missing=True)

    with pytest.raises(DamagedTableError, match=f"read events: .*{path.name}"):
        build.build(Warehouse(root / "warehouse"), rules, 0, full=True)
