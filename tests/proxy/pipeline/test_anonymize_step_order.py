"""The order of the steps: no data about a sender is read before it is allowed."""

from pathlib import Path

import pytest

from config.settings import PrivacySettings, SiteSettings
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order
from proxy.user_agent.bot_kind import BotKind
from tests.proxy.pipeline.pipeline_setup import (
    SECRET,
    SECRET_KEY,
    Pipeline,
    forbidden_parts,
    pageview,
    sender,
)

ALL = ("sites", "clients", "classifier", "geo", "referrers", "salts", "calendars")
BEHIND_SITE = ALL[1:]
BEHIND_BOT = ALL[3:]
BOT_AGENT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
DROP_BOTH = PrivacySettings(gpc="drop", dnt="drop")


@pytest.mark.parametrize(
    ("headers", "optout", "expected"),
    [
        pytest.param({"Cookie": "noanalytics=1"}, False, "opt_out", id="cookie"),
        pytest.param({}, True, "opt_out", id="body"),
        pytest.param({"Sec_GPC": "1"}, False, "gpc", id="Sec-GPC"),
        pytest.param({"DNT": "1"}, False, "dnt", id="DNT"),
    ],
)
def test_an_objection_is_dropped_before_any_lookup(
    tmp_path: Path, headers: dict[str, str], *, optout: bool, expected: str
) -> None:
    pipeline = Pipeline(tmp_path, privacy=DROP_BOTH, **forbidden_parts(*ALL))

    got = pipeline.outcome(
        pageview(optout=optout), sender(clients=pipeline.clients, **headers)
    )

    assert got == Dropped(DropReason(expected))


@pytest.mark.parametrize(
    ("changes", "headers", "expected"),
    [
        pytest.param({"site": "other"}, {}, "unknown_site", id="unknown site"),
        pytest.param({}, {"Origin": "https://evil.test"}, "foreign_origin", id="page"),
        pytest.param({"name": "<b>"}, {}, "bad_name", id="name"),
    ],
)
def test_a_hit_without_a_site_is_dropped_before_the_sender_is_read(
    tmp_path: Path, changes: dict[str, str], headers: dict[str, str], expected: str
) -> None:
    pipeline = Pipeline(tmp_path, **forbidden_parts(*BEHIND_SITE))

    got = pipeline.outcome(
        pageview(**changes), sender(clients=pipeline.clients, **headers)
    )

    assert isinstance(got, Dropped)
    assert got.reason == expected


def test_a_bot_is_neither_hashed_nor_located(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, **forbidden_parts(*BEHIND_BOT))

    got = pipeline.outcome(pageview(), sender(User_Agent=BOT_AGENT))

    assert got == Dropped(DropReason.BOT, "shop", BotKind.SEARCH_ENGINE)


def test_address_and_agent_of_a_site_server_are_not_read(
    tmp_path: Path,
) -> None:
    site = SiteSettings(id="shop", domains=("shop.example",), secret_keys=(SECRET_KEY,))
    pipeline = Pipeline(
        tmp_path, site, **forbidden_parts("clients", "classifier")
    ).prefetch()

    got = pipeline.event(
        pageview(),
        sender(
            clients=pipeline.clients,
            Authorization=f"Bearer {SECRET}",
            User_Agent=BOT_AGENT,
        ),
    )

    assert (got.server, got.visitor, got.country) == (True, None, None)
    assert (got.browser, got.os, got.device) == (None, None, None)


def test_a_privacy_signal_skips_the_referrer_lookup(
    tmp_path: Path,
) -> None:
    pipeline = Pipeline(tmp_path, **forbidden_parts("referrers")).prefetch()

    got = pipeline.event(
        pageview(referrer="https://news.example/about-you"), sender(DNT="1")
    )

    assert (got.referrer, got.source, got.channel) == (None, None, None)


OPT_OUT = {"optout": True}
NO_SITE = {"site": "other"}
BAD_NAME = {"name": "<b>"}
BAD_PAGE = {"url": "about:blank"}
SPAM = {"referrer": "https://semalt.com/"}
BAD_ORDER = {"order": Order(currency="EURO")}
FROM_ELSEWHERE = {"Origin": "https://evil.test"}
BOT = {"User_Agent": BOT_AGENT}


@pytest.mark.parametrize(
    ("changes", "headers", "expected"),
    [
        pytest.param(OPT_OUT | NO_SITE, {}, "opt_out", id="objection, then site"),
        pytest.param(NO_SITE, FROM_ELSEWHERE, "unknown_site", id="site, then page"),
        pytest.param(BAD_NAME, FROM_ELSEWHERE, "foreign_origin", id="page, then name"),
        pytest.param(BAD_NAME, BOT, "bad_name", id="name, then bot"),
        pytest.param(BAD_PAGE, BOT, "bot", id="bot, then page"),
        pytest.param(BAD_PAGE | SPAM, {}, "bad_page", id="page, then referrer"),
        pytest.param(SPAM | BAD_ORDER, {}, "referrer_spam", id="referrer, then order"),
        pytest.param(BAD_ORDER, {}, "bad_order", id="order last"),
    ],
)
def test_the_earlier_step_decides_the_drop_reason(
    tmp_path: Path, changes: dict[str, object], headers: dict[str, str], expected: str
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.outcome(pageview(**changes), sender(**headers))

    assert isinstance(got, Dropped)
    assert got.reason == expected
