"""An event has exactly the promised columns of its hit."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from config.settings import PrivacySettings, SiteSettings
from proxy.client.visitor import visitor_hash
from proxy.pipeline.event_order import PLACES
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from tests.proxy.pipeline.pipeline_setup import (
    ADDRESS,
    COUNTRY,
    NOON,
    SECRET,
    SECRET_KEY,
    SHOP,
    TODAY,
    USER_AGENT,
    Pipeline,
    fill_fixed,
    pageview,
    sender,
    site_day_key,
)
from warehouse.schema import Event, Item, JsonText, UtcSeconds

SITE_KEY = b"k" * 32
DAY_S = 86_400

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
        items=[OrderLine(product="42", quantity=Decimal(2), price=Decimal("29.95"))],
    ),
)
WITH_PROPS = replace(SHOP, props_allow=("plan", "email"))


def test_a_full_hit_becomes_this_exact_event(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, WITH_PROPS).prefetch()
    key = site_day_key(pipeline)

    got = pipeline.event(EVERYTHING, now_s=NOON + 0.5)

    assert got == Event(
        site="shop",
        day=TODAY,
        at=UtcSeconds(NOON),
        seq=16 * PLACES,
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
    pipeline = Pipeline(tmp_path, WITH_PROPS).prefetch()
    whole = pipeline.event(EVERYTHING)

    got = pipeline.event(EVERYTHING, sender(**headers))

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
    pipeline = Pipeline(tmp_path, privacy=privacy).prefetch()

    assert pipeline.event(pageview(), sender(**headers)) == pipeline.event(pageview())


def test_an_unknown_address_gives_no_visitor(tmp_path: Path) -> None:
    # Otherwise a whole office would be one visitor.
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.event(pageview(), sender(peer=None))

    assert (got.visitor, got.country) == (None, None)
    assert got.browser == "Chrome"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, "direct", id="a page without a referrer"),
        pytest.param({"url": None, "name": "signup"}, None, id="no page"),
        pytest.param(
            {"url": None, "name": "signup", "referrer": "https://www.google.com/"},
            "organic_search",
            id="no page, but a referrer",
        ),
    ],
)
def test_an_event_is_direct_only_if_its_page_is_known(
    tmp_path: Path, changes: dict[str, Any], expected: str | None
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    assert pipeline.event(pageview(**changes)).channel == expected


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        pytest.param(None, None, id="no referrer"),
        pytest.param("https://www.google.com/", "organic_search", id="a referrer"),
        pytest.param("https://shop.example/", "internal", id="the site itself"),
    ],
)
def test_an_event_without_a_visitor_is_not_direct(
    tmp_path: Path, referrer: str | None, expected: str | None
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.event(pageview(referrer=referrer), sender(peer=None))

    assert (got.visitor, got.channel) == (None, expected)


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
    pipeline = Pipeline(tmp_path, replace(SHOP, actors=level)).prefetch()
    today = pipeline.event(pageview(actor="customer 17")).actor
    tomorrow = (
        pipeline.prefetch(NOON + DAY_S)
        .event(pageview(actor="customer 17"), now_s=NOON + DAY_S)
        .actor
    )

    assert (today is not None, today == tomorrow) == (is_stored, same_next_day)


@pytest.mark.parametrize("field", ["id", "actor"])
@pytest.mark.parametrize("nothing", [None, "", " ", "\t\n"])
def test_an_empty_id_is_stored_as_none(
    tmp_path: Path, field: str, nothing: str | None
) -> None:
    # Hashed, it would be one event or one customer for all clients that send it.
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.event(pageview(**{field: nothing}))

    assert (got.event_id, got.actor) == (None, None)


@pytest.mark.parametrize("field", ["id", "actor"])
def test_blanks_around_an_id_make_no_other_id(tmp_path: Path, field: str) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    bare, padded = (
        pipeline.event(pageview(**{field: text})) for text in ("a 7", " a 7\n")
    )

    assert (bare.event_id, bare.actor) == (padded.event_id, padded.actor)
    assert (bare.event_id, bare.actor) != (None, None)


def test_equal_ids_of_different_purposes_have_different_hashes(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, replace(SHOP, actors="keyed")).prefetch()

    got = pipeline.event(pageview(id="7", actor="7", order=Order(id="7", cart="7")))

    hashes = (got.event_id, got.actor, got.order_key, got.cart_key)
    assert None not in hashes
    assert len(set(hashes)) == len(hashes)


def test_a_number_and_its_text_give_the_same_id(tmp_path: Path) -> None:
    # JavaScript and PHP clients send the same id as number or as text.
    pipeline = Pipeline(tmp_path).prefetch()

    assert pipeline.event(pageview(id=17)).event_id == (
        pipeline.event(pageview(id="17")).event_id
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
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.event(pageview(engaged_ms=value, scroll_pct=value))

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
    pipeline = Pipeline(tmp_path).prefetch()

    assert pipeline.event(pageview(screen=screen)).screen is None


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(USER_AGENT + " \udcff\udcfe", id="no UTF-8"),
        pytest.param(USER_AGENT + " æøå 日本", id="letters"),
        pytest.param(USER_AGENT + "x" * 8_000, id="endless"),
    ],
)
def test_any_user_agent_is_accepted(tmp_path: Path, agent: str) -> None:
    pipeline = Pipeline(tmp_path).prefetch()

    got = pipeline.event(pageview(), sender(User_Agent=agent))

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
    pipeline = Pipeline(tmp_path, SERVER_SITE).prefetch()
    order = pageview(name="order_placed", url=None, actor="17", order=Order(id="1001"))

    got = pipeline.event(order, sender(**headers))

    assert (got.server, got.visitor is None) == (server, server)
    assert got.order_key is not None
    assert got.actor is not None


def test_spooled_bytes_contain_nothing_from_the_sender(tmp_path: Path) -> None:
    # The hashes are numbers: with random salts some would contain 1920 by chance.
    pipeline = Pipeline(tmp_path, WITH_PROPS, random=fill_fixed).prefetch()

    written = msgspec.json.encode(pipeline.event(EVERYTHING)).decode()

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
    got = Pipeline(tmp_path).prefetch().event(pageview(name=name, passive=True))

    assert got.passive is expected
