"""Builds the row of an event from an admitted hit, column by column."""

import math

import msgspec
from msgspec.structs import asdict, replace

from proxy.client.client import Client
from proxy.client.geo import Location
from proxy.client.hints import primary_language, screen_class
from proxy.page.page import Page
from proxy.page.referrer import Referral
from proxy.pipeline.commerce import NO_ORDER, OrderFields
from proxy.pipeline.hit import NO_ID, Hit
from proxy.pipeline.moment import Moment
from proxy.pipeline.sites import Site
from proxy.user_agent.classifier import UserAgent
from warehouse.schema import Event, Hash64, JsonText, UtcSeconds

_MAX_ENGAGED_MS = 86_400_000


class AdmittedHit(msgspec.Struct, frozen=True, gc=False):
    """A hit that passed the first checks, and the results of those checks."""

    hit: Hit
    site: Site
    client: Client
    agent: UserAgent
    protocol: str
    # An objection says: store no visitor, actor, referrer or props.
    is_stripped: bool
    # The site's own server sent it, with a secret key.
    is_server: bool


class Enrichment(msgspec.Struct, frozen=True, gc=False):
    """The results of the steps that follow admission."""

    visitor: Hash64 | None
    actor: Hash64 | None
    location: Location
    page: Page
    referral: Referral
    props: JsonText | None
    order: OrderFields


def event_row(hit: AdmittedHit, moment: Moment, details: Enrichment, seq: int) -> Event:
    """Return the row; no other code sets the columns of an event."""
    raw_hit, agent = hit.hit, hit.agent
    page, referral, order = details.page, details.referral, details.order
    event = Event(
        site=hit.site.id,
        day=moment.day,
        at=UtcSeconds(moment.at),
        seq=seq,
        event_id=_event_id(hit),
        visitor=details.visitor,
        actor=details.actor,
        name=raw_hit.name,
        protocol=hit.protocol,
        server=hit.is_server,
        passive=_is_passive(raw_hit),
        hostname=page.hostname,
        path=page.path,
        referrer=referral.referrer,
        source=referral.source,
        channel=referral.channel,
        utm_source=page.utm_source,
        utm_medium=page.utm_medium,
        utm_campaign=page.utm_campaign,
        utm_term=page.utm_term,
        utm_content=page.utm_content,
        click_id=page.click_id,
        country=details.location.country,
        region=details.location.region,
        browser=agent.browser,
        browser_major=agent.browser_major,
        os=agent.os,
        device=agent.device,
        screen=screen_class(raw_hit.screen),
        language=primary_language(raw_hit.lang),
        engaged_ms=_bounded(raw_hit.engaged_ms, _MAX_ENGAGED_MS),
        scroll_pct=_bounded(raw_hit.scroll_pct, 100),
        props=details.props,
        late=moment.late,
    )
    return event if order is NO_ORDER else _with_order(event, order)


def _with_order(event: Event, order: OrderFields) -> Event:
    """Return *event* with the columns of *order*; few events have any."""
    order_columns = asdict(order) | {"name": order.name or event.name}
    return replace(event, **order_columns)


def _is_passive(hit: Hit) -> bool:
    # A pageview is never passive, whatever the client says: a person opened a page.
    return hit.passive and hit.name != "pageview"


def _event_id(admitted: AdmittedHit) -> Hash64 | None:
    hit, site = admitted.hit, admitted.site
    if hit.id in NO_ID:
        return None
    text = str(hit.id).strip()
    if not text:
        return None
    return site.server_event_hash(text) if admitted.is_server else site.event_hash(text)


def _bounded(value: float | None, maximum: int) -> int | None:
    if value is None or math.isnan(value):
        return None
    return int(min(max(value, 0), maximum))
