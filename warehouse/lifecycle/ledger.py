"""The ledger: an append-only chain of what was done to the data, each link hashed.

An entry's digest covers its facts and the digest before it, so that changing, removing
or moving one breaks the chain. Entries name dates, tables, counts and settings; never
anything of a person.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.schema import LEDGER, JsonText, LedgerEntry, UtcSeconds
from warehouse.tables import ConflictError, StoredTable, TableError, Warehouse

FIRST_PREVIOUS = "0" * 64
# The transaction's number is how many entries there are: of two writers at once, one
# fails and looks again, so the chain cannot fork.
APP = "ledger"
_MOST_ATTEMPTS = 20

Fact = str | int | bool | None | Sequence["Fact"] | Mapping[str, "Fact"]


class NewEntry(msgspec.Struct, frozen=True):
    """What is to be recorded: what was done, to what, and the facts of it."""

    kind: str
    subject: str
    detail: Mapping[str, Fact] = msgspec.field(default_factory=dict)


class ChainBreak(msgspec.Struct, frozen=True):
    """A place where the chain does not hold."""

    number: int
    problem: str


def append(
    warehouse: Warehouse, entries: Sequence[NewEntry], now_s: float
) -> list[LedgerEntry]:
    """Add *entries* to the chain in one commit, and return them as links of it."""
    if not entries:
        return []
    table = warehouse.open(LEDGER)
    for _ in range(_MOST_ATTEMPTS):
        links = _links(table, entries, now_s)
        try:
            table.append(_frame(links), transactions={APP: links[-1].number + 1})
        except ConflictError:
            table.refresh()
        else:
            return links
    raise ConflictError("append to the ledger: other writers keep coming first")


def _links(
    table: StoredTable, entries: Sequence[NewEntry], now_s: float
) -> list[LedgerEntry]:
    at = UtcSeconds(int(now_s))
    number = table.transaction_version(APP) or 0
    previous = _digest_of(table, number - 1) if number else FIRST_PREVIOUS
    links: list[LedgerEntry] = []
    for each in entries:
        link = _link(each, number, at, previous)
        links.append(link)
        number, previous = number + 1, link.digest
    return links


def _link(entry: NewEntry, number: int, at: UtcSeconds, previous: str) -> LedgerEntry:
    unsigned = LedgerEntry(
        number=number,
        day=datetime.fromtimestamp(at, UTC).date(),
        at=at,
        kind=entry.kind,
        subject=entry.subject,
        detail=canonical(entry.detail),
        previous=previous,
        digest="",
    )
    return msgspec.structs.replace(unsigned, digest=digest(unsigned))


def canonical(facts: Mapping[str, Fact]) -> JsonText:
    """Return the one JSON text *facts* have: keys sorted, no spaces, no floats."""
    _refuse_floats(facts)
    return _json(facts)


def _json(facts: object) -> JsonText:
    return JsonText(
        json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    )


def _refuse_floats(facts: object) -> None:
    """Refuse what languages write differently, and so would hash differently."""
    if isinstance(facts, float):
        raise TypeError("a fact of the ledger is text, a whole number, true or false")
    if isinstance(facts, Mapping):
        for value in facts.values():
            _refuse_floats(value)
    elif isinstance(facts, Sequence) and not isinstance(facts, str):
        for value in facts:
            _refuse_floats(value)


def digest(entry: LedgerEntry) -> str:
    """Return the SHA-256 of an entry's facts and the digest before it, in hex.

    It is taken of the canonical JSON of number, at, kind, subject, detail (the text
    as stored) and previous; the day follows from the time.
    """
    hashed = {
        "number": entry.number,
        "at": entry.at,
        "kind": entry.kind,
        "subject": entry.subject,
        "detail": entry.detail,
        "previous": entry.previous,
    }
    return hashlib.sha256(_json(hashed).encode()).hexdigest()


def _digest_of(table: StoredTable, number: int) -> str:
    """Return the digest of entry *number*; it is on one of the newest days."""
    for day in reversed(table.days()):
        rows = table.read([day], ["number", "digest"])
        found = rows.filter(pl.col("number") == number)["digest"]
        if len(found):
            return str(found[0])
    raise TableError(
        f"append to the ledger: entry {number} is missing",
        hint="run `millpond audit verify`, and restore the table from a backup",
    )


def _frame(entries: Sequence[LedgerEntry]) -> pl.DataFrame:
    names = polars_schema(LEDGER).names()
    rows = [tuple(getattr(entry, name) for name in names) for entry in entries]
    plain = {**polars_schema(LEDGER), "at": pl.Int64()}
    at = (pl.col("at") * 1_000_000).cast(polars_schema(LEDGER)["at"])
    return pl.DataFrame(rows, schema=plain, orient="row").with_columns(at)


def read_entries(frame: pl.DataFrame) -> list[LedgerEntry]:
    """Return the rows of the ledger as entries, in the order of their numbers."""
    plain = frame.sort("number", "digest").with_columns(pl.col("at").dt.epoch("s"))
    return [LedgerEntry(**row) for row in plain.iter_rows(named=True)]


def verify(frame: pl.DataFrame, *, count: int | None = None) -> list[ChainBreak]:
    """Return every place where the chain does not hold, none where all is as written.

    A chain cut off at its end is whole in itself: *count* is how many entries there
    must be, as ``count_of`` says or as a witness noted.
    """
    breaks: list[ChainBreak] = []
    expected, previous = 0, FIRST_PREVIOUS
    for entry in read_entries(frame):
        breaks += [
            ChainBreak(entry.number, each) for each in _wrong(entry, expected, previous)
        ]
        expected, previous = entry.number + 1, entry.digest
    if count is not None and expected < count:
        breaks.append(
            ChainBreak(expected, f"{count - expected} entries missing at the end")
        )
    return breaks


def _wrong(entry: LedgerEntry, expected: int, previous: str) -> list[str]:
    """Return what is wrong with an entry after those before it."""
    wrong: list[str] = []
    if entry.number > expected:
        wrong.append(f"{entry.number - expected} entries missing before it")
    if entry.number < expected:
        wrong.append("number used twice")
    if entry.number == expected and entry.previous != previous:
        wrong.append("does not follow from the entry before")
    if entry.digest != digest(entry):
        wrong.append("changed after it was written")
    if entry.day != datetime.fromtimestamp(entry.at, UTC).date():
        wrong.append("filed under another day")
    return wrong


def count_of(warehouse: Warehouse) -> int:
    """Return how many entries were ever recorded, from the table's log."""
    return warehouse.view(LEDGER).transaction_version(APP) or 0
