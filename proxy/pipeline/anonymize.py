"""The anonymizer: turns what a client sent into an ``Event`` or a ``Dropped``.

The order of the steps is a promise. Objections are checked before anything else is
read. Only four steps read the address and User-Agent (bot, visitor, geo, user agent),
and both are gone when the request ends. Everything happens in memory; nothing is
written.
"""

from collections.abc import Callable

from config.settings import PrivacySettings
from proxy.client.client import Client, ClientSource
from proxy.client.geo import Geo
from proxy.client.visitor import hash_client
from proxy.page.page import NO_PAGE, Page
from proxy.page.referrer import NO_REFERRAL, Referrers
from proxy.pipeline.commerce import BAD_ORDER, NO_ORDER, parse_order
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.event_name import is_event_name
from proxy.pipeline.event_order import EventOrder
from proxy.pipeline.event_row import AdmittedHit, Enrichment, event_row
from proxy.pipeline.hit import NO_ID, Hit
from proxy.pipeline.moment import Calendars, Moment
from proxy.pipeline.opt_out import Objection, resolve_objection
from proxy.pipeline.props import VISIT_TOKEN_PROP, clean_props
from proxy.pipeline.sender import Sender
from proxy.pipeline.site_days import DayKeys, SiteDays
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site, Sites
from proxy.pipeline.visit_token import open_visit_token, seal_visit_token
from proxy.user_agent.classifier import NO_AGENT, Classifier, UserAgent
from warehouse.schema import Event, Hash64

_DROPPED_BY_OBJECTION = {
    Objection.OPT_OUT: Dropped(DropReason.OPT_OUT),
    Objection.GPC: Dropped(DropReason.GPC),
    Objection.DNT: Dropped(DropReason.DNT),
}
# Sent by a site's own server: its address and User-Agent belong to no visitor.
_NO_CLIENT = Client(None, None)


