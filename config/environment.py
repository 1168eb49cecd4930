"""Overrides from the environment: ``MILLPOND__SECTION__KEY`` to values by key."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from config.errors import Problem
from config.keys import ENVIRONMENT_PREFIX, SITES, FoundValue, Key, nearest, sections


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the environment sets, by section and key, and what is wrong with it."""

    given: dict[str, dict[str, FoundValue]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def overrides(environ: Mapping[str, str]) -> Overrides:
    """Return every override in *environ*; sites are set in the file alone."""
    known = {key.variable: key for key in _overridable()}
    found = Overrides()
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        key = known.get(name)
        if key is None:
            problem = Problem(name, f"unknown variable{nearest(name, known)}")
            found.problems.append(problem)
            continue
        value = parse_variable(key, environ[name])
        if isinstance(value, Problem):
            found.problems.append(value)
        else:
            section = found.given.setdefault(key.section, {})
            section[key.name] = FoundValue(value, name)
    return found


def _overridable() -> Iterator[Key]:
    for section in sections():
        if section.name != SITES:
            yield from section.keys


def parse_variable(key: Key, text: str) -> object:
    """Return the value *text* spells for *key*, or the problem with it.

    A key of many values takes a TOML array or a comma list; a string is taken
    as it stands; anything else is a TOML literal.
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
        wanted = "an array" if key.many else key.kind_name
        return Problem(key.path, f"must be {wanted} (from {key.variable})")
    return document["value"]
