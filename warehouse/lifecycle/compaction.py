"""Upkeep of the tables: merge each day's files, remove leftovers, shorten the logs."""

from collections.abc import Sequence

from config.errors import MillpondError, Retryable
from warehouse.schema import TABLES, Table
from warehouse.tables import Warehouse


class PartlyDoneError(MillpondError):
    """Some tables were looked after, others could not be; *problems* say why."""

    def __init__(self, doing: str, problems: Sequence[MillpondError]) -> None:
        self.problems = tuple(problems)
        reasons = "; ".join(problem.message for problem in problems)
        super().__init__(
            f"{doing}, done for the other tables: {reasons}", hint=problems[0].hint
        )


class PartlyDoneForNowError(Retryable, PartlyDoneError):
    """The same, where trying again may heal at least one of them."""


def raise_problems(doing: str, problems: Sequence[MillpondError]) -> None:
    """Raise one error that names all *problems*, if there are any."""
    if any(isinstance(problem, Retryable) for problem in problems):
        raise PartlyDoneForNowError(doing, problems)
    if problems:
        raise PartlyDoneError(doing, problems)


def compact_all(
    warehouse: Warehouse, now_s: float, *, removes_files: bool = True
) -> int:
    """Leave every day in one file; return how many were merged.

    Files that a reader may still have open stay for an hour; without *removes_files*
    all stay, for a time that can be believed. A table that is damaged keeps no other
    from it; ``PartlyDoneError`` names it at the end.
    """
    merged = 0
    problems: list[MillpondError] = []
    for table in TABLES:
        try:
            merged += _compact(warehouse, table, now_s, removes_files=removes_files)
        except MillpondError as problem:
            problems.append(problem)
    raise_problems("compact", problems)
    return merged


def _compact(
    warehouse: Warehouse, table: Table, now_s: float, *, removes_files: bool
) -> int:
    if warehouse.view(table).version < 0:
        return 0
    stored = warehouse.open(table)
    merged = stored.compact(stored.days(), now_s=now_s)
    if removes_files:
        stored.vacuum(now_s=now_s)
        stored.clean_log()
    return merged
