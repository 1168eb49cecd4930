"""An event name is short and printable and contains no personal data."""

import pytest

from proxy.pipeline.commerce_names import CommerceName
from proxy.pipeline.event_name import forget_names, is_event_name

LONGEST = "newsletter form on the lower half of the second page opened once"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("pageview", id="plain"),
        pytest.param("a", id="one letter"),
        pytest.param("Video played", id="words"),
        pytest.param("cta:hero/left & right+more-or.less", id="signs"),
        pytest.param("price in US$", id="currency sign"),
        pytest.param("наушники", id="any script"),
        pytest.param(LONGEST, id="the longest"),
        pytest.param("step 2 of 3", id="small numbers"),
    ],
)
def test_an_ordinary_event_name_is_accepted(name: str) -> None:
    assert is_event_name(name)


@pytest.mark.parametrize("name", CommerceName)
def test_the_commerce_names_are_accepted(name: str) -> None:
    assert is_event_name(name)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="blank"),
        pytest.param(" name", id="leading space"),
        pytest.param(LONGEST + "s", id="too long"),
        pytest.param("<script>", id="markup"),
        pytest.param('say "hi"', id="quotes"),
        pytest.param("two\nlines", id="line break"),
        pytest.param("name\x00", id="NUL"),
        pytest.param("\u202ename", id="turned around"),
        pytest.param("na\ud800me", id="half a surrogate"),
        pytest.param("jane@mail.example", id="e-mail"),
        pytest.param("login jane@mail.example", id="e-mail in words"),
        pytest.param("call +49 170 1234567", id="telephone number"),
        pytest.param("192.0.2.7", id="address"),
        pytest.param("d2f5ecc1b0b94a01a07a35a8f5a1e1c2", id="token"),
        pytest.param("=1+1", id="formula"),
        pytest.param("=cmd()", id="call"),
        pytest.param("_private", id="underscore in front"),
        pytest.param("$pageview", id="a vendor's own"),
    ],
)
def test_any_other_name_is_rejected(name: str) -> None:
    assert not is_event_name(name)


def test_clearing_the_name_cache_changes_no_result() -> None:
    is_event_name("pageview")
    forget_names()

    assert is_event_name("pageview")
