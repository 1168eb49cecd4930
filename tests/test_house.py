"""House rules that no linter checks: sizes, words, empty packages, log lines."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from config.keys import sections
from config.logs import FIELDS
from millpond import PARTS, LazyGroup
from warehouse.schema import TABLES

ROOT = Path(__file__).parents[1]
PACKAGES = ("config", "warehouse", "batcher", "proxy", "reports")
LONGEST_FILE = 400
LONGEST_FUNCTION = 50

# Each meaning has one word: use the word on the right for the word on the left.
SYNONYMS = {
    "beacon": "hit",
    "ping": "hit",
    "page_view": "pageview",
    "page_views": "pageviews",
    "user": "visitor",
    "uid": "visitor",
    "client_id": "visitor",
    "fingerprint": "visitor",
    "customer": "actor",
    "visit": "session",
    "visits": "sessions",
    "landing": "entry",
    "project": "site",
    "property": "props",
    "referer": "referrer",
    "pepper": "salt",
    "seed": "salt",
    "queue": "spool",
    "wal": "spool",
    "task": "job",
    "etl": "load",
    "dataset": "table",
    "reject": "drop",
    "rejected": "dropped",
    "dlq": "quarantine",
    "util": "what it is for",
    "utils": "what it is for",
    "common": "what it is for",
    "helper": "what it is for",
    "helpers": "what it is for",
    "manager": "what it is for",
}
# Established names that are allowed as a whole.
ALLOWED = ("user_agent", "useragent", "customer_registered", "visit_token")


def python_files(*folders: str) -> list[Path]:
    """Return the Python files of *folders*, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative_path(path: Path) -> str:
    """Return the path of a file relative to the repository."""
    return str(path.relative_to(ROOT))


PRODUCT_FILES = [ROOT / "millpond.py", *python_files(*PACKAGES)]
ALL_FILES = [*PRODUCT_FILES, *python_files("tests", "benchmarks", "docs")]


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def synonyms(names: list[str]) -> list[str]:
    """Return the complaints about *names*."""
    return [
        f"{name}: say {word} for {synonym}"
        for name in names
        for synonym, word in SYNONYMS.items()
        if f"_{synonym}_" in snake_case(name.rpartition(".")[2])
    ]


def snake_case(name: str) -> str:
    """Return a name as _words_between_underscores_, without the allowed words."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    for allowed in ALLOWED:
        snake = snake.replace(allowed, "_")
    return f"_{snake}_"


def public_names(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that a module or class defines, and those in its classes."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name, body=inner):
                yield name
                yield from (f"{name}.{part}" for part in public_names(inner))
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


@pytest.mark.parametrize("path", ALL_FILES, ids=relative_path)
def test_a_file_is_within_the_limit(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=relative_path)
def test_a_function_is_within_the_limit(path: Path) -> None:
    long = [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]

    assert long == []


@pytest.mark.parametrize(
    "path",
    [path for path in ALL_FILES if path.name == "__init__.py"],
    ids=relative_path,
)
def test_a_package_file_is_empty(path: Path) -> None:
    assert path.read_bytes() == b""


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=relative_path)
def test_public_names_use_the_words_of_the_glossary(path: Path) -> None:
    names = [*path.relative_to(ROOT).with_suffix("").parts]
    names += [name for name in public_names(tree(path).body) if name[0] != "_"]

    assert synonyms(names) == []


def test_columns_use_the_words_of_the_glossary() -> None:
    names = [f"{table.name}.{field}" for table in TABLES for field in fields_of(table)]

    assert synonyms(names) == []


def fields_of(table: object) -> tuple[str, ...]:
    """Return the columns of a table."""
    columns: tuple[str, ...] = table.row.__struct_fields__  # type: ignore[attr-defined]
    return columns


def test_settings_use_the_words_of_the_glossary() -> None:
    assert synonyms([key.path for part in sections() for key in part.keys]) == []


@pytest.mark.parametrize("part", PARTS)
def test_options_use_the_words_of_the_glossary(part: str) -> None:
    command = LazyGroup().get_command(click.Context(LazyGroup()), part)
    assert command is not None

    assert synonyms(options(command)) == []


def options(command: click.Command) -> list[str]:
    """Return the names of a command, its subcommands and all their parameters."""
    names = [command.name or "", *(option.name or "" for option in command.params)]
    for inner in getattr(command, "commands", {}).values():
        names += options(inner)
    return names


@pytest.mark.parametrize("path", ALL_FILES, ids=relative_path)
def test_a_to_do_mark_names_its_issue(path: Path) -> None:
    # Built from two halves, so that this file contains no such mark.
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b(?!\(#\d+\))")

    assert mark.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=relative_path)
def test_a_log_line_is_a_literal_word_and_allowed_fields(path: Path) -> None:
    complaints = [
        f"line {node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "log_event"
        and not has_allowed_fields(node)
    ]

    assert complaints == []


@pytest.mark.parametrize(
    "path",
    [path for path in PRODUCT_FILES if path != ROOT / "warehouse" / "frames.py"],
    ids=relative_path,
)
def test_only_one_module_chooses_the_engine_that_collects_frames(
    path: Path,
) -> None:
    complaints = [
        f"line {node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and is_bare_collect(node)
    ]

    assert complaints == []


def is_bare_collect(call: ast.Call) -> bool:
    """Return whether *call* lets Polars choose the engine."""
    match call.func:
        case ast.Attribute(attr="collect_all" | "collect_async" | "collect_batches"):
            return True
        case ast.Attribute(value=ast.Name(id="gc")):
            return False
        # ``TableView.collect`` has an argument; the method of a frame has none.
        case ast.Attribute(attr="collect"):
            return not call.args
    return False


def has_allowed_fields(call: ast.Call) -> bool:
    """Return whether a call of ``log_event`` has a literal word and allowed fields."""
    word = call.args[1] if len(call.args) > 1 else None
    allowed = FIELDS | {"level", "error"}
    return isinstance(word, ast.Constant) and all(
        keyword.arg in allowed for keyword in call.keywords
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UserAgent", []),
        ("user_agent", []),
        ("page_view", ["page_view: say pageview for page_view"]),
        ("UserId", ["UserId: say visitor for user"]),
        ("Event.referer", ["Event.referer: say referrer for referer"]),
        ("ping-ms", ["ping-ms: say hit for ping"]),
    ],
)
def test_the_glossary_is_applied_word_by_word(name: str, expected: list[str]) -> None:
    assert synonyms([name]) == expected
