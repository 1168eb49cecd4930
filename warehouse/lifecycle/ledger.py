"""The ledger: an append-only, hashed chain of the operations on the data.

The digest of an entry covers its facts and the digest before it. So an entry that is
changed, removed or moved breaks the chain. Entries contain dates, tables, counts and
settings, never personal data.
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
# The number of this transaction is the count of entries. If two writers append at the
# same time, one of them fails and tries again, so the chain cannot fork.
APP = "ledger"
_MOST_ATTEMPTS = 20

Fact = str | int | bool | None | Sequence["Fact"] | Mapping[str, "Fact"]


class NewEntry(msgspec.Struct, frozen=True):
    """An entry to record: the kind of operation, its subject, and its facts."""

    kind: str
    subject: str
    detail: Mapping[str, Fact] = msgspec.field(default_factory=dict)


class ChainBreak(msgspec.Struct, frozen=True):
    """An entry at which the chain is broken, and the problem there."""

    number: int
    problem: str


def append(
    warehouse: Warehouse, entries: Sequence[NewEntry], now_s: float
) -> list[LedgerEntry]:
    """Add *entries* to the chain in one commit, and return them with their digests."""
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
    raise ConflictError("append to the ledger: other writers keep committing first")


def _links(
    table: StoredTable, entries: Sequence[NewEntry], now_s: float
) -> list[LedgerEntry]:
    at = UtcSeconds(int(now_s))
    number = table.transaction_version(APP) or 0
    previous = _digest_of(table, number - 1) if number else FIRST_PREVIOUS
    links: list[LedgerEntry] = []
    for entry in entries:
        link = _link(entry, number, at, previous)
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
    """Return the canonical JSON of *facts*: keys sorted, no spaces, no floats."""
    _refuse_floats(facts)
    return _json(facts)


def _json(facts: object) -> JsonText:
    return JsonText(
        json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    )


def _refuse_floats(facts: object) -> None:
    """Raise TypeError for a float: languages write floats in different ways."""
    if isinstance(facts, float):
        raise TypeError("a fact of the ledger must be text, an integer or a boolean")
    if isinstance(facts, Mapping):
        for value in facts.values():
            _refuse_floats(value)
    elif isinstance(facts, Sequence) and not isinstance(facts, str):
        for value in facts:
            _refuse_floats(value)


def digest(entry: LedgerEntry) -> str:
    """Return the SHA-256 of an entry's facts and the digest before it, in hex.

    The hashed text is the canonical JSON of number, at, kind, subject, detail (the
    stored text) and previous. The day is left out because it follows from the time.
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
    """Return the digest of entry *number*, searching the newest days first."""
    for day in reversed(table.days()):
        rows = table.read([day], ["number", "digest"])
        digests = rows.filter(pl.col("number") == number)["digest"]
        if len(digests):
            return str(digests[0])
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
    """Return every entry at which the chain is broken; an empty list for a whole chain.

    A chain without its last entries is still consistent. To detect that, pass *count*,
    the number of entries from ``count_of`` or from a witness.
    """
    breaks: list[ChainBreak] = []
    expected, previous = 0, FIRST_PREVIOUS
    for entry in read_entries(frame):
        breaks += [
            ChainBreak(entry.number, problem)
            for problem in _problems(entry, expected, previous)
        ]
        expected, previous = entry.number + 1, entry.digest
    if count is not None and expected < count:
        breaks.append(
            ChainBreak(expected, f"{count - expected} entries missing at the end")
        )
    return breaks


def _problems(entry: LedgerEntry, expected: int, previous: str) -> list[str]:
    """Return the problems of an entry; *expected* is the number that must follow."""
    problems: list[str] = []
    if entry.number > expected:
        problems.append(f"{entry.number - expected} entries missing before it")
    if entry.number < expected:
        problems.append("number used twice")
    if entry.number == expected and entry.previous != previous:
        problems.append("does not follow from the entry before")
    if entry.digest != digest(entry):
        problems.append("changed after it was written")
    if entry.day != datetime.fromtimestamp(entry.at, UTC).date():
        problems.append("filed under another day")
    return problems


def count_of(warehouse: Warehouse) -> int:
    """Return how many entries were ever recorded, according to the table's log."""
    return warehouse.view(LEDGER).transaction_version(APP) or 0
