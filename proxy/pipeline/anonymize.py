"""The chain: what a client sent goes in, an ``Event`` or a ``Dropped`` comes out.

The order is the promise. An objection is heard before anything is looked at; the
address and User-Agent are read by four steps (bot, visitor, geo, user agent) and end
with the request. Everything here is memory: nothing is written.
"""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from config.errors import MillpondError, Retryable
from config.settings import PrivacySettings
from proxy.client.client import Client, ClientSource
from proxy.client.geo import Geo
from proxy.client.visitor import hash_client
from proxy.page.page import NO_PAGE, Page
from proxy.page.referrer import NO_REFERRAL, Referrers
from proxy.pipeline.commerce import BAD_ORDER, NO_ORDER, parse_order
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.event_name import is_event_name
from proxy.pipeline.event_row import AdmittedHit, Enrichment, event_row
from proxy.pipeline.hit import NO_ID, Hit
from proxy.pipeline.moment import Calendars, Moment, occurred_at
from proxy.pipeline.opt_out import Objection, objection
from proxy.pipeline.props import VISIT_TOKEN_PROP, clean_props
from proxy.pipeline.sender import Sender
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site, Sites
from proxy.pipeline.visit_token import key_name, open_visit_token, seal_visit_token
from proxy.user_agent.classifier import NO_AGENT, Classifier, UserAgent
from warehouse.schema import Event, Hash64

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
        return self._describe(sent, moment, key, now_s, seq)

    def visit_token(self, hit: Hit, sender: Sender, now_s: float) -> str | None:
        """Return a token for the visitor who sends *hit*, None where there is none.

        Who objects, and who is no visitor, gets none.
        """
        sent = self._gates(hit, sender)
        if isinstance(sent, Dropped) or sent.stripped or sent.client.encoded is None:
            return None
        moment, key = self._moment(hit, sent.site, now_s)
        visitor = hash_client(key, sent.client.encoded)
        sealing = self._token_key(sent.site, moment, now_s)
        if sealing is None:
            return None
        return seal_visit_token(visitor, moment.day, sealing, self._random_bytes)

    def refuse(self, dropped: Dropped, sender: Sender) -> Dropped:
        """Return *dropped*, or the sender's objection: who objects is not counted."""
        wish = objection(sender.signals, self._privacy, hit_opt_out=False)
        return _DROPPING.get(wish, dropped)

    def _gates(self, hit: Hit, sender: Sender) -> AdmittedHit | Dropped:
        """Objection, site, name, client address, bot: in this order."""
        wish = objection(sender.signals, self._privacy, hit.optout)
        if wish in _DROPPING:
            return _DROPPING[wish]
        site = self._sites.find(hit.site, hit.key, sender.origin, sender.host)
        if isinstance(site, DropReason):
            return self._refused(site, hit, sender)
        if hit.refused is not None:
            return Dropped(hit.refused, site.id)
        if not is_event_name(hit.name):
            return Dropped(DropReason.BAD_NAME, site.id)
        named = (sender.credential, hit.key, hit.secret)
        server = any(map(site.is_server, named))
        if server or hit.library:
            client = self._spoken_for(hit) if server else _NOBODY
        else:
            client = sender.client()
        agent = NO_AGENT if client is _NOBODY else self._agent(client)
        if agent.bot:
            return Dropped(DropReason.BOT, site.id)
        stripped = wish is Objection.STRIP
        return AdmittedHit(hit, site, client, agent, sender.protocol, stripped, server)

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
        named = self._sites.find(hit.site, hit.key, None, sender.host)
        return Dropped(reason, named.id) if isinstance(named, Site) else Dropped(reason)

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

    def _visitor(
        self, sent: AdmittedHit, moment: Moment, key: bytes | bytearray, now_s: float
    ) -> Hash64 | None:
        if sent.client.encoded is not None:
            return hash_client(key, sent.client.encoded)
        # A token is believed of the site's own server alone: pages need none.
        token = _token(sent.hit) if sent.server else None
        if token is None:
            return None
        opening = self._token_key(sent.site, moment, now_s)
        return None if opening is None else open_visit_token(token, moment.day, opening)

    def _token_key(self, site: Site, moment: Moment, now_s: float) -> bytearray | None:
        return self._salts.key_if_live(
            site.zone.key, moment.day, key_name(site.id), now_s
        )

    def _describe(
        self,
        sent: AdmittedHit,
        moment: Moment,
        key: bytes | bytearray,
        now_s: float,
        seq: int,
    ) -> Event | Dropped:
        """Visitor, geo, user agent, page, referrer, props, commerce: in this order."""
        hit, site, client, stripped = sent.hit, sent.site, sent.client, sent.stripped
        visitor = actor = None
        if not stripped:
            visitor = self._visitor(sent, moment, key, now_s)
            actor = _actor(hit, site, key)
        location = self._geo.location(client.address)
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
        found = Enrichment(visitor, actor, location, page, referral, props, order)
        return event_row(sent, moment, found, seq)


def _page_problem(hit: Hit, site: Site, page: Page) -> DropReason | None:
    if page is NO_PAGE:
        # A server reports orders without a page; a page view without one is none.
        return DropReason.BAD_PAGE if hit.name == "pageview" else None
    if page.hostname is None or not site.serves(page.hostname):
        return DropReason.FOREIGN_ORIGIN
    return None


def _token(hit: Hit) -> str | None:
    """Return the visit token of a hit; vendors' clients carry it as a property."""
    if hit.visit_token is not None or not hit.props:
        return hit.visit_token
    named = hit.props.get(VISIT_TOKEN_PROP)
    return named if isinstance(named, str) else None


def _actor(hit: Hit, site: Site, day_key: bytes | bytearray) -> Hash64 | None:
    if hit.actor in NO_ID or site.actors == "off":
        return None
    key = site.key if site.actors == "keyed" else day_key
    return keyed_hash(key, HashPurpose.ACTOR, str(hit.actor))
