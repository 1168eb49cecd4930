"""``millpond``: imports little, reports errors clearly, and never quotes input."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from config.errors import MillpondError
from millpond import PARTS, UNEXPECTED_EXIT_CODE, command_line, run

ROOT = Path(__file__).parents[1]
CANARY = "203.0.113.77"

Captured = pytest.CaptureFixture[str]


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it."""
    context = click.Context(command_line)
    waiting: list[tuple[str, click.Command]] = [("", command_line)]
    while waiting:
        words, command = waiting.pop()
        yield f"millpond{words}", command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                part = PARTS.get(name)
                if command is command_line and part and not exists(part[0]):
                    continue
                subcommand = command.get_command(context, name)
                assert subcommand is not None
                waiting.append((f"{words} {name}", subcommand))


def exists(place: str) -> bool:
    """Return whether the module that *place* names exists."""
    return find_spec(place.partition(":")[0]) is not None


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"polars", "deltalake", "aiohttp", "apscheduler", "redis"}),
        (["config", "--help"], {"polars", "deltalake", "aiohttp", "apscheduler"}),
        (["proxy", "run", "--help"], {"polars", "deltalake", "apscheduler"}),
    ],
    ids=["all", "config", "proxy"],
)
def test_help_imports_nothing_heavy(arguments: list[str], heavy: set[str]) -> None:
    program = (
        "import sys\nfrom millpond import run\nrun(sys.argv[1:])\n"
        f"sys.exit(', '.join({heavy} & sys.modules.keys()) or 0)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert completed.returncode == 0, completed.stderr


def test_the_help_lists_every_part_in_data_flow_order(capsys: Captured) -> None:
    exit_code = run(["--help"])
    out = capsys.readouterr().out
    listed = [row.split()[0] for row in out.split("Commands:\n")[1].splitlines() if row]

    assert exit_code == 0
    assert listed[: len(PARTS)] == list(PARTS)


def test_every_help_has_a_text_and_ends_with_an_example() -> None:
    got = [words for words, command in commands() if not is_helpful(words, command)]

    assert got == []


def is_helpful(words: str, command: click.Command) -> bool:
    """Return whether the help of *command* has a text and an example that calls it."""
    epilog = command.epilog or ""
    return bool(command.help) and epilog.startswith("\b\nExample") and words in epilog


def test_an_unknown_command_is_a_usage_error(capsys: Captured) -> None:
    exit_code = run(["porxy"])

    assert exit_code == 2
    assert "No such command 'porxy'" in capsys.readouterr().err


class ExampleError(MillpondError):
    """An error with a message, a hint and an exit code of its own."""

    exit_code = 3


@pytest.mark.parametrize(
    ("error", "exit_code", "expected"),
    [
        pytest.param(
            ExampleError("load segment 42: torn", hint="see docs"),
            3,
            "millpond: load segment 42: torn\n  hint: see docs\n",
            id="MillpondError",
        ),
        pytest.param(KeyboardInterrupt(), 130, "", id="Ctrl-C"),
        pytest.param(click.Abort(), 130, "", id="Ctrl-C at a prompt"),
        pytest.param(
            click.UsageError("name a site"), 2, "Error: name a site\n", id="usage"
        ),
    ],
)
def test_an_error_is_printed_and_sets_the_exit_code(
    error: BaseException,
    exit_code: int,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setattr(command_line, "main", raising(error))
    got = run([])

    assert got == exit_code
    assert capsys.readouterr() == ("", expected)


def test_an_unexpected_error_is_printed_by_type_and_place_only(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(command_line, "main", raising(LookupError(CANARY)))
    exit_code = run([])
    message = capsys.readouterr().err

    assert exit_code == 70
    assert message.startswith("millpond: unexpected LookupError at millpond:")
    assert CANARY not in message


def raising(error: BaseException) -> object:
    """Return a function that raises *error* for any arguments."""

    def raise_error(*_: object, **__: object) -> None:
        raise error

    return raise_error


@pytest.mark.parametrize(
    ("result", "expected"),
    [(None, 0), (0, 0), (1, 1), ("text", 0)],
)
def test_a_command_that_returns_a_number_ends_with_it(
    result: object, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "main", lambda *_, **__: result)

    assert run([]) == expected


def test_a_part_that_cannot_be_imported_does_not_affect_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setitem(PARTS, "proxy", ("proxy.not_there:proxy", "Nothing."))

    assert run(["proxy"]) == UNEXPECTED_EXIT_CODE
    assert "unexpected ModuleNotFoundError" in capsys.readouterr().err
    assert run(["config", "--help"]) == 0


def test_a_closed_output_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    completed = subprocess.run(
        [sys.executable, "-m", "millpond", "config", "--help"],
        check=False,
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)

    assert (completed.returncode, completed.stderr) == (1, "")


def test_the_version_is_the_installed_one(capsys: Captured) -> None:
    try:
        installed = version("millpond")
    except PackageNotFoundError:
        pytest.skip("millpond is not installed here; `make setup` installs it")

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"millpond, version {installed}\n"
