"""Compaction: merge the files of each day, remove unneeded files, shorten the logs."""

from collections.abc import Sequence

from config.errors import MillpondError, Retryable
from warehouse.schema import TABLES, Table
from warehouse.tables import Warehouse


class PartlyDoneError(MillpondError):
    """An operation failed for some tables and was done for the others."""

    def __init__(self, doing: str, problems: Sequence[MillpondError]) -> None:
        self.problems = tuple(problems)
        reasons = "; ".join(problem.message for problem in problems)
        super().__init__(
            f"{doing}, done for the other tables: {reasons}", hint=problems[0].hint
        )


class PartlyDoneForNowError(Retryable, PartlyDoneError):
    """Some tables failed, and another attempt may succeed for at least one of them."""


def raise_problems(doing: str, problems: Sequence[MillpondError]) -> None:
    """Raise one error with the messages of all *problems*, if there are any."""
    if any(isinstance(problem, Retryable) for problem in problems):
        raise PartlyDoneForNowError(doing, problems)
    if problems:
        raise PartlyDoneError(doing, problems)


def compact_all(
    warehouse: Warehouse, now_s: float, *, removes_files: bool = True
) -> int:
    """Merge the files of each day of every table; return how many files were merged.

    Replaced files stay for an hour, because a reader may have them open. Without
    *removes_files* they all stay until the clock can be believed. A damaged table does
    not stop the others; ``PartlyDoneError`` names it at the end.
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
