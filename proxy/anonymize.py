"""The chain: what a client sent goes in, an ``Event`` or a ``Dropped`` comes out.

The order is the promise. An objection is heard before anything is looked at; the
address and User-Agent are read by four steps (bot, visitor, geo, user agent) and end
with the request. Everything here is memory: nothing is written.
"""

import math
from collections.abc import Callable
from datetime import date
from typing import Protocol

import msgspec
from multidict import istr

from config.errors import MillpondError, Retryable
from config.settings import PrivacySettings
from proxy.client import Client, ClientSource
from proxy.commerce import BAD_ORDER, NO_ORDER, OrderFields, parse_order
from proxy.drops import Dropped, DropReason
from proxy.geo import Geo, Place
from proxy.hit import Hit
from proxy.language import primary_language
from proxy.moment import Calendars, Moment, occurred_at
from proxy.name import is_event_name
from proxy.opt_out import Objection, objection
from proxy.page import NO_PAGE, Page
from proxy.props import clean_props
from proxy.referrer import NO_REFERRAL, Referral, Referrers
from proxy.screen import screen_class
from proxy.sender import Sender
from proxy.site_keys import Purpose, keyed_hash
from proxy.sites import Site, Sites
from proxy.user_agent import NO_AGENT, Classifier, UserAgent
from proxy.visit_token import TOKEN_PROP, open_visit_token, seal_visit_token
from proxy.visitor import hash_client
from warehouse.schema import Event, Hash64, JsonText, UtcSeconds

_ORIGIN = istr("Origin")
_HOST = istr("Host")
_AUTHORIZATION = istr("Authorization")
_MOST_ENGAGED_MS = 86_400_000
# An empty id would make one event, or one customer, of all that send it.
_NO_ID = (None, "")
_DROPPING = {
    Objection.OPT_OUT: Dropped(DropReason.OPT_OUT),
    Objection.GPC: Dropped(DropReason.GPC),
    Objection.DNT: Dropped(DropReason.DNT),
}
# A site's own server reports for its customers: its address and agent are nobody's.
_NOBODY = Client(None, "")


class NoSaltError(Retryable, MillpondError):
    """Today's salt is not at hand, so no visitor can be told from another."""

    def __init__(self, zone: str) -> None:
        super().__init__(
            f"hash visitors: there is no salt for today in {zone}",
            hint="see that privacy.salt_store can be reached",
        )


