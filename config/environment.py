"""Overrides from the environment: variables named ``MILLPOND__SECTION__KEY``."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from config.errors import Problem
from config.keys import ENVIRONMENT_PREFIX, SITES, FoundValue, Key, nearest, sections


@dataclass(frozen=True, slots=True)
class Overrides:
    """The values the environment sets, by section and key, and the problems in it."""

    values: dict[str, dict[str, FoundValue]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def overrides(environ: Mapping[str, str]) -> Overrides:
    """Return every override in *environ*; sites can be set only in the file."""
    known = {key.variable: key for key in _overridable()}
    result = Overrides()
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        key = known.get(name)
        if key is None:
            problem = Problem(name, f"unknown variable{nearest(name, known)}")
            result.problems.append(problem)
            continue
        value = parse_variable(key, environ[name])
        if isinstance(value, Problem):
            result.problems.append(value)
        else:
            section = result.values.setdefault(key.section, {})
            section[key.name] = FoundValue(value, name)
    return result


def _overridable() -> Iterator[Key]:
    for section in sections():
        if section.name != SITES:
            yield from section.keys


def parse_variable(key: Key, text: str) -> object:
    """Return the value of *key* that *text* spells, or the problem with it.

    A key with many values takes a TOML array or a comma-separated list. The text of a
    string key is the value itself. Any other text is a TOML literal.
    """
    if key.many and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    if key.kind is str and not key.many:
        return text
    try:
        document = tomllib.loads(f"value = {text.strip()}")
    except tomllib.TOMLDecodeError:
        document = {}
    if document.keys() != {"value"}:
        expected = "an array" if key.many else key.kind_name
        return Problem(key.path, f"must be {expected} (from {key.variable})")
    return document["value"]
