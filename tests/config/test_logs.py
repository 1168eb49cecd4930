"""Every log line is one word with allow-listed fields."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.errors import MillpondError
from config.logs import (
    FIELDS,
    CheckedLine,
    build_handler,
    code_location,
    line,
    log_event,
)

CANARY = "203.0.113.77 CanaryUA me@example.org"


class TerminalOutput(io.StringIO):
    """A stream that reports to be a terminal."""

    def isatty(self) -> bool:
        """Return True, like a terminal."""
        return True


Open = Callable[[io.StringIO], logging.Logger]


@pytest.fixture
def open_logger() -> Iterator[Open]:
    """Yield a function that opens a separate logger on a stream."""
    logger = logging.getLogger("tests.logs")
    logger.propagate = False
    logger.setLevel(logging.INFO)

    def open_on(stream: io.StringIO) -> logging.Logger:
        logger.addHandler(build_handler(stream))
        return logger

    yield open_on
    logger.handlers.clear()


def fail() -> None:
    """Raise an error with a text that must not be logged."""
    raise LookupError(CANARY)


def raised_error() -> LookupError:
    """Return an error with a traceback."""
    try:
        fail()
    except LookupError as error:
        return error
    raise AssertionError


def test_a_line_is_json_if_the_stream_is_no_terminal(open_logger: Open) -> None:
    stream = io.StringIO()
    log_event(
        open_logger(stream), "segment_sealed", segment=42, events=913, site="shop"
    )
    got = json.loads(stream.getvalue())

    assert got.pop("at").endswith("Z")
    assert got == {
        "level": "info",
        "word": "segment_sealed",
        "segment": 42,
        "events": 913,
        "site": "shop",
    }


def test_a_line_is_aligned_text_on_a_terminal(open_logger: Open) -> None:
    stream = TerminalOutput()
    log_event(
        open_logger(stream), "segment_sealed", segment=42, state="all done", reason=None
    )

    assert stream.getvalue()[8:] == (
        'Z info    segment_sealed     segment=42 state="all done" reason=null\n'
    )


def test_a_field_that_is_not_allowed_is_refused(open_logger: Open) -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="'user_agent' is not in") as refused:
        log_event(open_logger(stream), "hit", user_agent=CANARY)

    assert CANARY not in str(refused.value)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("word", ["", "two words", f"hit {CANARY}", "a=b", "é"])
def test_an_invalid_word_is_refused_and_not_quoted(word: str) -> None:
    with pytest.raises(ValueError, match="one lower_case word"):
        line(word)


def test_no_field_has_the_name_of_personal_data() -> None:
    personal = """
        actor address client cookie email id ip message order_id path query
        referrer salt text url user user_agent visitor
    """

    assert FIELDS & set(personal.split()) == set()


def test_an_error_is_logged_by_type_and_place_only(open_logger: Open) -> None:
    stream = io.StringIO()
    log_event(open_logger(stream), "job_failed", job="load", error=raised_error())
    got = json.loads(stream.getvalue())

    assert (got["error"], got["job"]) == ("LookupError", "load")
    assert got["where"].startswith("tests.config.test_logs:")
    assert CANARY not in stream.getvalue()


def test_a_library_line_is_logged_with_its_place_and_without_its_text(
    open_logger: Open,
) -> None:
    stream = io.StringIO()
    logger = open_logger(stream)
    logger.error("request from %s failed", CANARY)
    logger.error(CANARY, exc_info=raised_error())
    first, second = map(json.loads, stream.getvalue().splitlines())

    assert (first["word"], first["logger"]) == ("library_log", "tests.logs")
    assert first["where"].startswith("test_logs:")
    assert second["error"] == "LookupError"
    assert "203.0.113" not in stream.getvalue()


def test_an_info_line_of_a_library_is_not_logged(open_logger: Open) -> None:
    stream = io.StringIO()
    open_logger(stream).info("added job")

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "stream", [io.StringIO(), TerminalOutput()], ids=["json", "text"]
)
def test_control_characters_do_not_break_a_line(
    stream: io.StringIO, open_logger: Open
) -> None:
    log_event(open_logger(stream), "salt_destroyed", zone="a\nb\x1b[2J" + "x" * 1000)
    got = stream.getvalue()

    assert got.count("\n") == 1
    assert "\x1b" not in got
    assert len(got) < 400


def test_an_event_below_the_level_is_checked_but_not_logged(open_logger: Open) -> None:
    stream = io.StringIO()
    logger = open_logger(stream)
    logger.setLevel(logging.WARNING)
    log_event(logger, "segment_sealed")
    with pytest.raises(ValueError, match="'bytes' is not in"):
        log_event(logger, "segment_sealed", bytes=1)
    log_event(logger, "segment_torn", level=logging.WARNING)

    assert json.loads(stream.getvalue())["word"] == "segment_torn"


def test_a_checked_line_has_a_text_form() -> None:
    assert str(CheckedLine("loaded", {"events": 3})) == "loaded events=3"


def test_an_error_without_a_traceback_has_no_place() -> None:
    assert code_location(None) == "?"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("raise LookupError(text)", id="uncaught"),
        pytest.param(
            "import threading\n"
            "def f(): raise LookupError(text)\n"
            "t = threading.Thread(target=f); t.start(); t.join()",
            id="in a thread",
        ),
        pytest.param(
            "class C:\n    def __del__(self): raise LookupError(text)\nC()",
            id="in a finalizer",
        ),
        pytest.param("import warnings; warnings.warn(text)", id="warning"),
        pytest.param(
            "import logging; logging.getLogger('x').error('%d', text)",
            id="a line that cannot be formatted",
        ),
    ],
)
def test_no_output_of_a_process_quotes_input(source: str, tmp_path: Path) -> None:
    printed = output_of(f"configure(sys.stderr)\n{source}\n", tmp_path)
    word = json.loads(printed.splitlines()[0])["word"]

    assert "Canary" not in printed
    assert word in ("uncaught_error", "library_log")


def test_a_line_that_cannot_be_written_is_not_printed_elsewhere(tmp_path: Path) -> None:
    source = """
import logging, os
stream = open(os.devnull, "w")
configure(stream)
stream.close()
logging.getLogger("x").error(text)
"""
    printed = output_of(source, tmp_path)

    assert printed == ""


def output_of(source: str, directory: Path) -> str:
    """Run *source* in a process, and return its output."""
    script = directory / "script.py"
    script.write_text(
        f"import sys\nfrom config.logs import configure\ntext = {CANARY!r}\n{source}",
        encoding="utf-8",
    )
    process = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return process.stdout


def test_a_millpond_error_adds_its_file_to_the_line() -> None:
    error = MillpondError("load", file=Path("/srv/x"))

    assert line("failed", error=error).fields["file"] == "/srv/x"
    assert line("failed", error=error, file="/srv/y").fields["file"] == "/srv/y"
    assert "file" not in line("failed", error=OSError(2, "", "/srv/x")).fields
    assert "file" not in line("failed", error=MillpondError("load")).fields
