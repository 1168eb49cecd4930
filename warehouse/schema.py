"""The row classes: the only list of each table's columns, types and meanings.

The spool, the Polars schemas, the Delta tables, docs/tables.md and the audit all use
these classes. This module must not import a data library, because the proxy imports it.
"""

from datetime import date
from typing import Annotated, NewType

import msgspec

from config.settings import Doc

# Whole seconds since 1970-01-01 UTC; stored as a UTC timestamp.
UtcSeconds = NewType("UtcSeconds", int)
# 64 bits; signed, because Delta has no unsigned integers.
Hash64 = NewType("Hash64", int)
# JSON text with sorted keys.
JsonText = NewType("JsonText", str)


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A stored row; the spool leaves out fields that have their default."""


class Item(Row, frozen=True):
    """One line of an order or cart."""

    product: Annotated[
        str,
        Doc("The shop's product id or SKU; `:rest` for all lines after the 200th."),
    ]
    variant: Annotated[str | None, Doc("The chosen variant.")] = None
    quantity: Annotated[
        int, Doc("Number of pieces; negative for returns, 1 for goods sold by weight.")
    ] = 1
    price_minor: Annotated[
        int | None, Doc("Price of one piece in minor units of the currency.")
    ] = None


class Event(Row, frozen=True):
    """One accepted, anonymous event.

    A new column also needs its name in ``EVENTS.added``, so that stored tables get it,
    and its value in ``proxy/pipeline/event_row.py``.
    """

    site: Annotated[str, Doc("Site id.")]
    day: Annotated[date, Doc("The site's local date on which the event occurred.")]
    at: Annotated[UtcSeconds, Doc("Time of the event, UTC, whole seconds.")]
    seq: Annotated[
        int,
        Doc("Order within the second: 65,536 for each 32nd of it, plus a place."),
    ] = 0
    event_id: Annotated[
        Hash64 | None,
        Doc("Keyed hash of the client's message id; removes duplicates."),
    ] = None
    visitor: Annotated[
        Hash64 | None,
        Doc("Daily-salted hash; unlinkable across days and sites; null when stripped."),
    ] = None
    actor: Annotated[
        Hash64 | None, Doc("Pseudonym of a known customer, by the site's actors level.")
    ] = None
    name: Annotated[str, Doc("Name of the event, such as pageview.")] = "pageview"
    protocol: Annotated[str, Doc("Wire protocol of the request.")] = "native"
    server: Annotated[
        bool,
        Doc("From the site's own server, with a secret key, or from its order list."),
    ] = False
    passive: Annotated[
        bool, Doc("Sent by the page without an action of the visitor.")
    ] = False
    hostname: Annotated[
        str | None, Doc("Host of the page; `*` replaces labels that look personal.")
    ] = None
    path: Annotated[str | None, Doc("Path of the page, without secrets and query.")] = (
        None
    )
    referrer: Annotated[str | None, Doc("Host that linked here; null if direct.")] = (
        None
    )
    source: Annotated[str | None, Doc("Name of the visit's source.")] = None
    channel: Annotated[
        str | None, Doc("Class of the source; direct needs a visitor and a page.")
    ] = None
    utm_source: Annotated[str | None, Doc("utm_source of the page URL.")] = None
    utm_medium: Annotated[str | None, Doc("utm_medium of the page URL.")] = None
    utm_campaign: Annotated[str | None, Doc("utm_campaign of the page URL.")] = None
    utm_term: Annotated[str | None, Doc("utm_term of the page URL.")] = None
    utm_content: Annotated[str | None, Doc("utm_content of the page URL.")] = None
    click_id: Annotated[
        str | None, Doc("Kind of click id in the URL (gclid, …), never its value.")
    ] = None
    country: Annotated[str | None, Doc("ISO 3166-1 alpha-2 country.")] = None
    region: Annotated[str | None, Doc("ISO 3166-2 region, if configured.")] = None
    browser: Annotated[str | None, Doc("Browser family.")] = None
    browser_major: Annotated[int | None, Doc("Browser's major version.")] = None
    os: Annotated[str | None, Doc("Operating system family.")] = None
    device: Annotated[str | None, Doc("desktop, mobile, tablet, tv, …")] = None
    screen: Annotated[str | None, Doc("Class of screen width: xs, s, m, l, xl.")] = None
    language: Annotated[str | None, Doc("Primary language tag.")] = None
    engaged_ms: Annotated[
        int | None, Doc("Milliseconds of engaged time this event adds.")
    ] = None
    scroll_pct: Annotated[int | None, Doc("Deepest scroll position, 0 to 100.")] = None
    props: Annotated[
        JsonText | None, Doc("Allow-listed properties as JSON, keys sorted.")
    ] = None
    late: Annotated[
        bool, Doc("Dated on an earlier, closed day; counted on arrival.")
    ] = False
    order_key: Annotated[
        Hash64 | None, Doc("Keyed hash of the order id, so an order counts once.")
    ] = None
    cart_key: Annotated[Hash64 | None, Doc("Keyed hash of the cart id.")] = None
    cart_action: Annotated[
        str | None, Doc("What cart_updated did to the cart: added or removed.")
    ] = None
    currency: Annotated[str | None, Doc("ISO 4217 currency of the amounts.")] = None
    value_minor: Annotated[int | None, Doc("Order total in minor units.")] = None
    tax_minor: Annotated[int | None, Doc("Tax in minor units.")] = None
    shipping_minor: Annotated[int | None, Doc("Shipping in minor units.")] = None
    refund_minor: Annotated[int | None, Doc("Refunded amount in minor units.")] = None
    amount_from_items: Annotated[
        bool, Doc("The client sent no total; the lines' sum is stored instead.")
    ] = False
    discount_minor: Annotated[int | None, Doc("Discount in minor units.")] = None
    coupon: Annotated[str | None, Doc("Coupon code of a campaign.")] = None
    items: Annotated[tuple[Item, ...] | None, Doc("Lines of the order or cart.")] = None


class Session(Row, frozen=True):
    """A visitor's run of events with no gap over the timeout, within one day."""

    site: Annotated[str, Doc("Site id.")]
    day: Annotated[date, Doc("The site's local date.")]
    session: Annotated[Hash64, Doc("Deterministic id of the session.")]
    visitor: Annotated[Hash64, Doc("The visitor whose session it is.")]
    started_at: Annotated[UtcSeconds, Doc("Time of the first event, UTC.")]
    duration_s: Annotated[int, Doc("Seconds until the last event a browser sent.")]
    engaged_ms: Annotated[int, Doc("Sum of engagement pings in milliseconds.")]
    pageviews: Annotated[int, Doc("Events named pageview.")]
    events: Annotated[int, Doc("All events except engagement pings.")]
    bounce: Annotated[bool, Doc("Meets the bounce definition of docs/metrics.md.")]
    continued: Annotated[bool, Doc("Continues the day before; no new acquisition.")]
    suspect: Annotated[bool, Doc("Too long or too busy for a person; in no figure.")]
    entry_path: Annotated[str | None, Doc("Path of the first pageview.")]
    exit_path: Annotated[str | None, Doc("Path of the last pageview.")]
    hostname: Annotated[str | None, Doc("Host of the first event with a page.")]
    referrer: Annotated[
        str | None, Doc("Referrer host of the first event with a page.")
    ]
    source: Annotated[str | None, Doc("Source of the first event with a page.")]
    channel: Annotated[
        str | None,
        Doc("Channel of that event; if internal, that of the session before it."),
    ]
    utm_source: Annotated[str | None, Doc("utm_source of the first event with a page.")]
    utm_medium: Annotated[str | None, Doc("utm_medium of the first event with a page.")]
    utm_campaign: Annotated[
        str | None, Doc("utm_campaign of the first event with a page.")
    ]
    utm_term: Annotated[str | None, Doc("utm_term of the first event with a page.")]
    utm_content: Annotated[
        str | None, Doc("utm_content of the first event with a page.")
    ]
    click_id: Annotated[str | None, Doc("Click id kind of that event.")]
    country: Annotated[str | None, Doc("Country of the first event.")]
    region: Annotated[str | None, Doc("Region of the first event.")]
    browser: Annotated[str | None, Doc("Browser of the first event.")]
    browser_major: Annotated[int | None, Doc("Browser version of the first event.")]
    os: Annotated[str | None, Doc("Operating system of the first event.")]
    device: Annotated[str | None, Doc("Device class of the first event.")]
    screen: Annotated[str | None, Doc("Screen class of the first event.")]
    language: Annotated[str | None, Doc("Language of the first event.")]
    product_views: Annotated[int, Doc("Events named product_viewed.")]
    cart_updates: Annotated[int, Doc("Events named cart_updated.")]
    checkouts: Annotated[int, Doc("Events named checkout_started.")]
    orders: Annotated[int, Doc("Orders placed, counted once per order key.")]
    value_minor: Annotated[int, Doc("Value of those orders in the site's currency.")]
    currency: Annotated[str, Doc("The site's currency.")]


