"""Removes what a collector of logs wrote around a line, such as syslog or Docker.

The line of the web server is between a known prefix and the end, or in a JSON object.
What is not known stays, and the reader of the format then refuses the line.
"""

import re
from typing import Any

import msgspec

_BOM = b"\xef\xbb\xbf"
_ISO = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?+(?: ?Z| ?[+-]\d\d:?\d\d)?+"
# "nginx[123]: " with an optional host before it.
_HOST_AND_TAG = rb"[^\s\"\[]++ [^\s\"\[:]++(?:\[\d++\])?+:(?: |\Z)"
_DATA = rb'(?:-|(?:\[(?:[^\]"]++|"(?:[^"\\]++|\\.)*+")*+\])++)'
_PREFIX = re.compile(
    b"|".join(
        (
            # RFC 5424: version, time, host, program, process, message id, data.
            rb"<\d{1,3}>1(?: \S++){5} " + _DATA + rb"(?: |\Z)",
            # RFC 3164, and journalctl's short formats; days 1 to 9 are padded.
            rb"(?:<\d{1,3}>)?+[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?+ "
            + _HOST_AND_TAG,
            rb"(?:<\d{1,3}>)?+" + _ISO + rb" " + _HOST_AND_TAG,
            rb"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S++ " + _HOST_AND_TAG,
            rb"\d{9,10}\.\d{6} " + _HOST_AND_TAG,
            # The container runtime of Kubernetes, and kubectl logs --prefix.
            _ISO + rb" std(?:out|err) [FP] ",
            rb"\[pod/[^\]\s]++\] ",
            # docker compose logs, and docker logs --timestamps.
            rb"[A-Za-z0-9._-]++ *+\| ",
            _ISO + rb" (?=\S)",
        )
    )
)
_DEEPEST = 4
_DECODER = msgspec.json.Decoder(dict[str, Any])


def strip_envelope(line: bytes) -> bytes:
    """Return *line* without byte order mark and without the collector's envelope."""
    line = line.removeprefix(_BOM)
    for _ in range(_DEEPEST):
        inner = _unwrap(line)
        if inner is None:
            break
        line = inner.removeprefix(_BOM)
    return line


def _unwrap(line: bytes) -> bytes | None:
    """Return the text inside one envelope, None if there is none."""
    if line[:1] == b"{":
        return _unwrap_json(line)
    if line[:1] == b'"':
        return _unwrap_csv(line)
    match = _PREFIX.match(line)
    return line[match.end() :] if match is not None else None


def _unwrap_json(line: bytes) -> bytes | None:
    """Return the line in an object of Docker's json-file or of journalctl."""
    if b'"log"' not in line and b'"MESSAGE"' not in line:
        return None
    try:
        record = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    inner = record.get("log") if "stream" in record else record.get("MESSAGE")
    if isinstance(inner, list):
        # journalctl writes text that is not UTF-8 as a list of bytes.
        try:
            return bytes(inner)
        except (TypeError, ValueError):
            return None
    return inner.encode() if isinstance(inner, str) else None


def _unwrap_csv(line: bytes) -> bytes | None:
    """Return a line that was exported as one quoted field, with doubled quotes."""
    text = line.rstrip(b"\r\n")
    if text[-1:] != b'"' or b'] ""' not in text:
        return None
    return text[1:-1].replace(b'""', b'"')
