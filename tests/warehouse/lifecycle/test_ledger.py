"""An intact chain is valid; any change, loss, repetition or move is found."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.lifecycle.ledger import (
    FIRST_PREVIOUS,
    ChainBreak,
    NewEntry,
    append,
    canonical,
    count_of,
    digest,
    read_entries,
    verify,
)
from warehouse.schema import LEDGER, JsonText, LedgerEntry, UtcSeconds
from warehouse.tables import TableError, Warehouse

ROOT = Path(__file__).parents[3]
NOW_S = 1_795_348_800.0


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a warehouse with five ledger entries on two days."""
    warehouse = Warehouse(tmp_path / "warehouse")
    days = [
        NewEntry("salt_created", f"2026-11-2{day}", {"zone": "UTC"}) for day in "12"
    ]
    append(warehouse, days, NOW_S)
    append(warehouse, [NewEntry("retention", "events", {"days": [1, 2]})], NOW_S + 9)
    append(warehouse, [NewEntry("ä", "b"), NewEntry("c", "d")], NOW_S + 86_400)
    return warehouse


@pytest.fixture
def chain(warehouse: Warehouse) -> pl.DataFrame:
    """Return the rows of the ledger."""
    return warehouse.view(LEDGER).read()


def change(column: str, value: object, number: int = 2) -> pl.Expr:
    """Return an expression that changes *column* in the entry *number*."""
    changed = pl.when(pl.col("number") == number).then(pl.lit(value))
    return changed.otherwise(pl.col(column)).alias(column)


def test_an_intact_chain_is_valid(warehouse: Warehouse, chain: pl.DataFrame) -> None:
    entries = read_entries(chain)

    assert verify(chain, count=count_of(warehouse)) == []
    assert [entry.number for entry in entries] == list(range(5))
    assert entries[0].previous == FIRST_PREVIOUS
    assert entries[2].detail == '{"days":[1,2]}'
    assert verify(chain.reverse()) == []


def test_the_digest_follows_the_documentation() -> None:
    """``sha256sum`` computes it here, as the program of an auditor would."""
    entry = LedgerEntry(
        number=0,
        day=date(2026, 11, 22),
        at=UtcSeconds(1_795_348_800),
        kind="k",
        subject="s",
        detail=JsonText("{}"),
        previous=FIRST_PREVIOUS,
        digest="",
    )
    text = (
        '{"at":1795348800,"detail":"{}","kind":"k","number":0,"previous":"'
        f'{"0" * 64}","subject":"s"}}'
    )
    completed = subprocess.run(
        ["sha256sum"], input=text.encode(), capture_output=True, check=True
    )

    assert digest(entry) == completed.stdout.decode().split()[0]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "other"),
        ("subject", "other"),
        ("detail", '{"days":[1,3]}'),
        ("digest", "0" * 64),
    ],
)
def test_a_changed_entry_is_found(chain: pl.DataFrame, column: str, value: str) -> None:
    changed = verify(chain.with_columns(change(column, value)))

    assert ChainBreak(2, "changed after it was written") in changed


def test_a_change_with_a_new_digest_breaks_the_next_link(chain: pl.DataFrame) -> None:
    forged = chain.with_columns(change("subject", "forged"))
    entry = read_entries(forged)[2]
    forged = forged.with_columns(change("digest", digest(entry)))

    assert verify(forged) == [ChainBreak(3, "does not follow from the entry before")]


def test_a_removed_entry_is_found(chain: pl.DataFrame) -> None:
    without = chain.filter(pl.col("number") != 2)

    assert verify(without) == [ChainBreak(3, "1 entries missing before it")]


def test_a_truncated_chain_is_found_by_the_count(chain: pl.DataFrame) -> None:
    truncated = chain.filter(pl.col("number") < 3)

    assert verify(truncated) == []
    assert verify(truncated, count=5) == [ChainBreak(3, "2 entries missing at the end")]


def test_a_fork_is_found(chain: pl.DataFrame) -> None:
    twice = pl.concat([chain, chain.filter(pl.col("number") == 4)])

    assert verify(twice) == [ChainBreak(4, "number used twice")]


def test_an_entry_under_another_day_is_found(chain: pl.DataFrame) -> None:
    moved = chain.with_columns(pl.col("day") - pl.duration(days=1))

    assert {break_.problem for break_ in verify(moved)} == {"filed under another day"}


@given(st.permutations(range(4)))
def test_the_order_of_keys_does_not_matter(order: list[int]) -> None:
    facts = {f"k{number}": number for number in order}

    assert canonical(facts) == '{"k0":0,"k1":1,"k2":2,"k3":3}'


@pytest.mark.parametrize("facts", [{"a": 1.5}, {"a": [{"b": 0.1}]}], ids=str)
def test_floats_are_refused(facts: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        canonical(facts)  # type: ignore[arg-type]


def test_nothing_is_appended_if_the_last_entry_is_missing(warehouse: Warehouse) -> None:
    table = warehouse.open(LEDGER)
    table.delete_days(table.days()[-1:], now_s=NOW_S)

    with pytest.raises(TableError):
        append(warehouse, [NewEntry("a", "b")], NOW_S)


def test_appending_nothing_commits_nothing(warehouse: Warehouse) -> None:
    before = warehouse.view(LEDGER).version

    assert append(warehouse, [], NOW_S) == []
    assert warehouse.view(LEDGER).version == before


def test_concurrent_writers_cannot_fork_the_chain(warehouse: Warehouse) -> None:
    program = [sys.executable, "-m", "tests.warehouse.lifecycle.append_to_ledger"]
    writers = [
        subprocess.Popen([*program, str(warehouse.root), name, "6"], cwd=ROOT)
        for name in ("one", "two", "three")
    ]
    exit_codes = [writer.wait(timeout=60) for writer in writers]
    chain = warehouse.view(LEDGER).read()

    assert exit_codes == [0, 0, 0]
    assert verify(chain, count=count_of(warehouse)) == []
    assert chain["subject"].n_unique() == chain.height == 23
