"""Deterministic, realistic events: the same arguments give the same frame anywhere.

Every random choice is a hash of seed, day, label and index. So a day can be made alone
and in any order, without the state of a generator.

The events have a bell curve over the day, Zipf-like pages and sources, a few pages for
each session, engagement pings, and a shop with products, carts and orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import polars as pl

from benchmarks.dice import Dice, mix

_EVENTS_PER_SESSION = 6.26
_SESSIONS_PER_VISITOR = 1.25

_SOURCES: Mapping[str, tuple[str | None, str]] = {
    "Google": ("www.google.com", "search"),
    "Direct / none": (None, "direct"),
    "Bing": ("www.bing.com", "search"),
    "Instagram": ("l.instagram.com", "social"),
    "Newsletter": (None, "email"),
    "Facebook": ("m.facebook.com", "social"),
    "DuckDuckGo": ("duckduckgo.com", "search"),
    "Google Ads": ("www.google.com", "paid search"),
    "Reddit": ("www.reddit.com", "social"),
    "YouTube": ("www.youtube.com", "video"),
    "ChatGPT": ("chatgpt.com", "ai assistant"),
}
_COUNTRIES = (
    *("DE", "US", "FR", "GB", "NL", "AT", "CH", "PL", "IT", "ES"),
    *("SE", "DK", "BE", "CZ", "CA", "NO", "FI", "PT", "IE", "AU"),
)
_LANGUAGES = ("de", "en", "fr", "nl", "pl", "it", "es", "sv", "da", "cs")
_BROWSERS = ("Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Opera")
_SYSTEMS = ("Android", "Windows", "iOS", "macOS", "Linux")
_DEVICES = ("mobile", "desktop", "tablet", "tv")
_SCREENS = ("s", "l", "xl", "m", "xs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The properties of the generated site; *events* is the target number for a day."""

    events: int
    site: str = "shop"
    seed: int = 2026
    pages: int = 4_000
    products: int = 2_000
    campaigns: int = 60
    referrers: int = 800
    stripped: float = 0.03


def day_of_events(work: Workload, day: date) -> pl.DataFrame:
    """Return one UTC day of events, within a few percent of the target number."""
    pages = _pages(work, day, _sessions(work, day))
    frames = [
        _pageviews(pages),
        _pings(pages),
        *_commerce(work, day, pages),
    ]
    midnight_us = int(datetime.combine(day, time(), UTC).timestamp()) * 1_000_000
    return (
        pl.concat(frames, how="diagonal")
        .with_columns(
            (midnight_us + pl.col("second").clip(0, 86_399) * 1_000_000)
            .cast(pl.Datetime("us", "UTC"))
            .alias("at"),
            site=pl.lit(work.site),
            day=pl.lit(day),
            event_id=mix(
                work.seed, f"{work.site}{day}id", pl.int_range(pl.len())
            ).reinterpret(signed=True),
        )
        .sort("visitor", "at", "seq", "event_id")
    )


def _sessions(work: Workload, day: date) -> pl.DataFrame:
    """Return the sessions with the client of the visitor and the acquisition."""
    dice = Dice(work.seed, day)
    sessions = round(work.events / _EVENTS_PER_SESSION)
    visitors = max(1, round(sessions / _SESSIONS_PER_VISITOR))
    base = pl.DataFrame({"session": pl.int_range(sessions, eager=True)}).with_columns(
        who=pl.when(pl.col("session") < visitors)
        .then(pl.col("session"))
        .otherwise((dice.roll("who", "session") * visitors).cast(pl.Int64)),
        start=(
            (
                dice.roll("a", "session")
                + dice.roll("b", "session")
                + dice.roll("c", "session")
            )
            * 28_800
        ).cast(pl.Int64),
        pages=_page_count(dice),
    )
    return base.with_columns(*_client(dice, work), *_acquisition(dice, work))


def _page_count(dice: Dice) -> pl.Expr:
    # Nearly half of the sessions have one page, the others a geometric number of pages.
    more = (1 - dice.roll("pages", "session")).log() / 0.72**0.5 * -2.2
    single = dice.roll("single", "session") < 0.42
    return pl.when(single).then(1).otherwise(2 + more.clip(0, 60).cast(pl.Int64))


def _client(dice: Dice, work: Workload) -> list[pl.Expr]:
    """Return the columns that depend only on the visitor."""
    country = dice.pick("country", "who", _COUNTRIES)
    visitor = mix(work.seed, f"{dice.day}visitor", pl.col("who"))
    return [
        pl.when(dice.roll("stripped", "who") >= work.stripped)
        .then(visitor.reinterpret(signed=True))
        .alias("visitor"),
        country.alias("country"),
        pl.concat_str(
            country,
            pl.lit("-"),
            dice.rank("region", "who", 16, 2.0).cast(pl.String).str.zfill(2),
        ).alias("region"),
        dice.pick("browser", "who", _BROWSERS).alias("browser"),
        (dice.rank("major", "who", 12) + 118).cast(pl.Int64).alias("browser_major"),
        dice.pick("os", "who", _SYSTEMS).alias("os"),
        dice.pick("device", "who", _DEVICES).alias("device"),
        dice.pick("screen", "who", _SCREENS).alias("screen"),
        dice.pick("language", "who", _LANGUAGES).alias("language"),
    ]


