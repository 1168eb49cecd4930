"""The row of an event: what the chain found of a hit, column by column."""

import math

import msgspec

from proxy.client.client import Client
from proxy.client.geo import Location
from proxy.client.hints import primary_language, screen_class
from proxy.page.page import Page
from proxy.page.referrer import Referral
from proxy.pipeline.commerce import OrderFields
from proxy.pipeline.hit import NO_ID, Hit
from proxy.pipeline.moment import Moment
from proxy.pipeline.sites import Site
from proxy.user_agent.classifier import UserAgent
from warehouse.schema import Event, Hash64, JsonText, UtcSeconds

_MOST_ENGAGED_MS = 86_400_000


class AdmittedHit(msgspec.Struct, frozen=True, gc=False):
    """A hit that may be kept, and what the gates found out about it."""

    hit: Hit
    site: Site
    client: Client
    agent: UserAgent
    protocol: str
    stripped: bool
    server: bool


class Enrichment(msgspec.Struct, frozen=True, gc=False):
    """What the steps made of it."""

    visitor: Hash64 | None
    actor: Hash64 | None
    location: Location
    page: Page
    referral: Referral
    props: JsonText | None
    order: OrderFields


def event_row(sent: AdmittedHit, moment: Moment, found: Enrichment, seq: int) -> Event:
    """Return the row: here, and nowhere else, a column gets its value."""
    hit, agent = sent.hit, sent.agent
    location, page, referral, order = (
        found.location,
        found.page,
        found.referral,
        found.order,
    )
    return Event(
        site=sent.site.id,
        day=moment.day,
        at=UtcSeconds(moment.at),
        seq=seq,
        event_id=_event_id(hit, sent.site),
        visitor=found.visitor,
        actor=found.actor,
        name=hit.name,
        protocol=sent.protocol,
        server=sent.server,
        passive=_is_passive(hit),
        hostname=page.hostname,
        path=page.path,
        referrer=referral.referrer,
        source=referral.source,
        channel=None if sent.stripped else referral.channel,
        utm_source=page.utm_source,
        utm_medium=page.utm_medium,
        utm_campaign=page.utm_campaign,
        utm_term=page.utm_term,
        utm_content=page.utm_content,
        click_id=page.click_id,
        country=location.country,
        region=location.region,
        browser=agent.browser,
        browser_major=agent.browser_major,
        os=agent.os,
        device=agent.device,
        screen=screen_class(hit.screen),
        language=primary_language(hit.lang),
        engaged_ms=_bounded(hit.engaged_ms, _MOST_ENGAGED_MS),
        scroll_pct=_bounded(hit.scroll_pct, 100),
        props=found.props,
        late=moment.late,
        order_key=order.order_key,
        cart_key=order.cart_key,
        currency=order.currency,
        value_minor=order.value_minor,
        tax_minor=order.tax_minor,
        shipping_minor=order.shipping_minor,
        refund_minor=order.refund_minor,
        discount_minor=order.discount_minor,
        coupon=order.coupon,
        items=order.items,
    )


def _is_passive(hit: Hit) -> bool:
    # Whatever it says, a page view is a page somebody opened.
    return hit.passive and hit.name != "pageview"


def _event_id(hit: Hit, site: Site) -> Hash64 | None:
    if hit.id in NO_ID:
        return None
    return site.event_hash(str(hit.id))


def _bounded(value: float | None, most: int) -> int | None:
    if value is None or math.isnan(value):
        return None
    return int(min(max(value, 0), most))