class DayKeys(Protocol):
    """Where the site-day keys come from: the live salts, or those of an import."""

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the key of that day, None where its salt is gone."""


class _Sent(msgspec.Struct, frozen=True, gc=False):
    """A hit that may be kept, and what the gates found out about it."""

    hit: Hit
    site: Site
    client: Client
    agent: UserAgent
    protocol: str
    stripped: bool
    server: bool


class _Found(msgspec.Struct, frozen=True, gc=False):
    """What the steps made of it."""

    visitor: Hash64 | None
    actor: Hash64 | None
    place: Place
    page: Page
    referral: Referral
    props: JsonText | None
    order: OrderFields


class Anonymizer:
    """The steps in their order, with what each needs to know."""

    def __init__(
        self,
        privacy: PrivacySettings,
        *,
        sites: Sites,
        clients: ClientSource,
        classifier: Classifier,
        geo: Geo,
        referrers: Referrers,
        salts: DayKeys,
        calendars: Calendars,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._privacy = privacy
        self._sites = sites
        self._clients = clients
        self._classifier = classifier
        self._geo = geo
        self._referrers = referrers
        self._salts = salts
        self._calendars = calendars
        self._random_bytes = random_bytes

    def anonymize(
        self, hit: Hit, sender: Sender, now_s: float, seq: int = 0
    ) -> Event | Dropped:
        """Return what is kept of *hit*, or why nothing is.

        Raises ``NoSaltError`` where visitors cannot be hashed: the client must then
        send again.
        """
        sent = self._gates(hit, sender)
        if isinstance(sent, Dropped):
            return sent
        moment, key = self._moment(hit, sent.site, now_s)
        return self._describe(sent, moment, key, seq)

    def visit_token(self, hit: Hit, sender: Sender, now_s: float) -> str | None:
        """Return a token for the visitor who sends *hit*, None where there is none.

        Who objects, and who is no visitor, gets none.
        """
        sent = self._gates(hit, sender)
        if isinstance(sent, Dropped) or sent.stripped or sent.client.encoded is None:
            return None
        moment, key = self._moment(hit, sent.site, now_s)
        visitor = hash_client(key, sent.client.encoded)
        return seal_visit_token(visitor, moment.day, key, self._random_bytes)

    def refuse(self, dropped: Dropped, sender: Sender) -> Dropped:
        """Return *dropped*, or the sender's objection: who objects is not counted."""
        wish = objection(sender.headers, self._privacy, hit_opt_out=False)
        return _DROPPING.get(wish, dropped)

    def _gates(self, hit: Hit, sender: Sender) -> "_Sent | Dropped":
        """Objection, site, name, client address, bot: in this order."""
        headers = sender.headers
        wish = objection(headers, self._privacy, hit.optout)
        if wish in _DROPPING:
            return _DROPPING[wish]
        site = self._sites.find(
            hit.site, hit.key, headers.get(_ORIGIN), headers.get(_HOST)
        )
        if isinstance(site, DropReason):
            return self._refused(site, hit, sender)
        if hit.refused is not None:
            return Dropped(hit.refused, site.id)
        if not is_event_name(hit.name):
            return Dropped(DropReason.BAD_NAME, site.id)
        named = (headers.get(_AUTHORIZATION), hit.key, hit.secret)
        server = any(map(site.is_server, named))
        if server or hit.library:
            client = self._spoken_for(hit) if server else _NOBODY
        else:
            client = self._client(sender)
        agent = NO_AGENT if client is _NOBODY else self._agent(client)
        if agent.bot:
            return Dropped(DropReason.BOT, site.id)
        stripped = wish is Objection.STRIP
        return _Sent(hit, site, client, agent, sender.protocol, stripped, server)

    def _agent(self, client: Client) -> UserAgent:
        return self._classifier.classify(client.user_agent)

    def _spoken_for(self, hit: Hit) -> Client:
        """Return the visitor a site's own server names, or nobody."""
        named = hit.visitor
        if named is None or named.address is None:
            return _NOBODY
        address = self._clients.canonical(named.address)
        return _NOBODY if address is None else Client(address, named.user_agent or "")

    def _refused(self, reason: DropReason, hit: Hit, sender: Sender) -> Dropped:
        """Count a foreign page's hits under the site they name: its owner must see."""
        host = sender.headers.get(_HOST)
        named = self._sites.find(hit.site, hit.key, None, host)
        return Dropped(reason, named.id) if isinstance(named, Site) else Dropped(reason)

    def _client(self, sender: Sender) -> Client:
        if sender.client is None:
            sender.client = self._clients.client(sender.peer, sender.headers)
        return sender.client

    def _moment(
        self, hit: Hit, site: Site, now_s: float
    ) -> tuple[Moment, bytes | bytearray]:
        """Return when the hit occurred, and the site-day key of that day.

        The day it names counts if that day's salt still lives and the limit is kept;
        otherwise it is counted on arrival, as late.
        """
        arrival = int(now_s)
        at = arrival
        if hit.at is not None:
            at = int(occurred_at(hit.at, hit.sent_at, now_s))
        local_days = self._calendars.of(site.id)
        if arrival - at <= self._privacy.late_limit_s:
            day, _ = local_days.of(at)
            key = self._salts.key_if_live(site.zone.key, day, site.id, now_s)
            if key is not None:
                return Moment(at, day), key
        today, _ = local_days.of(arrival)
        key = self._salts.key_if_live(site.zone.key, today, site.id, now_s)
        if key is None:
            raise NoSaltError(site.zone.key)
        return Moment(arrival, today, late=at != arrival), key

    def _describe(
        self, sent: _Sent, moment: Moment, key: bytes | bytearray, seq: int
    ) -> Event | Dropped:
        """Visitor, geo, user agent, page, referrer, props, commerce: in this order."""
        hit, site, client, stripped = sent.hit, sent.site, sent.client, sent.stripped
        visitor = actor = None
        if not stripped:
            visitor = _visitor(sent, moment, key)
            actor = _actor(hit, site, key)
        place = self._geo.place(client.address)
        page = site.pages.page(hit.url) or NO_PAGE
        problem = _page_problem(hit, site, page)
        if problem is not None:
            return Dropped(problem, site.id)
        referral = NO_REFERRAL
        props = None
        if not stripped:
            referral = self._referrers.refer(hit.referrer, page, site.pages.own_hosts)
            props = clean_props(hit.props, site.props_allow)
        if referral.spam:
            return Dropped(DropReason.REFERRER_SPAM, site.id)
        order = parse_order(hit.order, site) if hit.order is not None else NO_ORDER
        if order is BAD_ORDER:
            return Dropped(DropReason.BAD_ORDER, site.id)
        found = _Found(visitor, actor, place, page, referral, props, order)
        return _event(sent, moment, found, seq)


def _event(sent: _Sent, moment: Moment, found: _Found, seq: int) -> Event:
    """Return the row: here, and nowhere else, a column gets its value."""
    hit, agent = sent.hit, sent.agent
    place, page, referral, order = found.place, found.page, found.referral, found.order
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
        country=place.country,
        region=place.region,
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


def _page_problem(hit: Hit, site: Site, page: Page) -> DropReason | None:
    if page is NO_PAGE:
        # A server reports orders without a page; a page view without one is none.
        return DropReason.BAD_PAGE if hit.name == "pageview" else None
    if page.hostname is None or not site.serves(page.hostname):
        return DropReason.FOREIGN_ORIGIN
    return None


def _visitor(sent: _Sent, moment: Moment, key: bytes | bytearray) -> Hash64 | None:
    if sent.client.encoded is not None:
        return hash_client(key, sent.client.encoded)
    # A token is believed of the site's own server alone: pages need none.
    token = _token(sent.hit) if sent.server else None
    return None if token is None else open_visit_token(token, moment.day, key)


def _token(hit: Hit) -> str | None:
    """Return the visit token of a hit; vendors' clients carry it as a property."""
    if hit.visit_token is not None or not hit.props:
        return hit.visit_token
    named = hit.props.get(TOKEN_PROP)
    return named if isinstance(named, str) else None


def _actor(hit: Hit, site: Site, day_key: bytes | bytearray) -> Hash64 | None:
    if hit.actor in _NO_ID or site.actors == "off":
        return None
    key = site.key if site.actors == "keyed" else day_key
    return keyed_hash(key, Purpose.ACTOR, str(hit.actor))


def _event_id(hit: Hit, site: Site) -> Hash64 | None:
    if hit.id in _NO_ID:
        return None
    return site.event_hash(str(hit.id))


def _bounded(value: float | None, most: int) -> int | None:
    if value is None or math.isnan(value):
        return None
    return int(min(max(value, 0), most))
