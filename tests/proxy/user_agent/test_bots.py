"""Bots are recognized with their kind, and people's devices and software are people."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped] # ships no types
from crawleruseragents import (  # type: ignore[import-untyped] # ships no types
    CRAWLER_USER_AGENTS_DATA,
)
from is_bot import Bots  # type: ignore[import-untyped] # ships no types

from proxy.user_agent.bot_kind import MEANINGS, BotKind
from proxy.user_agent.bot_rules import (
    CORRECTED_CRAWLERS,
    CORRECTED_WORDS,
    KINDS_OF_TAGS,
    KINDS_OF_WORDS,
    OWN_RULES,
)
from proxy.user_agent.bots import BotList
from proxy.user_agent.people import without_people

DATA = Path(__file__).with_name("data")
PEOPLE = (DATA / "people.txt").read_text(encoding="utf-8").splitlines()
BOTS = [
    (BotKind(kind), header)
    for kind, _, header in (
        line.partition("\t")
        for line in (DATA / "bots.tsv").read_text(encoding="utf-8").splitlines()[1:]
    )
]
# A phone with Android 15, in the list because a scanner copied its User-Agent.
PERSON_IN_THE_LIST = "Build/AP3A.240617.008; wv"
USUAL = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)


@pytest.fixture(scope="module")
def bots() -> BotList:
    """Return one bot list for all tests."""
    return BotList()


def instances(entries: Iterable[dict[str, list[str]]]) -> set[str]:
    """Return all User-Agents that crawler-user-agents lists, without the person."""
    headers = {header for entry in entries for header in entry["instances"]}
    return {header for header in headers if PERSON_IN_THE_LIST not in header}


@pytest.mark.parametrize(("kind", "header"), BOTS)
def test_a_bot_has_its_kind(bots: BotList, kind: BotKind, header: str) -> None:
    got = bots.kind(header)

    assert got == kind


@pytest.mark.parametrize("header", ["", "-", "  ", "- -"])
def test_a_missing_user_agent_is_a_kind_of_its_own(bots: BotList, header: str) -> None:
    got = bots.kind(header)

    assert got is BotKind.NONE_GIVEN


@pytest.mark.parametrize("header", PEOPLE)
def test_people_whose_devices_and_apps_sound_like_bots_are_people(
    bots: BotList, header: str
) -> None:
    got = bots.kind(header)

    assert got is None


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"{USUAL} WebAppManager", id="LG television"),
        pytest.param(f"{USUAL} SmartNews/8.46.0", id="news in an app"),
        pytest.param(f"{USUAL} NewsBreak/24.1", id="news in another app"),
        pytest.param(f"{USUAL} Channel/googleplay", id="google allowed by its list"),
    ],
)
def test_people_with_bot_like_software_names_are_people(
    bots: BotList, header: str
) -> None:
    got = bots.kind(header)

    assert got is None


@pytest.mark.parametrize("header", PEOPLE)
def test_a_bot_that_copies_a_persons_user_agent_and_adds_its_name_is_a_bot(
    bots: BotList, header: str
) -> None:
    got = bots.kind(f"{header} (compatible; Googlebot/2.1)")

    assert got is BotKind.SEARCH_ENGINE


def test_every_bot_of_the_lists_is_detected(bots: BotList) -> None:
    headers = instances(CRAWLER_USER_AGENTS_DATA)
    missed = [header for header in headers if bots.kind(header) is None]

    assert len(headers) > 2_000
    assert missed == []


def corrected_patterns() -> list[regex.Pattern[str]]:
    """Return the patterns of both lists with the corrections, for Python's engines."""
    crawlers = [entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA]
    words = Bots().patterns
    return [
        *(regex.compile(pattern) for pattern, _ in OWN_RULES),
        *(
            regex.compile(pattern)
            for pattern in (CORRECTED_CRAWLERS.get(text, text) for text in crawlers)
            if pattern
        ),
        *(
            regex.compile(pattern, regex.IGNORECASE)
            for pattern in (CORRECTED_WORDS.get(text, text) for text in words)
            if pattern
        ),
    ]


def test_the_fast_matcher_agrees_with_the_patterns_of_the_lists(bots: BotList) -> None:
    patterns = corrected_patterns()
    # The header of a person with a part of a bot header in the middle.
    headers = [
        f"{USUAL[:60]}{header[:cut]}{USUAL[60:]}"
        for entry in CRAWLER_USER_AGENTS_DATA[::10]
        for header in entry["instances"][:1]
        for cut in (4, 9, 14)
    ]
    theirs = {
        header
        for header in headers
        for text in [without_people(header)]
        if any(pattern.search(text) for pattern in patterns)
    }
    differing = [
        header
        for header in headers
        if (bots.kind(header) is None) == (header in theirs)
    ]
    people = len(headers) - len(theirs)

    assert differing == []
    assert len(headers) // 10 < people < len(headers)


def test_every_correction_is_of_a_pattern_in_its_list() -> None:
    crawlers = {entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA}
    words = set(Bots().patterns)

    assert CORRECTED_CRAWLERS.keys() - crawlers == set()
    assert (CORRECTED_WORDS.keys() | KINDS_OF_WORDS.keys()) - words == set()


def test_every_tag_of_the_list_has_a_kind() -> None:
    tags = {tag for entry in CRAWLER_USER_AGENTS_DATA for tag in entry["tags"]}

    assert tags - KINDS_OF_TAGS.keys() == set()


def test_every_kind_has_a_meaning_and_a_bot_of_the_tests() -> None:
    kinds = {kind for kind, _ in BOTS} | {BotKind.NONE_GIVEN}

    assert set(MEANINGS) == set(BotKind)
    assert kinds == set(BotKind)
