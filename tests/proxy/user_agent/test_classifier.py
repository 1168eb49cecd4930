"""A User-Agent becomes a few common words; no part of the header is stored."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.user_agent.bot_kind import BotKind
from proxy.user_agent.classifier import NO_AGENT, Classifier, UserAgent
from proxy.user_agent.device import Device
from proxy.user_agent.names import (
    BROWSER_NAMES,
    BROWSER_RULES,
    CAPTURED_BROWSERS,
    SYSTEM_NAMES,
)
from proxy.user_agent.rules import AgentRules

ROOT = Path(__file__).parents[3]
DATA = Path(__file__).with_name("data")
LOG = ROOT.parent / "shared" / "data" / "logs" / "elastic_apache_10k.log"
USUAL = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)


def known(text: str) -> str | None:
    return None if text == "-" else text


def read_expected() -> list[tuple[UserAgent, str]]:
    rows = []
    for line in (DATA / "user_agents.tsv").read_text().splitlines()[1:]:
        browser, major, system, device, header = line.split("\t")
        expected = UserAgent(
            browser=known(browser),
            browser_major=None if major == "-" else int(major),
            os=known(system),
            device=None if device == "-" else Device(device),
        )
        rows.append((expected, header))
    return rows


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """Return one classifier for all tests: it takes 250 ms to build."""
    return Classifier()


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        pytest.param(row, header, id=f"{row.browser} {row.os} {row.device} {number}")
        for number, (row, header) in enumerate(read_expected())
    ],
)
def test_people_have_a_browser_system_and_device(
    classifier: Classifier, expected: UserAgent, header: str
) -> None:
    got = classifier.classify(header)

    assert got == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [("curl/8.5.0", BotKind.LIBRARY), ("", BotKind.NONE_GIVEN)],
)
def test_only_the_kind_of_a_bot_is_kept(
    classifier: Classifier, header: str, expected: BotKind
) -> None:
    got = classifier.classify(header)

    assert got == UserAgent(bot=expected)


def test_a_real_log_has_the_bot_count_of_the_corrected_lists(
    classifier: Classifier,
) -> None:
    if not LOG.is_file():
        pytest.skip("the real access log is not here")
    counts: Counter[str] = Counter()
    for line in LOG.read_text(errors="replace").splitlines():
        quoted = re.search(r'"([^"]*)"$', line)
        if quoted is None:
            continue
        got = classifier.classify(quoted[1])
        counts["bots" if got.bot else "people"] += 1
        counts["browsers"] += got.browser is not None
        counts["systems"] += got.os is not None
        counts["devices"] += got.device is not None

    assert counts["bots"] == 2_918
    assert counts["people"] == 7_081
    assert min(counts["browsers"], counts["systems"], counts["devices"]) > 7_021


CANARY = "Canary77"


@pytest.mark.parametrize(
    "header",
    [
        f"{CANARY}/4 CFNetwork/1410.0.3 Darwin/22.6.0",
        f"{CANARY} Mozilla/5.0 (X11; Linux x86_64) {CANARY}Browser/5.1",
        f"Mozilla/5.0 (Linux; Android 14; {CANARY} Build/{CANARY}) {CANARY}",
        f"Mozilla/5.0 ({CANARY}; {CANARY} 12.1; rv:109.0) {CANARY}/109.0",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6) Mobile/15E148 [{CANARY}/iOS]",
        f"Mozilla/5.0 (X11; {CANARY}) Gecko/1 Firefox/145.0 ({CANARY}) {CANARY}/1.0",
        f"Mozilla/5.0 (X11; Linux) Firefox ({CANARY})/1.0",
        f"ArcGISRuntime-iOS/{CANARY} (iOS 18.6; {CANARY}) ArcGIS for {CANARY}",
    ],
)
def test_no_part_of_the_header_is_kept(classifier: Classifier, header: str) -> None:
    got = classifier.classify(header)

    assert CANARY.lower() not in repr(got).lower()


@given(
    parts=st.lists(
        st.text(max_size=12)
        | st.sampled_from(
            ["Chrome/142.0", "CFNetwork/1", "Android", "(", ")", "; ", "/"]
        )
        | st.from_regex(r"[A-Za-z]{1,12}/[0-9]{1,12}", fullmatch=True),
        max_size=12,
    )
)
def test_only_listed_words_and_small_numbers_are_stored(
    classifier: Classifier, parts: list[str]
) -> None:
    got = classifier.classify(" ".join(parts))

    assert got.browser is None or got.browser in BROWSERS
    assert got.os is None or got.os in set(SYSTEM_NAMES.values())
    assert got.browser_major is None or 0 <= got.browser_major <= 999


BROWSERS = (
    AgentRules((), ()).fixed_names
    | CAPTURED_BROWSERS
    | set(BROWSER_NAMES.values())
    | {name for _, name in BROWSER_RULES}
)


def test_names_with_a_placeholder_are_not_fixed_names() -> None:
    fixed = AgentRules((), ()).fixed_names

    assert "Samsung Internet" in fixed
    assert [name for name in fixed if "$" in name] == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [("142", 142), ("999", 999), ("0", 0), ("1000", None), ("4915112345678", None)],
)
def test_an_impossible_version_is_unknown(
    classifier: Classifier, version: str, expected: int | None
) -> None:
    got = classifier.classify(f"Mozilla/5.0 (X11; Linux) Firefox/{version}.0")

    assert (got.browser, got.browser_major) == ("Firefox", expected)


def test_text_past_the_limit_is_ignored() -> None:
    classifier = Classifier()
    got = [classifier.classify(USUAL + " " * 2_000 + tail) for tail in ("a", "bot", "")]

    assert len(set(got)) == 1
    assert got[0].browser == "Chrome"
    assert classifier.cached == 1


def test_the_cache_is_bounded_and_can_be_cleared() -> None:
    classifier = Classifier()
    for number in range(5_000):
        classifier.classify(f"x{number}")
    full = classifier.cached
    classifier.forget()

    assert 0 < full < 5_000
    assert classifier.cached == 0


def test_a_classifier_shows_no_header() -> None:
    classifier = Classifier()
    classifier.classify(f"Mozilla/5.0 {CANARY}")

    assert CANARY not in f"{classifier!r} {vars(classifier)}"
    assert repr(NO_AGENT).count("None") == 5


GROWTH = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from proxy.user_agent.classifier import Classifier
classifier = Classifier()
for number in range(20_000):
    classifier.classify(f"Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0 {number}")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_all_lists_use_less_than_50_mb() -> None:
    process = subprocess.run(
        [sys.executable, "-c", GROWTH],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )

    assert int(process.stdout) < 50