class Anonymizer:
    """The steps in their order, and the parts that each step needs."""

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
        self._site_days = SiteDays(salts, calendars, late_limit_s=privacy.late_limit_s)
        self._random_bytes = random_bytes

    def anonymize(
        self, hit: Hit, sender: Sender, now_s: float, event_order: EventOrder
    ) -> Event | Dropped:
        """Return the event to store for *hit*, or why it is dropped.

        *event_order* numbers the event among those of its second.
        Raises ``NoSaltError`` if visitors cannot be hashed; the client must then send
        the hit again.
        """
        admitted = self._admit(hit, sender)
        if isinstance(admitted, Dropped):
            return admitted
        day = self._site_days.moment_and_key(hit, admitted.site, now_s)
        if not isinstance(day, tuple):
            return Dropped(day, admitted.site.id)
        moment, key = day
        return self._enrich(admitted, moment, key, now_s, event_order)

    def visit_token(self, hit: Hit, sender: Sender, now_s: float) -> str | None:
        """Return a token for the visitor who sends *hit*, None if there is no visitor.

        A sender who objects, or who is not a visitor, gets no token.
        """
        admitted = self._admit(hit, sender)
        if isinstance(admitted, Dropped) or admitted.is_stripped:
            return None
        encoded_client = admitted.client.encoded
        if encoded_client is None:
            return None
        day = self._site_days.moment_and_key(hit, admitted.site, now_s)
        if not isinstance(day, tuple):
            return None
        moment, key = day
        visitor = hash_client(key, encoded_client)
        token_key = self._site_days.token_key(admitted.site, moment, now_s)
        if token_key is None:
            return None
        return seal_visit_token(visitor, moment.day, token_key, self._random_bytes)

    def refuse(self, dropped: Dropped, sender: Sender) -> Dropped:
        """Return *dropped*, or the sender's objection, because objections win."""
        objection = resolve_objection(sender.signals, self._privacy, hit_opt_out=False)
        return _DROPPED_BY_OBJECTION.get(objection, dropped)

    def _admit(self, hit: Hit, sender: Sender) -> AdmittedHit | Dropped:
        """Check objection, site, name, client address and bot, in this order."""
        objection = resolve_objection(sender.signals, self._privacy, hit.optout)
        if objection in _DROPPED_BY_OBJECTION:
            return _DROPPED_BY_OBJECTION[objection]
        site = self._sites.find(hit.site, hit.key, sender.origin, sender.host)
        if isinstance(site, DropReason):
            return self._drop_without_site(site, hit, sender)
        if hit.refused is not None:
            return Dropped(hit.refused, site.id)
        if not is_event_name(hit.name):
            return Dropped(DropReason.BAD_NAME, site.id)
        credentials = (sender.credential, hit.key, hit.secret)
        is_server = any(map(site.is_server, credentials))
        if is_server or hit.library:
            client = self._client_named_by_server(hit) if is_server else _NO_CLIENT
        else:
            client = sender.client()
        # Without a User-Agent in the source, nobody can tell who is a bot.
        user_agent = client.user_agent
        agent = (
            NO_AGENT if user_agent is None else self._classifier.classify(user_agent)
        )
        is_stripped = objection is Objection.STRIP
        if agent.bot or client.is_excess:
            dropped = _drop_of_client(client, agent, site, is_stripped=is_stripped)
            if dropped is not None:
                return dropped
        return AdmittedHit(
            hit, site, client, agent, sender.protocol, is_stripped, is_server
        )

    def _client_named_by_server(self, hit: Hit) -> Client:
        """Return the client that a site's own server names in *hit*, if any."""
        named = hit.visitor
        if named is None or named.address is None:
            return _NO_CLIENT
        address = self._clients.canonical_address(named.address)
        return (
            _NO_CLIENT if address is None else Client(address, named.user_agent or "")
        )

    def _drop_without_site(
        self, reason: DropReason, hit: Hit, sender: Sender
    ) -> Dropped:
        """Drop under the site that the hit names, so that its owner sees the count."""
        site = self._sites.find(hit.site, hit.key, None, sender.host)
        return Dropped(reason, site.id) if isinstance(site, Site) else Dropped(reason)

    def _visitor(
        self,
        admitted: AdmittedHit,
        moment: Moment,
        key: bytes | bytearray,
        now_s: float,
    ) -> Hash64 | None:
        if admitted.client.encoded is not None:
            return hash_client(key, admitted.client.encoded)
        # Only the site's own server may use a token: pages do not need one.
        token = _visit_token(admitted.hit) if admitted.is_server else None
        if token is None:
            return None
        token_key = self._site_days.token_key(admitted.site, moment, now_s)
        if token_key is None:
            return None
        return open_visit_token(token, moment.day, token_key)

    def _enrich(
        self,
        admitted: AdmittedHit,
        moment: Moment,
        key: bytes | bytearray,
        now_s: float,
        event_order: EventOrder,
    ) -> Event | Dropped:
        """Add visitor, geo, page, referrer, props and commerce, in this order."""
        hit, site, is_stripped = admitted.hit, admitted.site, admitted.is_stripped
        visitor = actor = None
        if not is_stripped:
            visitor = self._visitor(admitted, moment, key, now_s)
            actor = _actor(hit, site, key)
        location = self._geo.location(admitted.client.address)
        page = site.pages.page(hit.url) or NO_PAGE
        problem = _page_problem(hit, site, page)
        if problem is not None:
            return Dropped(problem, site.id)
        referral = NO_REFERRAL
        props = None
        if not is_stripped:
            referral = self._referrers.refer(
                hit.referrer, page, site.pages.internal_hosts
            )
            props = clean_props(hit.props, site.props_allow)
        if referral.spam:
            return Dropped(DropReason.REFERRER_SPAM, site.id)
        order = (
            NO_ORDER if hit.order is None else parse_order(hit.order, hit.name, site)
        )
        if order is BAD_ORDER:
            return Dropped(DropReason.BAD_ORDER, site.id)
        if visitor is None or page is NO_PAGE:
            # Nobody knows whether the visitor came directly.
            referral = referral.without_direct()
        enrichment = Enrichment(visitor, actor, location, page, referral, props, order)
        seq = event_order.next_seq(visitor, moment)
        return event_row(admitted, moment, enrichment, seq)


def _drop_of_client(
    client: Client, agent: UserAgent, site: Site, *, is_stripped: bool
) -> Dropped | None:
    """Return why the client's hit is dropped: a bot, or one visitor too many."""
    if agent.bot:
        return Dropped(DropReason.BOT, site.id, agent.bot)
    # An event that is stripped of its visitor makes no visitor.
    if client.is_excess and not is_stripped:
        return Dropped(DropReason.TOO_MANY_VISITORS, site.id)
    return None


def _page_problem(hit: Hit, site: Site, page: Page) -> DropReason | None:
    if page is NO_PAGE:
        # A server reports orders without a page, but a pageview needs one.
        return DropReason.BAD_PAGE if hit.name == "pageview" else None
    if page.hostname is None or not site.serves(page.hostname):
        return DropReason.FOREIGN_ORIGIN
    return None


def _visit_token(hit: Hit) -> str | None:
    """Return the visit token of *hit*; vendors' clients send it as a property."""
    if hit.visit_token is not None or not hit.props:
        return hit.visit_token
    token = hit.props.get(VISIT_TOKEN_PROP)
    return token if isinstance(token, str) else None


def _actor(hit: Hit, site: Site, day_key: bytes | bytearray) -> Hash64 | None:
    if hit.actor in NO_ID or site.actors == "off":
        return None
    text = str(hit.actor).strip()
    if not text:
        return None
    key = site.key if site.actors == "keyed" else day_key
    return keyed_hash(key, HashPurpose.ACTOR, text)
