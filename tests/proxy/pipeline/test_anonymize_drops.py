"""A hit is dropped for every reason, and counted for the right site."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from config.settings import PrivacySettings
from proxy.pipeline.drops import UNCOUNTED, Dropped, DropReason
from proxy.pipeline.hit import Hit, Order, OrderLine, decode_hits
from proxy.user_agent.bot_kind import BotKind
from tests.proxy.pipeline.pipeline_setup import Pipeline, pageview, sender, vendor_hit
from warehouse.unknown_sites import UNKNOWN_SITE_ID


class Case(NamedTuple):
    """A hit that is dropped for exactly one reason."""

    hit: Mapping[str, Any]
    headers: Mapping[str, str]
    site: str = "shop"


# Every reason to drop a hit; the first test keeps the list complete.
CASES = {
    DropReason.OPT_OUT: Case({"optout": True}, {}, UNKNOWN_SITE_ID),
    DropReason.GPC: Case({}, {"Sec_GPC": "1"}, UNKNOWN_SITE_ID),
    DropReason.DNT: Case({}, {"DNT": "1"}, UNKNOWN_SITE_ID),
    DropReason.UNKNOWN_SITE: Case({"site": "other"}, {}, UNKNOWN_SITE_ID),
    DropReason.FOREIGN_ORIGIN: Case({}, {"Origin": "https://evil.example"}),
    DropReason.BAD_NAME: Case({"name": "jane@mail.example"}, {}),
    DropReason.BAD_PAGE: Case({"url": "chrome-extension://abc/page.html"}, {}),
    DropReason.BAD_ORDER: Case({"order": Order(currency="XYZ1")}, {}),
    DropReason.TOO_OLD: Case({"at": "1997-11-22T10:00:00Z"}, {}),
    DropReason.BAD_TIME: Case({"at": "2097-11-22T10:00:00Z"}, {}),
    DropReason.BOT: Case({}, {"User_Agent": "curl/8.5.0"}),
    DropReason.IDENTITY: Case({"refused": DropReason.IDENTITY}, {}),
    DropReason.AUTOMATIC: Case({"refused": DropReason.AUTOMATIC}, {}),
    DropReason.REFERRER_SPAM: Case({"referrer": "https://semalt.com/"}, {}),
}
# MALFORMED is found before a hit exists, DUPLICATE by the batcher over all hits, and
# TOO_MANY_VISITORS needs many hits: test_new_visitors.py.
FOUND_ELSEWHERE = {
    DropReason.MALFORMED,
    DropReason.TOO_MANY_VISITORS,
    DropReason.DUPLICATE,
}
DROP_BOTH = PrivacySettings(gpc="drop", dnt="drop")


def test_every_drop_reason_has_a_test_case() -> None:
    assert CASES.keys() | FOUND_ELSEWHERE == set(DropReason)
    assert CASES.keys() & FOUND_ELSEWHERE == set()


@pytest.mark.parametrize("reason", CASES)
def test_a_hit_is_dropped_with_its_reason_and_site(
    tmp_path: Path, reason: DropReason
) -> None:
    case = CASES[reason]
    pipeline = Pipeline(tmp_path, privacy=DROP_BOTH).prefetch()

    got = pipeline.outcome(vendor_hit(**case.hit), sender(**case.headers))

    kind = BotKind.LIBRARY if reason is DropReason.BOT else None
    assert got == Dropped(reason, case.site, kind)


def test_the_hit_is_kept_without_its_fault(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, privacy=DROP_BOTH).prefetch()

    assert pipeline.event(pageview()).site == "shop"


def test_a_malformed_array_member_is_dropped_alone() -> None:
    got = decode_hits(b'[{"site": 7}]', 10)

    assert got == [Dropped(DropReason.MALFORMED)]


def test_a_native_client_cannot_set_protocol_fields(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path).prefetch()
    body = b'{"url": "https://shop.example/", "refused": "opt_out", "library": true}'

    [hit] = decode_hits(body, 10)

    assert isinstance(hit, Hit)
    assert pipeline.event(hit).visitor is not None


def test_a_malformed_member_with_an_objection_is_not_counted(tmp_path: Path) -> None:
    # Otherwise an objection would increase a count.
    pipeline = Pipeline(tmp_path)

    got = pipeline.anonymizer.refuse(
        Dropped(DropReason.MALFORMED), sender(Cookie="noanalytics=1")
    )

    assert got.reason in UNCOUNTED


def test_only_objections_are_not_counted() -> None:
    assert set(UNCOUNTED) == {DropReason.OPT_OUT, DropReason.GPC, DropReason.DNT}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param({"site": "shop"}, "shop", id="by id"),
        pytest.param({"site": None}, "shop", id="by the host asked"),
    ],
)
def test_a_foreign_page_is_counted_for_the_site_it_names(
    tmp_path: Path, named: dict[str, str | None], expected: str
) -> None:
    pipeline = Pipeline(tmp_path)

    got = pipeline.outcome(pageview(**named), sender(Origin="https://evil.example"))

    assert got == Dropped(DropReason.FOREIGN_ORIGIN, expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"url": None}, "bad_page", id="page view without a page"),
        pytest.param({"url": ""}, "bad_page", id="empty"),
        pytest.param({"url": "file:///home/jane/x.html"}, "bad_page", id="file"),
        pytest.param({"url": "/p/42"}, "bad_page", id="relative"),
        pytest.param({"url": "https://"}, "bad_page", id="no host"),
        pytest.param(
            {"url": "https://evil.example/"}, "foreign_origin", id="foreign page"
        ),
        pytest.param({"url": "https://198.51.100.7/"}, "foreign_origin", id="address"),
        pytest.param(
            {"name": "outbound", "url": "https://evil.example/"},
            "foreign_origin",
            id="foreign page of another event",
        ),
    ],
)
def test_a_page_must_belong_to_the_site(
    tmp_path: Path, changes: dict[str, str | None], expected: str
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.outcome(pageview(**changes))

    assert got == Dropped(DropReason(expected), "shop")


def test_only_a_page_view_needs_a_page(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.event(pageview(name="newsletter_joined", url=None))

    assert (got.hostname, got.path) == (None, None)


def test_an_unreadable_total_drops_the_order_and_an_odd_line_does_not(
    tmp_path: Path,
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()
    lines = [OrderLine(product="42"), OrderLine(product="43", quantity=Decimal("NaN"))]
    good, bad = (Order(value=Decimal(text), items=lines) for text in ("5", "NaN"))

    assert pipeline.event(pageview(name="order_placed", order=good)).value_minor == 500
    got = pipeline.outcome(pageview(name="order_placed", order=bad))
    assert got == Dropped(DropReason.BAD_ORDER, "shop")
