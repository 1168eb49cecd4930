"""Every visit has one channel, from the first matching rule."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.channel import DIRECT, INTERNAL, Acquisition, Channels, Rule
from proxy.page.click_ids import CLICK_IDS
from proxy.page.sources import SourceClass

SEARCH = SourceClass.SEARCH
SOCIAL = SourceClass.SOCIAL
VIDEO = SourceClass.VIDEO
SHOPPING = SourceClass.SHOPPING
AI = SourceClass.AI
ADS = SourceClass.ADS
CHANNELS = Channels()

CASES = [
    ("direct", Acquisition()),
    ("direct", Acquisition(source="(direct)", medium="(none)")),
    ("referral", Acquisition(referrer=True)),
    ("referral", Acquisition(medium="referral", source="partner")),
    ("referral", Acquisition(kind=SourceClass.OTHER, referrer=True)),
    ("unassigned", Acquisition(source="somebody", referrer=True)),
    ("unassigned", Acquisition(source="somebody", medium="something")),
    ("organic_search", Acquisition(kind=SEARCH, referrer=True)),
    ("organic_search", Acquisition(source="somebody", medium="organic")),
    ("organic_social", Acquisition(kind=SOCIAL, referrer=True)),
    ("organic_social", Acquisition(source="somebody", medium="social_media")),
    ("organic_social", Acquisition(source="social")),
    ("organic_video", Acquisition(kind=VIDEO, referrer=True)),
    ("organic_video", Acquisition(source="somebody", medium="in-video")),
    ("organic_shopping", Acquisition(kind=SHOPPING, referrer=True)),
    ("organic_shopping", Acquisition(source="somebody", medium="product_sync")),
    ("ai_assistant", Acquisition(kind=AI, referrer=True)),
    ("ai_assistant", Acquisition(source="somebody", medium="ai-assistant")),
    ("paid_search", Acquisition(kind=SEARCH, medium="cpc")),
    ("paid_search", Acquisition(kind=SEARCH, medium="CPC", referrer=True)),
    ("paid_search", Acquisition(click="paid_search")),
    ("paid_search", Acquisition(source="somebody", medium="sem")),
    ("paid_social", Acquisition(kind=SOCIAL, medium="paid_social")),
    ("paid_social", Acquisition(kind=SOCIAL, medium="cpm")),
    ("paid_social", Acquisition(kind=SOCIAL, click="paid_search")),
    ("paid_social", Acquisition(source="somebody", medium="paidsocial")),
    ("paid_video", Acquisition(kind=VIDEO, medium="cpv")),
    ("paid_video", Acquisition(source="somebody", medium="paid-video")),
    ("paid_shopping", Acquisition(kind=SHOPPING, medium="ppc")),
    ("paid_shopping", Acquisition(kind=SEARCH, medium="cpc", campaign="Shopping DE")),
    ("paid_shopping", Acquisition(source="somebody", medium="pla")),
    ("paid_ai_assistant", Acquisition(kind=AI, medium="cpc")),
    ("paid_other", Acquisition(source="somebody", medium="cpc")),
    ("paid_other", Acquisition(source="somebody", medium="retargeting")),
    ("cross_network", Acquisition(campaign="x Cross-network y", medium="cpc")),
    ("display", Acquisition(source="somebody", medium="banner")),
    ("display", Acquisition(source="somebody", medium="cpm")),
    ("display", Acquisition(click="display")),
    ("display", Acquisition(kind=ADS, referrer=True)),
    ("display", Acquisition(kind=ADS, click="paid_search", referrer=True)),
    ("display", Acquisition(kind=ADS, medium="cpc")),
    ("email", Acquisition(kind=ADS, medium="email")),
    ("affiliates", Acquisition(source="somebody", medium="Affiliate")),
    ("affiliates", Acquisition(click="affiliates")),
    ("email", Acquisition(source="spring", medium="email")),
    ("email", Acquisition(source="spring", medium="e-mail")),
    ("email", Acquisition(source="newsletter")),
    ("email", Acquisition(kind=SOCIAL, medium="email")),
    ("email", Acquisition(kind=SourceClass.EMAIL, referrer=True)),
    ("email", Acquisition(click="email")),
    ("sms", Acquisition(source="somebody", medium="SMS")),
    ("sms", Acquisition(source="sms")),
    ("push", Acquisition(source="app", medium="web-push")),
    ("push", Acquisition(source="app", medium="mobile notification")),
    ("push", Acquisition(source="firebase")),
    ("audio", Acquisition(source="somebody", medium="podcast")),
    ("offline", Acquisition(source="window", medium="qr")),
]


@pytest.mark.parametrize(("expected", "acquisition"), CASES)
def test_the_first_matching_rule_gives_the_channel(
    expected: str, acquisition: Acquisition
) -> None:
    got = CHANNELS.channel(acquisition)

    assert got == expected


def test_every_channel_in_the_table_has_a_test_case() -> None:
    named = {rule.channel for rule in CHANNELS.rules if not rule.click}
    named |= {click.channel for click in CLICK_IDS.values() if click.channel}

    assert named == {expected for expected, _ in CASES}


def test_the_last_rule_always_matches() -> None:
    assert CHANNELS.rules[-1] == Rule(channel=DIRECT)


@given(
    kind=st.none() | st.sampled_from(SourceClass),
    source=st.none() | st.text(max_size=20),
    medium=st.none() | st.text(max_size=20),
    campaign=st.none() | st.text(max_size=20),
    referrer=st.booleans(),
)
def test_any_input_has_a_channel_from_the_table(
    kind: SourceClass | None,
    source: str | None,
    medium: str | None,
    campaign: str | None,
    referrer: bool,  # noqa: FBT001
) -> None:
    got = CHANNELS.channel(
        Acquisition(
            kind=kind,
            source=source,
            medium=medium,
            campaign=campaign,
            referrer=referrer,
        )
    )

    assert got in {rule.channel for rule in CHANNELS.rules}


def test_every_channel_is_explained_in_the_docs() -> None:
    page = Path(__file__).parents[3] / "docs" / "channels.md"
    explained = re.findall(r"(?m)^\| `(\w+)` \|", page.read_text(encoding="utf-8"))

    assert sorted(explained) == sorted({expected for expected, _ in CASES} | {INTERNAL})
