"""``warehouse verify`` names every damaged part of the tables."""

from pathlib import Path
from shutil import copy

import pytest

import millpond
from tests.warehouse.delta.test_log_digests import flip
from tests.warehouse.event_rows import DAY, event, frame
from warehouse.delta.log_digests import entry_path
from warehouse.info import table_infos
from warehouse.lifecycle import ledger
from warehouse.lifecycle.row_account import count_findings, repeat_findings
from warehouse.lifecycle.verify import verify
from warehouse.schema import EVENTS, Hash64
from warehouse.tables import StoredTable, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a warehouse with a ledger and events in three files."""
    warehouse = Warehouse(tmp_path / "warehouse")
    table = warehouse.open(EVENTS)
    for number in range(3):
        table.append(frame([event(event_id=Hash64(number))]))
    ledger.append(warehouse, [ledger.NewEntry("test", "nothing")], 0)
    return warehouse


def add_copy(table: StoredTable) -> None:
    """Add the rows of a file again, like a writer other than Millpond."""
    [file, *_] = table.files()
    twin = file.path.replace("part-", "part-twin-")
    copy(table.path / file.path, table.path / twin)
    entry = entry_path(table.path, table.version + 1)
    day = DAY.isoformat()
    entry.write_text(
        f'{{"add":{{"path":"{twin}","size":{file.size_bytes},"partitionValues":'
        f'{{"day":"{day}"}},"modificationTime":0,"dataChange":true,'
        f'"stats":"{{\\"numRecords\\":{file.rows}}}"}}}}\n'
    )


def test_nothing_is_found_in_intact_tables(warehouse: Warehouse) -> None:
    result = verify(warehouse)

    assert result.damage == []
    assert (result.tables, result.files) == (2, 4)


def test_damaged_files_of_several_tables_are_named_in_one_run(
    warehouse: Warehouse,
) -> None:
    events = warehouse.view(EVENTS)
    names = [file.path for file in events.files()[:2]]
    for name in names:
        flip(events.path / name, 999)
    entry = entry_path(warehouse.root / "ledger", 1)
    flip(entry, 999)

    damage = verify(warehouse).damage
    assert [(finding.table, finding.file) for finding in damage] == [
        *[("events", name) for name in names],
        ("ledger", f"_delta_log/{entry.name}"),
    ]


def test_an_entry_before_the_checkpoint_is_checked_too(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table._delta.checkpoint()  # noqa: SLF001
    flip(entry_path(table.path, 1), 999)

    [finding] = verify(warehouse).damage
    assert finding.file == "_delta_log/00000000000000000001.json"


def test_rows_that_were_added_twice_are_found(warehouse: Warehouse) -> None:
    add_copy(warehouse.open(EVENTS))
    view = warehouse.view(EVENTS)

    [count] = count_findings(view)
    [repeat] = repeat_findings(view, [DAY])
    assert count.problem == "holds 4 rows, 1 more than were recorded"
    assert (repeat.day, repeat.problem) == (DAY, "holds 1 events a second time")
    assert len(verify(warehouse).damage) == 2
    [info] = [info for info in table_infos(warehouse) if info.problem]
    assert (info.rows, info.recorded_rows) == (4, 3)


def test_the_command_ends_with_1_if_it_finds_damage(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(warehouse.root / "events" / warehouse.view(EVENTS).files()[0].path, 999)
    config = warehouse.root.parent / "millpond.toml"
    config.write_text(
        f'[warehouse]\nuri = "{warehouse.root}"\n'
        f'[spool]\ndir = "{config.parent}/spool"\n'
        '[[sites]]\nid = "shop"\ndomains = ["shop.example"]\n'
    )

    assert millpond.run(["warehouse", "verify", "--config", str(config)]) == 1
    printed = capsys.readouterr().out
    assert "events  day=2026-11-22/part-" in printed
    assert "damaged: its bytes differ from those that were written" in printed
    assert printed.endswith("1 findings\n")


def test_the_overview_shows_the_other_tables_beside_a_damaged_one(
    warehouse: Warehouse,
) -> None:
    flip(entry_path(warehouse.root / "ledger", 1), 999)

    infos = {info.table: info for info in table_infos(warehouse)}
    assert infos["events"].rows == 3
    assert infos["events"].problem is None
    assert "ledger/_delta_log/00000000000000000001.json" in (
        infos["ledger"].problem or ""
    )
