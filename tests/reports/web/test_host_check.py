"""The reports server accepts only host names that are safe from DNS rebinding."""

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
        ("evil-stats.internal", False),
        ("evil.stats.internal", False),
        ("notlocalhost", False),
        ("evil.example:8081@localhost", False),
        ("localhost:x", False),
        ("local host", False),
        ("0x7f000001", False),
        ("", False),
        (None, False),
    ],
)
def test_only_local_or_configured_host_names_are_accepted(
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
def test_only_own_pages_may_send_requests(origin: str | None, expected: object) -> None:
    assert is_own_origin(origin, "localhost:8081") is expected
