"""The private server answers names nobody else can point at it, and its own pages."""

import pytest

from reports.web.host_check import is_own_host, is_own_origin


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:8081", True),
        ("LOCALHOST.:8081", True),
        ("127.0.0.1:8081", True),
        ("[::1]:8081", True),
        ("10.1.2.3", True),
        ("stats.internal:8081", True),
        ("Stats.Internal", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("stats.internal.evil.example", False),
        ("evil.example:8081@localhost", False),
        ("localhost:x", False),
        ("local host", False),
        ("0x7f000001", False),
        ("", False),
        (None, False),
    ],
)
def test_only_names_that_cannot_be_pointed_here_are_answered(
    host: str | None, expected: object
) -> None:
    assert is_own_host(host, "stats.internal") is expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, True),
        ("http://localhost:8081", True),
        ("http://LOCALHOST:8081", True),
        ("http://localhost:9000", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        ("http://[bad", False),
    ],
)
def test_only_the_servers_own_pages_may_ask(
    origin: str | None, expected: object
) -> None:
    assert is_own_origin(origin, "localhost:8081") is expected
