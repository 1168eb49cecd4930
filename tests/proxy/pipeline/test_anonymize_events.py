"""An event has exactly the promised columns of its hit."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from config.errors import Retryable
from config.settings import PrivacySettings, SiteSettings
from proxy.client.visitor import visitor_hash
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.site_days import NoSaltError
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from tests.proxy.pipeline.pipeline_setup import (
    ADDRESS,
    COUNTRY,
    NOON,
    SECRET,
    SECRET_KEY,
    SHOP,
    USER_AGENT,
    Chain,
    fill_fixed,
    pageview,
    sender,
)
from warehouse.schema import Event, Item, JsonText, UtcSeconds

TODAY = date(2026, 11, 23)
SITE_KEY = b"k" * 32
HOUR = 3_600
DAY_S = 86_400
# The grace of yesterday's salt ends half an hour after midnight.
QUARTER_PAST_MIDNIGHT = 1_795_392_900

EVERYTHING = pageview(
    name="order_placed",
    id="5f0c4e8e-message",
    url="https://www.shop.example/done?utm_source=news&utm_medium=email&gclid=abc&x=1",
    referrer="https://www.google.com/search?q=secret",
    lang="de-CH",
    screen=[1920.0, 1080.0],
    engaged_ms=1_500.7,
    scroll_pct=80.0,
    props={"plan": "pro", "email": "jane@mail.example"},
    actor="customer 17",
    order=Order(
        id="1001",
        cart="c7",
        currency="EUR",
        value=Decimal("59.90"),
        tax=Decimal("9.56"),
        shipping=Decimal(0),
        coupon="SPRING",
        items=[OrderLine(product="42", quantity=2, price=Decimal("29.95"))],
    ),
)
WITH_PROPS = replace(SHOP, props_allow=("plan", "email"))


def site_day_key(chain: Chain, day: date = TODAY, now_s: float = NOON) -> bytearray:
    """Return the site-day key of the shop."""
    key = chain.salts.key_if_live(chain.zone, day, "shop", now_s)
    assert key is not None
    return key


def test_a_full_hit_becomes_this_exact_event(tmp_path: Path) -> None:
    chain = Chain(tmp_path, WITH_PROPS).prefetch()
    key = site_day_key(chain)

    got = chain.event(EVERYTHING, seq=3)

    assert got == Event(
        site="shop",
        day=TODAY,
        at=UtcSeconds(NOON),
        seq=3,
        event_id=keyed_hash(SITE_KEY, HashPurpose.EVENT, "5f0c4e8e-message"),
        visitor=visitor_hash(key, ADDRESS, USER_AGENT),
        actor=keyed_hash(key, HashPurpose.ACTOR, "customer 17"),
        name="order_placed",
        protocol="native",
        hostname="www.shop.example",
        path="/done",
        referrer="google.com",
        source="news",
        channel="email",
        utm_source="news",
        utm_medium="email",
        click_id="gclid",
        country=COUNTRY,
        browser="Chrome",
        browser_major=149,
        os="Linux",
        device="desktop",
        screen="xl",
        language="de",
        engaged_ms=1_500,
        scroll_pct=80,
        props=JsonText('{"plan":"pro"}'),
        order_key=keyed_hash(SITE_KEY, HashPurpose.ORDER, "1001"),
        cart_key=keyed_hash(SITE_KEY, HashPurpose.CART, "c7"),
        currency="EUR",
        value_minor=5_990,
        tax_minor=956,
        shipping_minor=0,
        coupon="SPRING",
        items=(Item(product="42", quantity=2, price_minor=2_995),),
    )


@pytest.mark.parametrize("headers", [{"DNT": "1"}, {"Sec_GPC": "1"}])
def test_a_privacy_signal_removes_personal_columns(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    chain = Chain(tmp_path, WITH_PROPS).prefetch()
    whole = chain.event(EVERYTHING)

    got = chain.event(EVERYTHING, sender(**headers))

    personal = ("visitor", "actor", "referrer", "source", "channel", "props")
    assert got == msgspec.structs.replace(whole, **dict.fromkeys(personal))
    assert all(getattr(whole, name) is not None for name in personal)


@pytest.mark.parametrize(
    ("signal", "headers"), [("gpc", {"Sec_GPC": "1"}), ("dnt", {"DNT": "1"})]
)
def test_an_ignored_signal_changes_nothing(
    tmp_path: Path, signal: str, headers: dict[str, str]
) -> None:
    privacy = replace(PrivacySettings(), **{signal: "ignore"})  # type: ignore[arg-type]
    chain = Chain(tmp_path, privacy=privacy).prefetch()

    assert chain.event(pageview(), sender(**headers)) == chain.event(pageview())


def test_an_unknown_address_gives_no_visitor(tmp_path: Path) -> None:
    # Otherwise a whole office would be one visitor.
    chain = Chain(tmp_path).prefetch()

    got = chain.event(pageview(), sender(peer=None))

    assert (got.visitor, got.country) == (None, None)
    assert got.browser == "Chrome"


@pytest.mark.parametrize(
    ("behind", "day", "at", "late"),
    [
        pytest.param(None, 0, NOON, False, id="no time named"),
        pytest.param(HOUR, 0, NOON - HOUR, False, id="earlier today"),
        pytest.param(DAY_S, 0, NOON, True, id="yesterday, its salt is gone"),
        pytest.param(20 * 365 * DAY_S, 0, NOON, True, id="twenty years ago"),
        pytest.param(-20 * 365 * DAY_S, 0, NOON, False, id="in twenty years"),
        pytest.param(-1, 0, NOON, False, id="a second ahead"),
    ],
)
def test_an_event_counts_at_its_own_time_or_late_at_arrival(
    tmp_path: Path, behind: int | None, day: int, at: int, *, late: bool
) -> None:
    chain = Chain(tmp_path).prefetch()
    named = None if behind is None else NOON - behind

    got = chain.event(pageview(at=named))

    assert (got.at, got.late) == (at, late)
    assert (TODAY - got.day).days == day


def test_yesterday_is_open_while_its_salt_is_live(tmp_path: Path) -> None:
    chain = Chain(tmp_path).prefetch(QUARTER_PAST_MIDNIGHT - HOUR)
    chain.prefetch(QUARTER_PAST_MIDNIGHT)
    named = QUARTER_PAST_MIDNIGHT - HOUR

    got = chain.event(pageview(at=named), now_s=QUARTER_PAST_MIDNIGHT)

    yesterday = date(2026, 11, 22)
    key = site_day_key(chain, yesterday, QUARTER_PAST_MIDNIGHT)
    assert (got.day, got.at, got.late) == (yesterday, named, False)
    assert got.visitor == visitor_hash(key, ADDRESS, USER_AGENT)


@pytest.mark.parametrize(
    ("limit_s", "late"),
    [
        pytest.param(HOUR, False, id="exactly the limit is on time"),
        pytest.param(HOUR - 1, True, id="a second past it is late"),
        pytest.param(0, True, id="no limit but now"),
    ],
)
def test_the_late_limit_applies_even_while_the_salt_is_live(
    tmp_path: Path, limit_s: int, *, late: bool
) -> None:
    privacy = PrivacySettings(late_limit_s=limit_s)
    chain = Chain(tmp_path, privacy=privacy).prefetch()

    got = chain.event(pageview(at=NOON - HOUR))

    assert (got.late, got.at) == (late, NOON if late else NOON - HOUR)


def test_a_wrong_clock_is_corrected_by_its_sent_at_time(
    tmp_path: Path,
) -> None:
    chain = Chain(tmp_path).prefetch()
    three_years = 3 * 365 * DAY_S

    got = chain.event(
        pageview(at=NOON - three_years - HOUR, sent_at=NOON - three_years)
    )

    assert (got.at, got.late) == (NOON - HOUR, False)


def test_without_a_salt_the_client_must_retry(tmp_path: Path) -> None:
    chain = Chain(tmp_path)

    with pytest.raises(NoSaltError) as caught:
        chain.outcome(pageview())

    assert isinstance(caught.value, Retryable)
    assert ADDRESS not in str(caught.value)


@pytest.mark.parametrize(
    ("level", "same_next_day", "is_stored"),
    [("off", True, False), ("daily", False, True), ("keyed", True, True)],
)
def test_the_actor_setting_decides_how_long_an_actor_is_known(
    tmp_path: Path,
    level: Literal["off", "daily", "keyed"],
    *,
    same_next_day: bool,
    is_stored: bool,
) -> None:
    chain = Chain(tmp_path, replace(SHOP, actors=level)).prefetch()
    today = chain.event(pageview(actor="customer 17")).actor
    tomorrow = (
        chain.prefetch(NOON + DAY_S)
        .event(pageview(actor="customer 17"), now_s=NOON + DAY_S)
        .actor
    )

    assert (today is not None, today == tomorrow) == (is_stored, same_next_day)


@pytest.mark.parametrize("field", ["id", "actor"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_id_is_stored_as_none(
    tmp_path: Path, field: str, nothing: str | None
) -> None:
    # Hashed, it would be one event or one customer for all clients that send it.
    chain = Chain(tmp_path).prefetch()

    got = chain.event(pageview(**{field: nothing}))

    assert (got.event_id, got.actor) == (None, None)


def test_equal_ids_of_different_purposes_have_different_hashes(tmp_path: Path) -> None:
    chain = Chain(tmp_path, replace(SHOP, actors="keyed")).prefetch()

    got = chain.event(pageview(id="7", actor="7", order=Order(id="7", cart="7")))

    hashes = (got.event_id, got.actor, got.order_key, got.cart_key)
    assert None not in hashes
    assert len(set(hashes)) == len(hashes)


def test_a_number_and_its_text_give_the_same_id(tmp_path: Path) -> None:
    # JavaScript and PHP clients send the same id as number or as text.
    chain = Chain(tmp_path).prefetch()

    assert chain.event(pageview(id=17)).event_id == (
        chain.event(pageview(id="17")).event_id
    )


@pytest.mark.parametrize(
    ("value", "engaged", "scrolled"),
    [
        pytest.param(None, None, None, id="none"),
        pytest.param(0, 0, 0, id="zero"),
        pytest.param(50.9, 50, 50, id="a fraction"),
        pytest.param(-5, 0, 0, id="negative"),
        pytest.param(1e300, 86_400_000, 100, id="huge"),
        pytest.param(float("inf"), 86_400_000, 100, id="infinite"),
        pytest.param(float("-inf"), 0, 0, id="negative infinite"),
        pytest.param(float("nan"), None, None, id="not a number"),
    ],
)
def test_measurements_are_clamped_to_their_bounds(
    tmp_path: Path, value: float | None, engaged: int | None, scrolled: int | None
) -> None:
    chain = Chain(tmp_path).prefetch()

    got = chain.event(pageview(engaged_ms=value, scroll_pct=value))

    assert (got.engaged_ms, got.scroll_pct) == (engaged, scrolled)


@pytest.mark.parametrize(
    "screen",
    [
        pytest.param([], id="empty"),
        pytest.param([float("nan")], id="not a number"),
        pytest.param([float("inf"), 1], id="infinite"),
        pytest.param([-1920, 1080], id="negative"),
        pytest.param([1e308, 1], id="huge"),
    ],
)
def test_an_impossible_screen_is_unknown(tmp_path: Path, screen: list[float]) -> None:
    chain = Chain(tmp_path).prefetch()

    assert chain.event(pageview(screen=screen)).screen is None


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(USER_AGENT + " \udcff\udcfe", id="no UTF-8"),
        pytest.param(USER_AGENT + " æøå 日本", id="letters"),
        pytest.param(USER_AGENT + "x" * 8_000, id="endless"),
    ],
)
def test_any_user_agent_is_accepted(tmp_path: Path, agent: str) -> None:
    chain = Chain(tmp_path).prefetch()

    got = chain.event(pageview(), sender(User_Agent=agent))

    assert got.visitor is not None
    assert got.browser == "Chrome"


SERVER_SITE = SiteSettings(
    id="shop", domains=("shop.example",), secret_keys=(SECRET_KEY,)
)


@pytest.mark.parametrize(
    ("headers", "server"),
    [
        pytest.param({"Authorization": f"Bearer {SECRET}"}, True, id="its key"),
        pytest.param({"Authorization": "Bearer wrong"}, False, id="another key"),
        pytest.param({}, False, id="no key"),
    ],
)
def test_a_server_event_has_an_order_and_no_visitor(
    tmp_path: Path, headers: Mapping[str, str], *, server: bool
) -> None:
    chain = Chain(tmp_path, SERVER_SITE).prefetch()
    order = pageview(name="order_placed", url=None, actor="17", order=Order(id="1001"))

    got = chain.event(order, sender(**headers))

    assert (got.server, got.visitor is None) == (server, server)
    assert got.order_key is not None
    assert got.actor is not None


def test_spooled_bytes_contain_nothing_from_the_sender(tmp_path: Path) -> None:
    # The hashes are numbers: with random salts some would contain 1920 by chance.
    chain = Chain(tmp_path, WITH_PROPS, random=fill_fixed).prefetch()

    written = msgspec.json.encode(chain.event(EVERYTHING)).decode()

    digests = {
        hashlib.new(name, ADDRESS.encode()).hexdigest() for name in ("md5", "sha256")
    }
    secrets: set[Any] = {ADDRESS, USER_AGENT, "customer 17", "1001", "5f0c4e8e"}
    secrets |= {"secret", "jane", "abc", "x=1", "de-CH", "1920", *digests}
    assert [secret for secret in secrets if secret in written] == []


@pytest.mark.parametrize(
    ("name", "expected"), [("Video Started", True), ("pageview", False)]
)
def test_automatic_page_events_are_passive(
    tmp_path: Path, name: str, *, expected: bool
) -> None:
    got = Chain(tmp_path).prefetch().event(pageview(name=name, passive=True))

    assert got.passive is expected
