"""Load the TOML file and the environment as checked ``Settings``.

All problems are reported together, and no report quotes a secret.
"""

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
from config.snapshot import read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSettings:
    """Checked settings, and the origin of each value by the path of its key."""

    settings: Settings
    origins: Mapping[str, str]


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file at *path*, overridden by the environment."""
    return read(path, environ).settings


def read(path: Path | None, environ: Mapping[str, str]) -> LoadedSettings:
    """Return the settings as ``load`` does, together with their origins."""
    reader = _ConfigReader(base=Path.cwd() if path is None else path.absolute().parent)
    document = {} if path is None else _load_toml(path, environ)
    settings = reader.settings(document, environ)
    if reader.problems:
        raise ConfigError(reader.problems)
    return LoadedSettings(settings=settings, origins=reader.origins)


def _load_toml(path: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    hint = None
    try:
        return tomllib.loads(read_text(path, environ))
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
    """Reads the file and the environment once, and collects every problem."""

    base: Path
    problems: list[Problem] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)

    def settings(
        self, document: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Settings:
        """Return the settings; refused values are replaced by their defaults."""
        self.check_known("", document, [section.name for section in sections()])
        environment = overrides(environ)
        self.problems += environment.problems
        parts: dict[str, Any] = {}
        for section in sections():
            table = document.get(section.name)
            if section.name == SITES:
                parts[SITES] = self.sites(section, table)
            else:
                values = self.values(section, section.name, table)
                values |= environment.values.get(section.name, {})
                parts[section.name] = self.section(section, section.name, values)
        settings = Settings(**parts)
        self.add_conflicts(settings)
        return settings

    def add_problem(self, path: str, message: str, origin: str = FILE) -> None:
        source = "" if origin in (FILE, DEFAULT) else f" (from {origin})"
        self.problems.append(Problem(path, message + source))

    def check_known(self, path: str, names: Iterable[str], known: list[str]) -> None:
        for name in names:
            if name not in known:
                full = f"{path}.{name}" if path else name
                self.add_problem(full, f"unknown key{nearest(name, known)}")

    def values(
        self, section: Section, path: str, table: object
    ) -> dict[str, FoundValue]:
        """Return the values of the known keys in one table of the file."""
        if table is None:
            return {}
        if not isinstance(table, dict):
            self.add_problem(path, f"must be a table, got {type_name(type(table))}")
            return {}
        names = [key.name for key in section.keys]
        self.check_known(path, table, names)
        return {name: FoundValue(table[name], FILE) for name in names if name in table}

    def sites(self, section: Section, tables: object) -> tuple[Any, ...]:
        """Return the settings of every [[sites]] table."""
        if tables is None:
            return ()
        if not isinstance(tables, list):
            kind = type_name(type(tables))
            self.add_problem(SITES, f"must be [[sites]] tables, got {kind}")
            return ()
        return tuple(
            self.section(section, path, self.values(section, path, table))
            for number, table in enumerate(tables)
            for path in [f"{SITES}[{number}]"]
        )

    def section(
        self, section: Section, path: str, values: Mapping[str, FoundValue]
    ) -> Any:
        """Return the settings of one section; a refused value becomes its default."""
        checked: dict[str, Any] = {}
        for key in section.keys:
            key_path = f"{path}.{key.name}"
            if key.required and key.name not in values:
                self.add_problem(key_path, "is required")
            value = values.get(key.name, key.preset)
            self.origins[key_path] = value.origin
            checked[key.name] = self.checked(key, key_path, value)
        return section.settings(**checked)

    def checked(self, key: Key, path: str, value: FoundValue) -> Any:
        """Return the checked value of a key, or its default if it is refused."""
        if not key.many:
            item = self.checked_item(key, path, value)
            return key.preset.value if item is None else item
        if not isinstance(value.value, list):
            message = f"must be an array, got {type_name(type(value.value))}"
            self.add_problem(path, message, value.origin)
            return ()
        items = [
            self.checked_item(key, f"{path}[{number}]", FoundValue(item, value.origin))
            for number, item in enumerate(value.value)
        ]
        return tuple(item for item in items if item is not None)

    def checked_item(
        self, key: Key, path: str, item: FoundValue
    ) -> bool | int | str | None:
        """Return one item in its canonical spelling, or None if it is refused."""
        if key.required and item.origin == DEFAULT:
            return None
        try:
            return _check_item(key, item, self.base)
        except RefusedError as error:
            self.add_problem(path, error.message, item.origin)
            return None

    def add_conflicts(self, settings: Settings) -> None:
        """Add the contradictions, except those that follow from a refused value."""
        refused = tuple(problem.path for problem in self.problems)
        for problem in conflicts(settings):
            if not any(path.startswith(problem.path) for path in refused):
                self.problems.append(problem)


def _check_item(key: Key, item: FoundValue, base: Path) -> bool | int | str:
    value: bool | int | str = item.value
    if type(value) is not key.kind:
        got = type_name(type(value))
        raise RefusedError(f"must be {key.kind_name}, got {got}")
    if isinstance(value, str):
        return _check_text(key, value, item.origin, base)
    if key.limits and not key.limits.least <= value <= key.limits.most:
        bounds = f"{key.limits.least} to {key.limits.most}"
        raise RefusedError(f"must be {bounds}, got {value}")
    return value


def _check_text(key: Key, value: str, origin: str, base: Path) -> str:
    if key.choices and value not in key.choices:
        known = ", ".join(key.choices)
        raise RefusedError(f"must be one of {known}, got {value!r}")
    if origin == FILE and has_password(key.format, value):
        raise RefusedError(f"contains a password; set it in {key.variable} instead")
    return check(key.format, value, base)
