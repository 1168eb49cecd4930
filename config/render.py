"""The configuration as text: reference file, starter file, effective values, docs page.

All texts are derived from ``config.keys``, so that no text can differ from the code.
"""

import json
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from config.checks import masked
from config.keys import DEFAULT, FILE, SITES, Key, Section, Value, sections
from config.settings import Settings

_WIDTH = 80
# The values in the written files for keys without a default.
STARTER_DOMAINS = ("shop.example",)
_EXAMPLES: dict[str, Value] = {"id": "shop", "domains": STARTER_DOMAINS}
_STARTER_HEAD = """\
# Millpond's configuration. Only a site is required. Every other line is a default,
# commented out: uncomment and change what you need, then run `millpond config check`.
# An environment variable MILLPOND__SECTION__KEY overrides a key.
"""
_REFERENCE_HEAD = """\
# Every key of millpond.toml with its default. Written by `make docs` from
# config/settings.py; start from `millpond init` instead of a copy of this file.
"""


def toml_value(value: Value) -> str:
    """Return *value* as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # TOML has the same escapes as JSON, but it also requires one for DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(toml_value, value))}]"


def reference() -> str:
    """Return the reference file: every key, its default and its meaning."""
    return _REFERENCE_HEAD + "".join(
        _section_text(section, prefix="") for section in sections()
    )


def starter() -> str:
    """Return the file that ``millpond init`` writes.

    It sets one site; every other line is commented out.
    """
    ordered = sorted(sections(), key=lambda section: section.name != SITES)
    return _STARTER_HEAD + "".join(
        _section_text(section, prefix="#") for section in ordered
    )


def _heading(section: Section) -> str:
    return f"[[{SITES}]]" if section.name == SITES else f"[{section.name}]"


def _section_text(section: Section, *, prefix: str) -> str:
    lines = ["", *_comment(section.doc), _heading(section)]
    for key in section.keys:
        value = _EXAMPLES[key.name] if key.required else key.default
        before = "" if key.required else prefix
        after = f"  # {_allowed(key)}" if _allowed(key) else ""
        lines += _comment(key.doc)
        lines.append(f"{before}{key.name} = {toml_value(value)}{after}")
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {part}" for part in wrap(text, _WIDTH, break_on_hyphens=False)]


def _allowed(key: Key) -> str:
    if key.choices:
        return " or ".join(key.choices)
    if key.limits:
        return f"{key.limits.least} to {key.limits.most}"
    return ""


def effective(settings: Settings, origins: Mapping[str, str]) -> str:
    """Return *settings* as TOML, each value with its origin; secrets are masked."""
    parts = []
    for section in sections():
        values = getattr(settings, section.name)
        tables = enumerate(values) if section.name == SITES else [(None, values)]
        for number, table in tables:
            path = section.name if number is None else f"{SITES}[{number}]"
            lines = _effective_lines(section, path, table, origins)
            parts.append("\n".join([_heading(section), *lines]))
    return "\n\n".join(parts) + "\n"


def _effective_lines(
    section: Section, path: str, table: Any, origins: Mapping[str, str]
) -> Iterator[str]:
    for key in section.keys:
        value = _masked(key, getattr(table, key.name))
        origin = origins[f"{path}.{key.name}"]
        if origin not in (DEFAULT, FILE):
            origin = f"environment {origin}"
        yield f"{key.name} = {toml_value(value)}  # {origin}"


def _masked(key: Key, value: Any) -> Any:
    if key.many:
        return tuple(masked(key.format, item) for item in value)
    return masked(key.format, value) if isinstance(value, str) else value


def page() -> str:
    """Return docs/configuration.md."""
    return _PAGE_HEAD + "".join(map(_page_section, sections()))


_PAGE_HEAD = """\
<!-- Written by `make docs` from config/settings.py; edit that file instead. -->

# Configuration

Millpond reads one TOML file, `millpond.toml` unless `--config` names another.
`millpond init` writes this file, `millpond config check` tests it, and
`millpond config show` prints the effective values and where each comes from.

- An environment variable `MILLPOND__SECTION__KEY` overrides a key, for example
  `MILLPOND__PROXY__PORT=9000`. Separate several values with commas. Sites can be
  set only in the file.
- A relative path is relative to the directory of the configuration file.
- An unknown key is an error. Millpond reports all problems at once.
- Do not put secrets in the file. A Redis URL with a password is accepted only
  from the environment. For a secret key, the file contains only the SHA-256 digest.
"""


def _page_section(section: Section) -> str:
    rows = [_row(key) for key in section.keys]
    head = "| key | default | allowed | meaning |\n|---|---|---|---|"
    return "\n".join(
        ["", f"## `{_heading(section)}`", "", section.doc, "", head, *rows, ""]
    )


def _row(key: Key) -> str:
    default = "required" if key.required else f"`{toml_value(key.default)}`"
    return f"| `{key.name}` | {default} | {_allowed(key)} | {key.doc} |"