class DailyStat(Row, frozen=True):
    """The figures of one value of one dimension, for one site and day."""

    site: Annotated[str, Doc("Site id.")]
    day: Annotated[date, Doc("The site's local date.")]
    dimension: Annotated[str, Doc("Dimension of the breakdown; total for all.")]
    value: Annotated[str, Doc("The dimension's value; (none) unknown, (other) merged.")]
    currency: Annotated[str, Doc("Currency of value_minor; one row per currency.")]
    visitors: Annotated[int, Doc("Distinct visitors.")]
    sessions: Annotated[int, Doc("Sessions.")]
    bounces: Annotated[int, Doc("Sessions that bounced.")]
    conversions: Annotated[int, Doc("Sessions with an order.")]
    pageviews: Annotated[int, Doc("Pageviews.")]
    events: Annotated[int, Doc("Events except engagement pings.")]
    duration_s: Annotated[int, Doc("Sum of session durations in seconds.")]
    engaged_ms: Annotated[int, Doc("Sum of engagement in milliseconds.")]
    orders: Annotated[int, Doc("Orders placed.")]
    value_minor: Annotated[int, Doc("Order value in minor units of currency.")]
    refunds: Annotated[int, Doc("Refunds made, on the day of the refund.")]
    refund_minor: Annotated[int, Doc("Refunded amounts in minor units of currency.")]


