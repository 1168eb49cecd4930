"""Log lines that cannot carry anything personal: one word and allow-listed fields.

Millpond logs only through ``log_event``. A line from a library is reduced to the
logger, the level and the code location, because its text may quote a request.
"""

import json
import logging
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from traceback import walk_tb
from types import TracebackType
from typing import TextIO

from config.errors import MillpondError

Value = bool | int | float | str | date | None

# The values of these fields are never taken from a request.
FIELDS = frozenset(
    {
        "attempt",
        "count",
        "database",
        "day",
        "days",
        "drops",
        "error",
        "events",
        "exit_code",
        "file",
        "files",
        "free_bytes",
        "host",
        "incarnation",
        "job",
        "kind",
        "lane",
        "logger",
        "pid",
        "port",
        "process",
        "protocol",
        "reason",
        "retry_s",
        "role",
        "rows",
        "seconds",
        "segment",
        "segments",
        "signal",
        "since",
        "site",
        "sites",
        "size_bytes",
        "state",
        "table",
        "until",
        "version",
        "where",
        "worker",
        "workers",
        "zone",
    }
)
_OUR_PACKAGES = ("config", "warehouse", "batcher", "proxy", "reports", "millpond")
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """One checked line: a word that says what happened, and its fields."""

    word: str
    fields: Mapping[str, Value]

    def __str__(self) -> str:
        """Return the line as text."""
        return " ".join([self.word, *_pairs(self.fields)])


def log_event(
    logger: logging.Logger,
    word: str,
    *,
    level: int = logging.INFO,
    error: BaseException | None = None,
    **fields: Value,
) -> None:
    """Log *word* with *fields*, and the type, code location and file of *error*.

    Raises ValueError for a word or a field name that is not allowed: it could carry
    text of a request.
    """
    # The line is checked even if the level is off, so that a test finds a wrong field.
    logger.log(level, line(word, error=error, **fields))


def line(
    word: str, *, error: BaseException | None = None, **fields: Value
) -> CheckedLine:
    """Return the checked line that ``log_event`` logs."""
    if not (word.isascii() and word.isidentifier()):
        raise ValueError("a log word is one lower_case word")
    for name in fields:
        if name not in FIELDS:
            raise ValueError(f"log field {name!r} is not in config.logs.FIELDS")
    facts = {} if error is None else _error_fields(error, error.__traceback__)
    return CheckedLine(word, {**fields, **facts, **fields})


def code_location(traceback: TracebackType | None) -> str:
    """Return module:line of the innermost frame in Millpond's code.

    Without such a frame, return the innermost one.
    """
    frames = [
        (str(frame.f_globals.get("__name__", "?")), number)
        for frame, number in walk_tb(traceback)
    ]
    own = [frame for frame in frames if frame[0].partition(".")[0] in _OUR_PACKAGES]
    for module, number in reversed(own or frames):
        return f"{module}:{number}"
    return "?"


def _error_fields(
    error: BaseException, traceback: TracebackType | None
) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "error": type(error).__name__,
        "where": code_location(traceback),
    }
    if isinstance(error, MillpondError) and error.file is not None:
        fields["file"] = str(error.file)
    return fields


def configure(
    stream: TextIO, *, json: bool | None = None, level: int = logging.INFO
) -> None:
    """Send every log line of this process to *stream*, and remove other handlers.

    Lines are JSON unless *stream* is a terminal. Uncaught errors become lines too.
    """
    root = logging.getLogger()
    root.handlers[:] = [build_handler(stream, json=json)]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # Otherwise a handler that fails prints the arguments of the line and a traceback.
    logging.raiseExceptions = False
    logger = logging.getLogger("millpond")
    sys.excepthook = lambda _, error, traceback: _log_uncaught(logger, error, traceback)
    sys.unraisablehook = lambda args: _log_uncaught(
        logger, args.exc_value, args.exc_traceback
    )
    threading.excepthook = lambda args: _log_uncaught(
        logger, args.exc_value, args.exc_traceback
    )


def _log_uncaught(
    logger: logging.Logger,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    fields = {} if error is None else _error_fields(error, traceback)
    logger.error(CheckedLine("uncaught_error", fields))


def build_handler(stream: TextIO, *, json: bool | None = None) -> logging.Handler:
    """Return the handler that ``configure`` installs."""
    handler = logging.StreamHandler(stream)
    as_json = not stream.isatty() if json is None else json
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    handler.addFilter(_is_logged)
    return handler


def _is_logged(record: logging.LogRecord) -> bool:
    return isinstance(record.msg, CheckedLine) or record.levelno >= logging.WARNING


def _line(record: logging.LogRecord) -> CheckedLine:
    if isinstance(record.msg, CheckedLine):
        return record.msg
    where = f"{record.module}:{record.lineno}"
    fields: dict[str, Value] = {"logger": record.name, "where": where}
    if record.exc_info and record.exc_info[1]:
        fields |= _error_fields(record.exc_info[1], record.exc_info[2])
    return CheckedLine("library_log", fields)


def _pairs(fields: Mapping[str, Value]) -> list[str]:
    return [f"{name}={_text(value)}" for name, value in fields.items()]


def _text(value: Value) -> str:
    plain = _plain(value)
    if isinstance(plain, str) and plain.isprintable() and plain and " " not in plain:
        return plain
    return json.dumps(plain)


def _plain(value: Value) -> bool | int | float | str | None:
    if isinstance(value, str):
        return str(value)[:_LONGEST_TEXT]
    return value.isoformat() if isinstance(value, date) else value


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class JsonFormatter(logging.Formatter):
    """Formats each record as one line of JSON, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry = _line(record)
        at = _time(record).isoformat(timespec="milliseconds")
        head = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "word": entry.word,
        }
        fields = {name: _plain(value) for name, value in entry.fields.items()}
        return json.dumps(head | fields)


class TextFormatter(logging.Formatter):
    """Formats each record as one aligned line of text, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        entry = _line(record)
        level = record.levelname.lower()
        head = f"{_time(record):%H:%M:%SZ} {level:<7} {entry.word:<18}"
        return " ".join([head, *_pairs(entry.fields)]).rstrip()
