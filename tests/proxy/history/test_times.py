"""The times of all log formats become whole UTC seconds."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from proxy.history.times import parse_stamp, parse_time

AT = 1_795_168_800
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "1795168800",
        "1795168800.524",
        "1795168800524",
        "1795168800524000",
        "1795168800524000123",
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:00:00.123456789Z",
        "2026-11-20T11:00:00+01:00",
        "2026-11-20T11:00:00.5+0100",
        "2026-11-20 10:00:00",
        "2026/11/20 10:00:00.5",
        "20/Nov/2026:10:00:00 +0000",
        "20/Nov/2026:10:00:00.655",
    ],
)
def test_a_time_is_parsed_in_each_notation(text: str) -> None:
    assert parse_time(text, UTC) == AT


@pytest.mark.parametrize(
    "text", ["", "-", "0.004", "12", "soon", "2026-11-31T10:00:00Z", "1" * 20]
)
def test_other_text_is_no_time(text: str) -> None:
    assert parse_time(text, UTC) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20 11:00:00", AT),
        ("20/Nov/2026:11:00:00.655", AT),
        ("20/Nov/2026:10:00:00 +0000", AT),
        ("2026-11-20T10:00:00Z", AT),
    ],
)
def test_only_a_time_without_an_offset_is_in_the_chosen_zone(
    text: str, expected: int
) -> None:
    assert parse_time(text, BERLIN) == expected


def test_the_zone_is_part_of_what_is_remembered() -> None:
    stamp = "20/Nov/2026:10:00:00.655"

    assert parse_stamp(stamp, UTC) == AT
    assert parse_stamp(stamp, BERLIN) == AT - 3_600
