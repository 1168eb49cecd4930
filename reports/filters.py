"""The filters of a question: a small typed tree, read from JSON and bounded.

Only dimensions of the allow-list can be named, and values only ever become
literals of a typed expression; nothing is put together as text.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reports.dimensions import DIMENSIONS, Dimension
from reports.problems import Problems

MAX_DEPTH: Final = 5
MAX_CONDITIONS: Final = 100
MAX_VALUES: Final = 1_000
MAX_VALUE_LENGTH: Final = 2_048


class Operator(StrEnum):
    """How a condition compares; every comparison is with all of its values."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    CONTAINS_NOT = "contains_not"


class Connective(StrEnum):
    """How conditions are joined."""

    AND = "and"
    OR = "or"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Condition:
    """One dimension held against some values."""

    operator: Operator
    dimension: Dimension
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JoinedFilters:
    """Several filters joined; a negation has exactly one part."""

    group: Connective
    parts: tuple["Filter", ...]


Filter = Condition | JoinedFilters


def conditions(filters: tuple[Filter, ...]) -> list[Condition]:
    """Return every condition of *filters*, however deep."""
    found: list[Condition] = []
    for part in filters:
        if isinstance(part, Condition):
            found.append(part)
        else:
            found += conditions(part.parts)
    return found


def parse_filters(raw: object, problems: Problems) -> tuple[Filter, ...]:
    """Return the filters of a question's body, noting every problem."""
    reader = _FilterReader(problems)
    return reader.several(raw, "filters", 1)


class _FilterReader:
    """Reads a tree of filters within its bounds."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._conditions = 0
        self._values = 0

    def several(self, raw: object, path: str, depth: int) -> tuple[Filter, ...]:
        if not isinstance(raw, list):
            self._problems.add(path, "must be a list of filters")
            return ()
        if depth > MAX_DEPTH:
            self._problems.add(path, f"nested deeper than {MAX_DEPTH} levels")
            return ()
        if len(raw) > MAX_CONDITIONS:
            self._problems.add(path, f"more than {MAX_CONDITIONS} filters")
            return ()
        parts = (self._one(part, f"{path}[{n}]", depth) for n, part in enumerate(raw))
        return tuple(part for part in parts if part is not None)

    def _one(self, raw: object, path: str, depth: int) -> Filter | None:
        if not (isinstance(raw, list) and raw and isinstance(raw[0], str)):
            self._problems.add(path, "must be a list that begins with an operator")
            return None
        name = raw[0]
        if name in set(Connective):
            return self._join(Connective(name), raw, path, depth)
        if name in set(Operator):
            return self._condition(Operator(name), raw, path)
        self._problems.unknown(f"{path}[0]", "operator", name, [*Operator, *Connective])
        return None

    def _join(
        self, group: Connective, raw: list[object], path: str, depth: int
    ) -> JoinedFilters | None:
        rest = raw[1:]
        if len(rest) != 1:
            shape = "filter" if group is Connective.NOT else "[filter, …]"
            self._problems.add(path, f'must be ["{group}", {shape}]')
            return None
        if group is Connective.NOT:
            part = self._nested(rest[0], f"{path}[1]", depth + 1)
            return JoinedFilters(group, (part,)) if part else None
        parts = self.several(rest[0], f"{path}[1]", depth + 1)
        if rest[0] == []:
            self._problems.add(f"{path}[1]", "must hold at least one filter")
        return JoinedFilters(group, parts)

    def _nested(self, raw: object, path: str, depth: int) -> Filter | None:
        if depth > MAX_DEPTH:
            self._problems.add(path, f"nested deeper than {MAX_DEPTH} levels")
            return None
        return self._one(raw, path, depth)

    def _condition(
        self, operator: Operator, raw: list[object], path: str
    ) -> Condition | None:
        self._conditions += 1
        if self._conditions == MAX_CONDITIONS + 1:
            self._problems.add("filters", f"more than {MAX_CONDITIONS} conditions")
        match raw[1:]:
            case [name, given]:
                dimension = DIMENSIONS.get(name) if isinstance(name, str) else None
                values = self._checked_values(given, f"{path}[2]")
            case _:
                shape = f'["{operator}", dimension, [value, …]]'
                self._problems.add(path, f"must be {shape}")
                return None
        if dimension is None:
            self._problems.unknown(f"{path}[1]", "dimension", name, DIMENSIONS)
        return Condition(operator, dimension, values) if dimension and values else None

    def _checked_values(self, raw: object, path: str) -> tuple[str, ...]:
        if not (isinstance(raw, list) and raw):
            self._problems.add(path, "must be a list of at least one text value")
            return ()
        self._values += len(raw)
        if self._values > MAX_VALUES:
            self._problems.add(path, f"more than {MAX_VALUES:,} values in all filters")
            return ()
        values = [value for value in raw if isinstance(value, str)]
        if len(values) < len(raw):
            self._problems.add(path, "every value must be text")
        elif any(len(value) > MAX_VALUE_LENGTH for value in values):
            self._problems.add(path, f"a value is over {MAX_VALUE_LENGTH:,} characters")
        return tuple(values)
