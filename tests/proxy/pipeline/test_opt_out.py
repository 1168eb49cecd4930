"""Every form of objection is recognized under every setting."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from config.settings import Objection as Policy
from config.settings import PrivacySettings
from proxy.pipeline.opt_out import (
    Objection,
    has_opted_out,
    parse_signals,
    resolve_objection,
)

GPC = ("Sec-GPC", "1")
DNT = ("DNT", "1")
COOKIE = ("Cookie", "noanalytics=1")

POLICIES: tuple[Policy, ...] = get_args(Policy)

# One row for each set of signals; one column for each (gpc, dnt) policy:
#   s strip, d drop, i ignore. Answers: - none, S strip, G gpc, D dnt, O opt-out.
COLUMNS = ["ss", "sd", "si", "ds", "dd", "di", "is", "id", "ii"]
MATRIX = {
    (): "-  -  -  -  -  -  -  -  -",
    (GPC,): "S  S  S  G  G  G  -  -  -",
    (DNT,): "S  D  -  S  D  -  S  D  -",
    (GPC, DNT): "S  D  S  G  G  G  S  D  -",
    (COOKIE,): "O  O  O  O  O  O  O  O  O",
    (COOKIE, GPC): "O  O  O  O  O  O  O  O  O",
    (COOKIE, DNT): "O  O  O  O  O  O  O  O  O",
    (COOKIE, GPC, DNT): "O  O  O  O  O  O  O  O  O",
}
LETTERS = {
    "-": Objection.NONE,
    "S": Objection.STRIP,
    "G": Objection.GPC,
    "D": Objection.DNT,
    "O": Objection.OPT_OUT,
}
WORDS: dict[str, Policy] = {"s": "strip", "d": "drop", "i": "ignore"}


def headers(*lines: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(lines))


@pytest.mark.parametrize("flag", [False, True], ids=["no flag", "flag"])
@pytest.mark.parametrize(
    ("lines", "column", "expected"),
    [
        pytest.param(
            lines,
            column,
            LETTERS[letter],
            id=f"{'+'.join(name for name, _ in lines) or 'nothing'} {column}",
        )
        for lines, row in MATRIX.items()
        for column, letter in zip(COLUMNS, row.split(), strict=True)
    ],
)
def test_every_policy_decides_every_signal(
    lines: tuple[tuple[str, str], ...], column: str, expected: Objection, *, flag: bool
) -> None:
    privacy = PrivacySettings(gpc=WORDS[column[0]], dnt=WORDS[column[1]])
    got = resolve_objection(parse_signals(headers(*lines)), privacy, flag)

    assert got == (Objection.OPT_OUT if flag else expected)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([("Cookie", "noanalytics=1")], True, id="alone"),
        pytest.param([("cookie", "noanalytics=1")], True, id="header in lower case"),
        pytest.param([("Cookie", "a=b; noanalytics=1; c=d")], True, id="among others"),
        pytest.param([("Cookie", "a=b;noanalytics=1")], True, id="no blank"),
        pytest.param([("Cookie", "noanalytics = 1 ")], True, id="blanks"),
        pytest.param([("Cookie", 'noanalytics="1"')], True, id="quoted"),
        pytest.param([("Cookie", "noanalytics=0; noanalytics=1")], True, id="repeated"),
        pytest.param(
            [("Cookie", "a=b"), ("Cookie", "noanalytics=1")], True, id="lines"
        ),
        pytest.param([("Cookie", "x" * 8_000 + "; noanalytics=1")], True, id="long"),
        pytest.param([("Cookie", "noanalytics=0")], False, id="taken back"),
        pytest.param([("Cookie", "noanalytics=")], False, id="empty value"),
        pytest.param([("Cookie", "noanalytics")], False, id="no value"),
        pytest.param([("Cookie", "noanalytics=10")], False, id="another value"),
        pytest.param([("Cookie", "xnoanalytics=1")], False, id="longer name"),
        pytest.param([("Cookie", "a=noanalytics=1")], False, id="inside a value"),
        pytest.param([("Cookie", "")], False, id="empty"),
        pytest.param([("X-Cookie", "noanalytics=1")], False, id="another header"),
        pytest.param([], False, id="no cookie"),
    ],
)
def test_the_opt_out_cookie_is_recognized(
    lines: list[tuple[str, str]], *, expected: bool
) -> None:
    got = has_opted_out(headers(*lines))

    assert got == expected


@pytest.mark.parametrize("name", ["Sec-GPC", "DNT", "sec-gpc", "dnt"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(["1"], Objection.STRIP, id="1"),
        pytest.param([" 1 "], Objection.STRIP, id="blanks"),
        pytest.param(["0", "1"], Objection.STRIP, id="one of two"),
        pytest.param(["0"], Objection.NONE, id="0"),
        pytest.param(["true"], Objection.NONE, id="no token of the standard"),
        pytest.param([""], Objection.NONE, id="empty"),
    ],
)
def test_a_signal_needs_the_value_1(
    name: str, values: list[str], expected: Objection
) -> None:
    lines = headers(*((name, value) for value in values))
    got = resolve_objection(parse_signals(lines), PrivacySettings(), hit_opt_out=False)

    assert got == expected


SIGNALS = st.lists(st.sampled_from([GPC, DNT, COOKIE, ("DNT", "0")]), max_size=5)


@given(
    lines=SIGNALS,
    policies=st.sampled_from(list(product(POLICIES, POLICIES))),
    flag=st.booleans(),
)
def test_a_drop_policy_never_keeps_a_hit(
    lines: list[tuple[str, str]], policies: tuple[Policy, Policy], *, flag: bool
) -> None:
    gpc, dnt = policies
    got = resolve_objection(
        parse_signals(headers(*lines)), PrivacySettings(gpc=gpc, dnt=dnt), flag
    )
    must_drop = (
        flag
        or COOKIE in lines
        or (GPC in lines and gpc == "drop")
        or (DNT in lines and dnt == "drop")
    )

    assert (got in {Objection.OPT_OUT, Objection.GPC, Objection.DNT}) == must_drop
