"""The live view says, once, that no event has a visitor, and what to check."""

import msgspec
import pytest

from proxy.tail.lines import DropLine, EventLine, Line
from proxy.tail.table import FORMS
from proxy.tail.unknown_visitors import UnknownVisitors

KNOWN = EventLine(
    at="2026-11-23T12:00:00Z",
    site="shop",
    protocol="native",
    name="pageview",
    path="/",
    source=None,
    channel="direct",
    country=None,
    browser="Firefox",
    order=False,
)
UNKNOWN = msgspec.structs.replace(KNOWN, visitor=False)
DROP = DropLine(at="2026-11-23T12:00:00Z", site="shop", protocol="native", reason="bot")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([UNKNOWN] * 4, [], id="too few"),
        pytest.param([UNKNOWN] * 5, [4], id="the fifth"),
        pytest.param([UNKNOWN] * 50, [4], id="once"),
        pytest.param([UNKNOWN, DROP] * 5, [8], id="drops do not count"),
        pytest.param([UNKNOWN] * 4 + [KNOWN] + [UNKNOWN] * 9, [], id="one is known"),
        pytest.param([KNOWN] * 9, [], id="all are known"),
    ],
)
def test_five_events_without_any_visitor_bring_advice(
    lines: list[Line], expected: list[int]
) -> None:
    unknown = UnknownVisitors()
    advice = [unknown.advice(line) for line in lines]

    assert [number for number, text in enumerate(advice) if text] == expected
    assert all("private_clients" in text for text in advice if text)


def test_a_row_shows_only_that_the_visitor_is_unknown() -> None:
    table = FORMS["table"]

    assert table.row(UNKNOWN) != table.row(KNOWN)
    assert table.row(UNKNOWN).removesuffix("unknown").rstrip() == table.row(KNOWN)
    assert table.header.endswith("order  visitor\n")
    assert '"visitor":false' in FORMS["json"].row(UNKNOWN)
