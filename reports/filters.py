"""The filters of a query: a small typed tree, parsed from JSON within limits.

A filter can only name dimensions of the allow-list. Its values become literals of a
typed expression, so no query is ever built from text.
"""

from collections.abc import Mapping
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
    """How a condition compares the dimension with its values."""

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
    """A comparison of one dimension with a list of values."""

    operator: Operator
    dimension: Dimension
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JoinedFilters:
    """Several filters joined by a connective; ``not`` has exactly one part."""

    group: Connective
    parts: tuple["Filter", ...]


Filter = Condition | JoinedFilters


def list_conditions(filters: tuple[Filter, ...]) -> list[Condition]:
    """Return all conditions of *filters*, at any depth."""
    conditions: list[Condition] = []
    for part in filters:
        if isinstance(part, Condition):
            conditions.append(part)
        else:
            conditions += list_conditions(part.parts)
    return conditions


def parse_filters(
    raw: object, problems: Problems, known: Mapping[str, Dimension] = DIMENSIONS
) -> tuple[Filter, ...]:
    """Return the filters of a query's body; add every problem to *problems*.

    *known* are the dimensions that a filter may name.
    """
    return _FilterParser(problems, known).parse_list(raw, "filters", 1)


class _FilterParser:
    """Parses a tree of filters within the limits."""

    def __init__(self, problems: Problems, known: Mapping[str, Dimension]) -> None:
        self._problems = problems
        self._known = known
        self._conditions = 0
        self._values = 0

    def parse_list(self, raw: object, path: str, depth: int) -> tuple[Filter, ...]:
        if not isinstance(raw, list):
            self._problems.add(path, "must be a list of filters")
            return ()
        if depth > MAX_DEPTH:
            self._problems.add(path, f"nested deeper than {MAX_DEPTH} levels")
            return ()
        if len(raw) > MAX_CONDITIONS:
            self._problems.add(path, f"more than {MAX_CONDITIONS} filters")
            return ()
        parts = (
            self._parse_filter(part, f"{path}[{n}]", depth)
            for n, part in enumerate(raw)
        )
        return tuple(part for part in parts if part is not None)

    def _parse_filter(self, raw: object, path: str, depth: int) -> Filter | None:
        if not (isinstance(raw, list) and raw and isinstance(raw[0], str)):
            self._problems.add(path, "must be a list that begins with an operator")
            return None
        name = raw[0]
        if name in set(Connective):
            return self._parse_joined(Connective(name), raw, path, depth)
        if name in set(Operator):
            return self._parse_condition(Operator(name), raw, path)
        self._problems.add_unknown(
            f"{path}[0]", "operator", name, [*Operator, *Connective]
        )
        return None

    def _parse_joined(
        self, group: Connective, raw: list[object], path: str, depth: int
    ) -> JoinedFilters | None:
        rest = raw[1:]
        if len(rest) != 1:
            shape = "filter" if group is Connective.NOT else "[filter, …]"
            self._problems.add(path, f'must be ["{group}", {shape}]')
            return None
        if group is Connective.NOT:
            part = self._parse_negated(rest[0], f"{path}[1]", depth + 1)
            return JoinedFilters(group, (part,)) if part else None
        parts = self.parse_list(rest[0], f"{path}[1]", depth + 1)
        if rest[0] == []:
            self._problems.add(f"{path}[1]", "must hold at least one filter")
        return JoinedFilters(group, parts)

    def _parse_negated(self, raw: object, path: str, depth: int) -> Filter | None:
        if depth > MAX_DEPTH:
            self._problems.add(path, f"nested deeper than {MAX_DEPTH} levels")
            return None
        return self._parse_filter(raw, path, depth)

    def _parse_condition(
        self, operator: Operator, raw: list[object], path: str
    ) -> Condition | None:
        self._conditions += 1
        if self._conditions == MAX_CONDITIONS + 1:
            self._problems.add("filters", f"more than {MAX_CONDITIONS} conditions")
        match raw[1:]:
            case [name, raw_values]:
                dimension = self._known.get(name) if isinstance(name, str) else None
                values = self._parse_values(raw_values, f"{path}[2]")
            case _:
                shape = f'["{operator}", dimension, [value, …]]'
                self._problems.add(path, f"must be {shape}")
                return None
        if dimension is None:
            self._problems.add_unknown(f"{path}[1]", "dimension", name, self._known)
        return Condition(operator, dimension, values) if dimension and values else None

    def _parse_values(self, raw: object, path: str) -> tuple[str, ...]:
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