class Drop(Row, frozen=True):
    """How many hits were dropped for one reason in one hour; never a payload."""

    site: Annotated[str, Doc("Site id; (unknown) if no site was identified.")]
    day: Annotated[date, Doc("The site's local date of arrival.")]
    hour: Annotated[int, Doc("The site's local hour of arrival, 0 to 23.")]
    reason: Annotated[str, Doc("One of the closed set of drop reasons.")]
    protocol: Annotated[str, Doc("Wire protocol of the hits.")]
    count: Annotated[int, Doc("Number of hits.")]
    bot_kind: Annotated[
        str | None,
        Doc("Kind of the bot, of a closed set (docs/api.md, Kinds of bots)."),
    ] = None


class LedgerEntry(Row, frozen=True):
    """One entry of the tamper-evident record of operations on the data."""

    number: Annotated[int, Doc("Position in the chain, from 0.")]
    day: Annotated[date, Doc("UTC date of the entry.")]
    at: Annotated[UtcSeconds, Doc("Time of the entry, UTC.")]
    kind: Annotated[str, Doc("salt_created, salt_destroyed, retention, …")]
    subject: Annotated[str, Doc("Subject of the entry; never personal data.")]
    detail: Annotated[JsonText, Doc("Details of the entry as JSON, keys sorted.")]
    previous: Annotated[str, Doc("SHA-256 of the previous entry, hex.")]
    digest: Annotated[str, Doc("SHA-256 of this entry and the previous one, hex.")]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A stored table: its name, its row class, and its layout on disk."""

    name: str
    row: type[Row]
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ("day",)
    sort_by: tuple[str, ...] = ()
    # Columns that the first version of the table did not have. Each needs a default:
    # its value in files written before it was added.
    added: tuple[str, ...] = ()


EVENTS = Table(
    name="events",
    row=Event,
    key=("site", "day", "event_id"),
    sort_by=("visitor", "at", "seq", "event_id"),
    added=("passive", "cart_action", "amount_from_items"),
)
SESSIONS = Table(
    name="sessions",
    row=Session,
    key=("site", "day", "session"),
    sort_by=("site", "visitor", "started_at"),
)
DAILY_STATS = Table(
    name="daily_stats",
    row=DailyStat,
    key=("site", "day", "dimension", "value", "currency"),
    sort_by=("site", "dimension", "value", "currency"),
)
DROPS = Table(
    name="drops",
    row=Drop,
    key=("site", "day", "hour", "reason", "protocol", "bot_kind"),
    added=("bot_kind",),
)
LEDGER = Table(name="ledger", row=LedgerEntry, key=("number",))
TABLES = (EVENTS, SESSIONS, DAILY_STATS, DROPS, LEDGER)
# Derived from events; the next build creates them again if they are moved away.
DERIVED = (SESSIONS, DAILY_STATS)
