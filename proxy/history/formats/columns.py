"""Reads logs that name their columns: IIS and other W3C extended logs, CloudFront.

A line ``#Fields:`` names the columns of the lines after it, so a reader has a state.
"""

from datetime import UTC
from urllib.parse import unquote

from proxy.history.formats.fields import FieldNames, line_from_fields
from proxy.history.log_line import LogLine, SkipReason

_NAMES = FieldNames(
    date=("date",),
    at=("time",),
    client=("c-ip",),
    forwarded=("x-forwarded-for", "cs(x-forwarded-for)"),
    method=("cs-method",),
    target=("cs-uri-stem", "cs-uri"),
    query=("cs-uri-query",),
    status=("sc-status",),
    host=("x-host-header", "cs-host", "cs(host)"),
    size=("sc-bytes",),
    referrer=("cs(referer)",),
    agent=("cs(user-agent)",),
)
_FIELDS = b"#Fields:"
_CLOUDFRONT_COLUMN = "x-edge-location"
_AGENT = "cs(user-agent)"
_REFERRER = "cs(referer)"


class ColumnsReader:
    """Reads the lines of one file; it must also see the lines that start with ``#``."""

    def __init__(self, *, is_cloudfront: bool) -> None:
        self._is_cloudfront = is_cloudfront
        self._decode = _unquote_twice if is_cloudfront else _replace_plus
        self._columns: list[str] = []

    def read(self, line: bytes) -> LogLine | SkipReason:
        """Return the request of *line*, or why there is none."""
        if line[:1] == b"#":
            return self._read_directive(line)
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        values = text.split("\t") if "\t" in text else text.split(" ")
        if not self._columns or len(values) != len(self._columns):
            return SkipReason.UNREADABLE
        fields = dict(zip(self._columns, values, strict=True))
        for name in (_AGENT, _REFERRER):
            if name in fields:
                fields[name] = self._decode(fields[name])
        return line_from_fields(fields, _NAMES, UTC)

    def _read_directive(self, line: bytes) -> SkipReason:
        if line.startswith(_FIELDS):
            text = line.removeprefix(_FIELDS).decode("latin-1").lower()
            columns = text.split()
            is_cloudfront = _CLOUDFRONT_COLUMN in columns
            self._columns = columns if is_cloudfront == self._is_cloudfront else []
        return SkipReason.OTHER


def _replace_plus(text: str) -> str:
    """Return *text* as IIS read it; IIS writes blanks as plus signs."""
    return text.replace("+", " ")


def _unquote_twice(text: str) -> str:
    """Return *text* as CloudFront read it; some of its versions encode values twice."""
    return unquote(unquote(text))
