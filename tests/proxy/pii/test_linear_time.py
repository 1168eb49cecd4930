"""What is searched for personal data takes time in proportion to its length.

The test compares the processor time of texts with that of texts four times as long.
With a pattern that backtracks it would be sixteen times as long, or more.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from time import thread_time

import pytest

from proxy.page.page import PageRules, parse_page
from proxy.page.path_scrub import PathScrub
from proxy.page.query import parse_query
from proxy.pii.detect import personal_kind
from proxy.user_agent.bots import BotList

# Beginnings of what the patterns look for, and the separators between them.
PARTS = (
    *("a", "A", "aA", "a1", "A1", "1a", "1", "1-", "1.", "1,", "00", "+1", "(1", "20"),
    *(
        "2020-",
        "1-1/",
        "123-",
        "4111",
        "1.111,",
        "-",
        "_",
        " ",
        "/",
        "=",
        "&",
        "%",
        "|",
    ),
    *("%25", "%41", "&amp;", "\\u0041", "=40", "@", "a@", "a at b ", "a dot ", "[at]"),
    *("a:", "f:", "::", "1:ß", "é", "ß", "1°", "①", "٣", "e\u0301", "lon", "host-1"),
    *(
        "eyJ",
        "eyJ-",
        "sk-",
        "token=",
        "GB1",
        "0x",
        "Mozilla/",
        "(X11",
        "Word",
        "word ",
        "zx",
    ),
    *("(Linux; Android 1; ", "bot ", "Build/", "FBAN/", "dv(", "Sgrunt|", "(((", ";"),
)
SHORT = 450
TIMES = 4
# Between linear (4) and quadratic (16).
LARGEST_RATIO = 9
KIND_OF_BOT = BotList().kind


def _page(text: str) -> object:
    return parse_page(
        f"https://shop.example/{text}", PageRules(domains=("shop.example",))
    )


def _scrub(text: str) -> object:
    return PathScrub().scrub(f"/{text}")


def _query(text: str) -> object:
    return parse_query(f"utm_source={text}", frozenset())


SEARCHES: dict[str, Callable[[str], object]] = {
    "personal data": personal_kind,
    "path": _scrub,
    "page": _page,
    "query": _query,
    "bots": KIND_OF_BOT,
}


def mixtures() -> Iterator[str]:
    """Yield awkward units to repeat, of several parts each."""
    dice = random.Random(25)  # noqa: S311 - the same texts in every run
    for _ in range(60):
        yield "".join(dice.choices(PARTS, k=dice.randint(2, 4)))


UNITS = [*PARTS, *mixtures()]


def seconds(search: Callable[[str], object], text: str) -> float:
    """Return the least processor time of three searches."""
    times = []
    for _ in range(3):
        began = thread_time()
        search(text)
        times.append(thread_time() - began)
    return min(times)


def worst_ratio(search: Callable[[str], object], units: Sequence[str]) -> float:
    """Return how much longer the costliest long text takes than the costliest short.

    Not unit by unit: a short text may be judged by a cheap rule, and a long one not.
    """
    repeated = [unit * (SHORT * TIMES // len(unit) + 1) for unit in units]
    short, long = (
        max(seconds(search, text[: SHORT * times] + "!") for text in repeated)
        for times in (1, TIMES)
    )
    return long / short


@pytest.mark.parametrize("name", SEARCHES)
def test_a_text_four_times_as_long_takes_about_four_times_as_long(name: str) -> None:
    # A busy machine may disturb one measurement, but not three.
    got = min(worst_ratio(SEARCHES[name], UNITS) for _ in range(3))

    assert got < LARGEST_RATIO


def test_a_pattern_that_backtracks_is_found() -> None:
    backtracking = re.compile("a*a*c")

    assert worst_ratio(backtracking.search, ["a", "b"]) > LARGEST_RATIO
