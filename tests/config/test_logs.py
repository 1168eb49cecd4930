"""A log line is one word and allow-listed fields, whoever writes it."""

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
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return what a terminal returns."""
        return True


Open = Callable[[io.StringIO], logging.Logger]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return a function that opens a logger of its own on a stream."""
    logger = logging.getLogger("tests.logs")
    logger.propagate = False
    logger.setLevel(logging.INFO)

    def open_on(stream: io.StringIO) -> logging.Logger:
        logger.addHandler(build_handler(stream))
        return logger

    yield open_on
    logger.handlers.clear()


def fail() -> None:
    """Raise an error whose text must not be logged."""
    raise LookupError(CANARY)


def caught() -> LookupError:
    """Return an error that went through a frame of ours and one of a test."""
    try:
        fail()
    except LookupError as error:
        return error
    raise AssertionError


def test_a_line_is_json_when_the_stream_is_no_terminal(opened: Open) -> None:
    stream = io.StringIO()
    log_event(opened(stream), "segment_sealed", segment=42, events=913, site="shop")
    got = json.loads(stream.getvalue())

    assert got.pop("at").endswith("Z")
    assert got == {
        "level": "info",
        "word": "segment_sealed",
        "segment": 42,
        "events": 913,
        "site": "shop",
    }


def test_a_line_is_aligned_text_on_a_terminal(opened: Open) -> None:
    stream = TerminalOutput()
    log_event(
        opened(stream), "segment_sealed", segment=42, state="all done", reason=None
    )

    assert stream.getvalue()[8:] == (
        'Z info    segment_sealed     segment=42 state="all done" reason=null\n'
    )


def test_a_field_that_is_not_allowed_is_refused_by_name(opened: Open) -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="'user_agent' is not in") as refused:
        log_event(opened(stream), "hit", user_agent=CANARY)

    assert CANARY not in str(refused.value)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("word", ["", "two words", f"hit {CANARY}", "a=b", "é"])
def test_a_word_that_is_no_word_is_refused_and_not_quoted(word: str) -> None:
    with pytest.raises(ValueError, match="one lower_case word"):
        line(word)


def test_no_field_is_named_like_something_personal() -> None:
    personal = """
        actor address client cookie email id ip message order_id path query
        referrer salt text url user user_agent visitor
    """

    assert FIELDS & set(personal.split()) == set()


def test_of_an_error_only_its_type_and_place_are_logged(opened: Open) -> None:
    stream = io.StringIO()
    log_event(opened(stream), "job_failed", job="load", error=caught())
    got = json.loads(stream.getvalue())

    assert (got["error"], got["job"]) == ("LookupError", "load")
    assert got["where"].startswith("tests.config.test_logs:")
    assert CANARY not in stream.getvalue()


def test_a_library_s_line_keeps_its_place_and_loses_its_text(opened: Open) -> None:
    stream = io.StringIO()
    logger = opened(stream)
    logger.error("request from %s failed", CANARY)
    logger.error(CANARY, exc_info=caught())
    first, second = map(json.loads, stream.getvalue().splitlines())

    assert (first["word"], first["logger"]) == ("library_log", "tests.logs")
    assert first["where"].startswith("test_logs:")
    assert second["error"] == "LookupError"
    assert "203.0.113" not in stream.getvalue()


def test_a_library_s_chatter_is_left_out(opened: Open) -> None:
    stream = io.StringIO()
    opened(stream).info("added job")

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "stream", [io.StringIO(), TerminalOutput()], ids=["json", "text"]
)
def test_a_line_stays_one_line(stream: io.StringIO, opened: Open) -> None:
    log_event(opened(stream), "salt_destroyed", zone="a\nb\x1b[2J" + "x" * 1000)
    got = stream.getvalue()

    assert got.count("\n") == 1
    assert "\x1b" not in got
    assert len(got) < 400


def test_a_level_below_the_logger_s_says_nothing(opened: Open) -> None:
    stream = io.StringIO()
    logger = opened(stream)
    logger.setLevel(logging.WARNING)
    log_event(logger, "segment_sealed")
    with pytest.raises(ValueError, match="'bytes' is not in"):
        log_event(logger, "segment_sealed", bytes=1)
    log_event(logger, "segment_torn", level=logging.WARNING)

    assert json.loads(stream.getvalue())["word"] == "segment_torn"


def test_a_line_reads_as_text_where_a_test_looks_at_it() -> None:
    assert str(CheckedLine("loaded", {"events": 3})) == "loaded events=3"


def test_an_error_that_was_never_raised_has_no_place() -> None:
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
            id="line that cannot be formatted",
        ),
    ],
)
def test_nothing_a_process_prints_quotes_input(source: str, tmp_path: Path) -> None:
    printed = ran(f"configure(sys.stderr)\n{source}\n", tmp_path)
    word = json.loads(printed.splitlines()[0])["word"]

    assert "Canary" not in printed
    assert word in ("uncaught_error", "library_log")


def test_a_line_that_cannot_be_written_is_not_printed_instead(tmp_path: Path) -> None:
    source = """
import logging, os
stream = open(os.devnull, "w")
configure(stream)
stream.close()
logging.getLogger("x").error(text)
"""
    printed = ran(source, tmp_path)

    assert printed == ""


def ran(source: str, directory: Path) -> str:
    """Return all that a process running *source* prints."""
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


def test_an_error_of_ours_says_which_file_it_is_about() -> None:
    error = MillpondError("load", file=Path("/srv/x"))

    assert line("failed", error=error).fields["file"] == "/srv/x"
    assert line("failed", error=error, file="/srv/y").fields["file"] == "/srv/y"
    assert "file" not in line("failed", error=OSError(2, "", "/srv/x")).fields
    assert "file" not in line("failed", error=MillpondError("load")).fields
