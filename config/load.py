"""TOML and environment to checked ``Settings``: all problems at once, no secrets."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.checks import RefusedError, check, has_password
from config.conflicts import conflicts
from config.environment import overrides
from config.errors import ConfigError, Problem
from config.keys import (
    DEFAULT,
    FILE,
    SITES,
    FoundValue,
    Key,
    Section,
    nearest,
    sections,
    type_name,
)
from config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSettings:
    """Checked settings, and by path where each value came from."""

    settings: Settings
    origins: Mapping[str, str]


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file at *path* under the environment's overrides."""
    return read(path, environ).settings


def read(path: Path | None, environ: Mapping[str, str]) -> LoadedSettings:
    """Return what ``load`` returns, together with where each value came from."""
    reading = _ConfigReader(base=Path.cwd() if path is None else path.absolute().parent)
    document = {} if path is None else _document(path)
    reading.refuse_unknown("", document, [section.name for section in sections()])
    environment = overrides(environ)
    reading.problems += environment.problems
    parts: dict[str, Any] = {}
    for section in sections():
        found = document.get(section.name)
        if section.name == SITES:
            parts[SITES] = reading.sites(section, found)
        else:
            given = reading.given(section, section.name, found)
            given |= environment.given.get(section.name, {})
            parts[section.name] = reading.table(section, section.name, given)
    settings = Settings(**parts)
    reading.add_conflicts(settings)
    if reading.problems:
        raise ConfigError(reading.problems)
    return LoadedSettings(settings=settings, origins=reading.origins)


def _document(path: Path) -> dict[str, Any]:
    hint = None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message, hint = "no such file", "write one with `millpond init`"
    except OSError as error:
        message = f"cannot be read ({type(error).__name__})"
    except UnicodeDecodeError:
        message = "is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        message = f"is not TOML: {error}"
    raise ConfigError([Problem(str(path), message)], hint=hint)


@dataclass(slots=True)
class _ConfigReader:
    """One pass over file and environment; collects every problem on the way."""

    base: Path
    problems: list[Problem] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)

    def refuse(self, path: str, message: str, origin: str = FILE) -> None:
        source = "" if origin in (FILE, DEFAULT) else f" (from {origin})"
        self.problems.append(Problem(path, message + source))

    def refuse_unknown(self, path: str, names: Iterable[str], known: list[str]) -> None:
        for name in names:
            if name not in known:
                full = f"{path}.{name}" if path else name
                self.refuse(full, f"unknown key{nearest(name, known)}")

    def given(
        self, section: Section, path: str, found: object
    ) -> dict[str, FoundValue]:
        """Return the known keys of one table of the file."""
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.refuse(path, f"must be a table, got {type_name(type(found))}")
            return {}
        names = [key.name for key in section.keys]
        self.refuse_unknown(path, found, names)
        return {name: FoundValue(found[name], FILE) for name in names if name in found}

    def sites(self, section: Section, found: object) -> tuple[Any, ...]:
        """Return the settings of every [[sites]] table."""
        if found is None:
            return ()
        if not isinstance(found, list):
            kind = type_name(type(found))
            self.refuse(SITES, f"must be [[sites]] tables, got {kind}")
            return ()
        return tuple(
            self.table(section, path, self.given(section, path, table))
            for number, table in enumerate(found)
            for path in [f"{SITES}[{number}]"]
        )

    def table(
        self, section: Section, path: str, given: Mapping[str, FoundValue]
    ) -> Any:
        """Return the settings of one table; a refused value leaves its default."""
        values: dict[str, Any] = {}
        for key in section.keys:
            place = f"{path}.{key.name}"
            if key.required and key.name not in given:
                self.refuse(place, "is required")
            found = given.get(key.name, key.preset)
            self.origins[place] = found.origin
            values[key.name] = self.value(key, place, found)
        return section.settings(**values)

    def value(self, key: Key, path: str, given: FoundValue) -> Any:
        """Return one value checked, or what stands in for a refused one."""
        if not key.many:
            checked = self.single(key, path, given)
            return key.preset.value if checked is None else checked
        if not isinstance(given.value, list):
            message = f"must be an array, got {type_name(type(given.value))}"
            self.refuse(path, message, given.origin)
            return ()
        items = [
            self.single(key, f"{path}[{number}]", FoundValue(item, given.origin))
            for number, item in enumerate(given.value)
        ]
        return tuple(item for item in items if item is not None)

    def single(self, key: Key, path: str, given: FoundValue) -> bool | int | str | None:
        """Return one checked value in its one spelling, or None when refused."""
        if key.required and given.origin == DEFAULT:
            return None
        try:
            return _single(key, given, self.base)
        except RefusedError as error:
            self.refuse(path, error.message, given.origin)
            return None

    def add_conflicts(self, settings: Settings) -> None:
        """Add contradictions, but for those that only follow from a refused value."""
        refused = tuple(problem.path for problem in self.problems)
        for problem in conflicts(settings):
            if not any(path.startswith(problem.path) for path in refused):
                self.problems.append(problem)


def _single(key: Key, given: FoundValue, base: Path) -> bool | int | str:
    value: bool | int | str = given.value
    if type(value) is not key.kind:
        got = type_name(type(value))
        raise RefusedError(f"must be {key.kind_name}, got {got}")
    if isinstance(value, str):
        return _text(key, value, given.origin, base)
    if key.limits and not key.limits.least <= value <= key.limits.most:
        bounds = f"{key.limits.least} to {key.limits.most}"
        raise RefusedError(f"must be {bounds}, got {value}")
    return value


def _text(key: Key, value: str, origin: str, base: Path) -> str:
    if key.choices and value not in key.choices:
        known = ", ".join(key.choices)
        raise RefusedError(f"must be one of {known}, got {value!r}")
    if origin == FILE and has_password(key.format, value):
        raise RefusedError(f"holds a password; give it in {key.variable} instead")
    return check(key.format, value, base)
