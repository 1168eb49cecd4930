"""Every key of the configuration, derived from the classes in ``config.settings``.

Loading, rendering and the docs use this list, so that no key is spelled twice.
"""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from config.settings import Doc, Format, Limits, Settings, SiteSettings

SITES = "sites"
ENVIRONMENT_PREFIX = "MILLPOND__"
DEFAULT = "default"
FILE = "file"

# The types of a key's value; a tuple for keys with many values.
Value = bool | int | str | tuple[str, ...]

_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a fraction",
    str: "a string",
    list: "an array",
    dict: "a table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: its type, its bounds, its default and its meaning."""

    section: str
    name: str
    kind: type[bool | int | str]
    many: bool = False
    choices: tuple[str, ...] = ()
    doc: str
    limits: Limits | None = None
    format: str | None = None
    required: bool = False
    default: Value

    @property
    def preset(self) -> "FoundValue":
        """The value where none is set; a required key has an empty one."""
        default = self.default
        return FoundValue(
            list(default) if isinstance(default, tuple) else default, DEFAULT
        )

    @property
    def kind_name(self) -> str:
        """The type of one value, as messages and docs call it."""
        return type_name(self.kind)

    @property
    def path(self) -> str:
        """The full name of the key in messages and docs."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that overrides the key."""
        return f"{ENVIRONMENT_PREFIX}{self.section}__{self.name}".upper()


@dataclass(frozen=True, slots=True)
class FoundValue:
    """An unchecked value of a key; *origin* is the file, a variable or the default."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of the configuration file."""

    name: str
    doc: str
    settings: type[Any]
    keys: tuple[Key, ...]


@cache
def sections() -> tuple[Section, ...]:
    """Return the sections of the file in the order of ``Settings``, sites last."""
    hints = get_type_hints(Settings)
    classes = {
        entry.name: SiteSettings if entry.name == SITES else hints[entry.name]
        for entry in fields(Settings)
    }
    return tuple(_section(name, settings) for name, settings in classes.items())


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question that suggests the known name closest to *name*.

    The text is empty if no known name is close.
    """
    matches = get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def type_name(kind: type) -> str:
    """Return the words for a TOML value of *kind* in messages."""
    return _TYPE_NAMES.get(kind, "a date or time")


def _section(name: str, settings: type[Any]) -> Section:
    hints = get_type_hints(settings, include_extras=True)
    keys = tuple(
        read_key(name, entry.name, hints[entry.name], entry.default)
        for entry in fields(settings)
    )
    doc = (settings.__doc__ or "").strip()
    return Section(name=name, doc=doc, settings=settings, keys=keys)


def read_key(section: str, name: str, hint: Any, default: Any) -> Key:
    """Return the key that an annotation and a default describe."""
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{section}.{name} has no Doc")
    kind, *facts = get_args(hint)
    kind, many = _item_kind(kind)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return Key(
        section=section,
        name=name,
        kind=str if choices else kind,
        many=many,
        choices=choices,
        doc=next(fact.text for fact in facts if isinstance(fact, Doc)),
        limits=next((fact for fact in facts if isinstance(fact, Limits)), None),
        format=next((fact.name for fact in facts if isinstance(fact, Format)), None),
        required=default is MISSING,
        default=(() if many else "") if default is MISSING else default,
    )


def _item_kind(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) is not tuple:
        return kind, False
    item, rest = get_args(kind)
    if rest is not Ellipsis or item in (Any, NoneType):
        raise TypeError("a setting with many values is a tuple[item, ...]")
    return item, True
