"""Addresses in the fields of a log are found in lists and behind masks."""

import pytest

from proxy.history.hops import is_masked, read_hops


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("198.51.100.7", ("198.51.100.7",)),
        ("2001:db8::7", ("2001:db8::7",)),
        ("198.51.100.7:55012", ("198.51.100.7:55012",)),
        ("198.51.100.7, 10.0.0.1", ("10.0.0.1", "198.51.100.7")),
        ('"198.51.100.7"', ("198.51.100.7",)),
        ("unknown, 198.51.100.7", ("198.51.100.7",)),
        ("198.51.100.x", ("198.51.100.0",)),
        ("198.51.100.XXX", ("198.51.100.0",)),
        ("198.51.*.*", ("198.51.0.0",)),
        ("198.xxx.xxx.xxx", ("198.0.0.0",)),
        ("198.51.100.x.x", ()),
        ("198.51.x", ()),
        ("998.51.100.x", ()),
        ("198.51.100", ()),
        ("-", ()),
        ("a.isp.example", ()),
        ("198.51.100.7, a.isp.example", ()),
        ("1.2.3.4," * 500, ()),
    ],
)
def test_a_field_of_addresses_is_read(field: str, expected: tuple[str, ...]) -> None:
    assert read_hops(field) == expected


@pytest.mark.parametrize(
    ("hop", "expected"),
    [
        ("198.51.100.0", True),
        ("2001:db8::", True),
        ("198.51.100.10", False),
        ("2001:db8::7", False),
    ],
)
def test_an_address_that_ends_with_zero_is_masked(hop: str, *, expected: bool) -> None:
    assert is_masked(hop) is expected