def _acquisition(dice: Dice, work: Workload) -> list[pl.Expr]:
    """Return the source of the session; the long tail are plain referrers."""
    tail = dice.roll("tail", "session") < 0.15
    number = dice.rank("referrer", "session", work.referrers).cast(pl.String)
    other = pl.concat_str(pl.lit("blog-"), number, pl.lit(".example"))
    names = list(_SOURCES)
    index = dice.rank("source", "session", len(names), 2.0)
    hosts = pl.lit(pl.Series([_SOURCES[name][0] for name in names]))
    channels = pl.lit(pl.Series([_SOURCES[name][1] for name in names]))
    campaign = dice.roll("tagged", "session") < 0.12
    number = dice.rank("campaign", "session", work.campaigns).cast(pl.String)
    return [
        pl.when(tail).then(other).otherwise(hosts.gather(index)).alias("referrer"),
        pl.when(tail)
        .then(other)
        .otherwise(pl.lit(pl.Series(names)).gather(index))
        .alias("source"),
        pl.when(tail)
        .then(pl.lit("referral"))
        .otherwise(channels.gather(index))
        .alias("channel"),
        pl.when(campaign).then(pl.lit("newsletter")).alias("utm_source"),
        pl.when(campaign).then(pl.lit("email")).alias("utm_medium"),
        pl.when(campaign)
        .then(pl.concat_str(pl.lit("week-"), number))
        .alias("utm_campaign"),
        pl.when(campaign & (dice.roll("term", "session") < 0.3))
        .then(dice.pick("term", "session", ("shoes", "boots", "socks")))
        .alias("utm_term"),
        pl.when(campaign & (dice.roll("content", "session") < 0.5))
        .then(dice.pick("content", "session", ("header", "footer")))
        .alias("utm_content"),
        pl.when(dice.roll("click", "session") < 0.05)
        .then(pl.lit("gclid"))
        .alias("click_id"),
    ]


def _pages(work: Workload, day: date, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each page of a session, with time, dwell time and path."""
    dice = Dice(work.seed, day)
    is_entry = pl.col("step") == 0
    entry_only = ("referrer", "click_id", *(f"utm_{part}" for part in _UTM))
    return (
        sessions.with_columns(step=pl.int_ranges(pl.col("pages")))
        .explode("step")
        .with_row_index("view")
        .with_columns(
            dwell=(dice.roll("dwell", "view").log() * -48 + 1).cast(pl.Int64),
            product=dice.rank("product", "view", work.products).cast(pl.String),
            is_product=dice.roll("kind", "view") < 0.35,
            number=dice.rank("page", "view", work.pages).cast(pl.String),
        )
        .with_columns(
            *(pl.when(is_entry).then(pl.col(name)).alias(name) for name in entry_only),
            pl.when(is_entry)
            .then(pl.col("channel"))
            .otherwise(pl.lit("internal"))
            .alias("channel"),
            pl.when(is_entry).then(pl.col("source")).alias("source"),
            second=pl.col("start")
            + pl.col("dwell").cum_sum().over("session")
            - pl.col("dwell"),
            path=pl.when("is_product")
            .then(pl.concat_str(pl.lit("/products/sku-"), "product"))
            .otherwise(pl.concat_str(pl.lit("/pages/article-"), "number")),
            cart=dice.roll("cart", "view"),
            engaged=dice.roll("engaged", "view"),
            scroll=dice.rank("scroll", "view", 101, 1.0).cast(pl.Int64),
            hostname=pl.lit("shop.example"),
            protocol=pl.lit("native"),
            server=pl.lit(value=False),
            passive=pl.lit(value=False),
            amount_from_items=pl.lit(value=False),
            late=pl.lit(value=False),
        )
    )


_UTM = ("source", "medium", "campaign", "term", "content")
_HELPER_COLUMNS = (
    *("session", "who", "start", "pages", "step", "view", "dwell", "product"),
    *("is_product", "number", "cart", "engaged", "scroll"),
)


def _as_events(
    rows: pl.DataFrame, name: str, after_s: pl.Expr, seq: int
) -> pl.DataFrame:
    """Return *rows* as events with *name*, *after_s* seconds later."""
    return rows.with_columns(
        name=pl.lit(name),
        second=pl.col("second") + after_s,
        seq=pl.lit(seq, pl.Int64),
    ).drop(_HELPER_COLUMNS)


def _pageviews(pages: pl.DataFrame) -> pl.DataFrame:
    return _as_events(pages, "pageview", pl.lit(0), 0)


def _pings(pages: pl.DataFrame) -> pl.DataFrame:
    engaged = pages.filter(pl.col("engaged") < 0.8).with_columns(
        engaged_ms=(pl.col("dwell") * pl.col("engaged") * 1_000).cast(pl.Int64),
        scroll_pct=pl.col("scroll"),
    )
    return _as_events(engaged, "engagement", pl.col("dwell"), 0)


def _commerce(work: Workload, day: date, pages: pl.DataFrame) -> list[pl.DataFrame]:
    """Return product views, carts, checkouts and orders, each fewer than the last."""
    price = 999 + pl.col("product").cast(pl.Int64) % 90 * 100
    item = pl.struct(
        product=pl.concat_str(pl.lit("sku-"), "product"),
        variant=pl.lit(None, pl.String),
        quantity=pl.lit(1, pl.Int64),
        price_minor=price,
    )
    shop = pages.filter("is_product").with_columns(
        items=pl.concat_list(item), currency=pl.lit("EUR")
    )
    order = shop.filter(pl.col("cart") < 0.03).with_columns(
        order_key=mix(work.seed, f"{work.site}{day}order", pl.col("view")).reinterpret(
            signed=True
        ),
        value_minor=price,
    )
    return [
        _as_events(shop, "product_viewed", pl.lit(0), 1),
        *(
            _as_events(shop.filter(pl.col("cart") < share), name, pl.lit(after_s), 0)
            for name, share, after_s in (
                ("cart_updated", 0.12, 5),
                ("checkout_started", 0.05, 9),
            )
        ),
        _as_events(order, "order_placed", pl.lit(20), 0),
    ]
