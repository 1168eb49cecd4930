"""Turns orders and refunds of the past into events, through the anonymizer.

No event has a visitor, an actor, a page or a source: a list of orders knows none of
them, and a hash that outlives its day would identify a customer.
"""

import os
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec

from config.settings import Settings
from proxy.client.client import Client, ClientFinder, ClientSource
from proxy.client.geo import Geo
from proxy.page.referrer import Referrers
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import Dropped
from proxy.pipeline.event_order import EventOrder
from proxy.pipeline.hit import Hit, Order, VendorHit
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sender import Sender
from proxy.pipeline.site_keys import HashPurpose, KeyedHash
from proxy.pipeline.sites import Site, Sites
from proxy.user_agent.classifier import Classifier
from warehouse.money import minor_digits
from warehouse.schema import Event

PROTOCOL = "order-list"

_SENDER = Sender(PROTOCOL, ClientFinder.known(Client(None, "")))


class Lists(NamedTuple):
    """The lists that the pipeline uses; loading them takes half a second."""

    classifier: Classifier
    referrers: Referrers


class _NoVisitors:
    """Keys for an import that hashes no visitor; a hash under them would be void."""

    def __init__(self) -> None:
        self._key = bytearray(os.urandom(32))

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray:
        """Return the same key for every day."""
        del zone, day, site_id, now_s
        return self._key


class OrderEvents:
    """Builds the events of one site."""

    def __init__(
        self, settings: Settings, sites: Sites, site: Site, lists: Lists
    ) -> None:
        self._site = site
        self._event_hash = KeyedHash(site.key, HashPurpose.SERVER_EVENT)
        self._event_order = EventOrder()
        self._anonymizer = Anonymizer(
            settings.privacy,
            sites=sites,
            clients=ClientSource(settings.proxy),
            classifier=lists.classifier,
            geo=Geo(None, "none"),
            referrers=lists.referrers,
            salts=_NoVisitors(),
            calendars=Calendars({site.id: site.zone}),
            random_bytes=os.urandom,
        )

    def listed(
        self,
        name: str,
        order: Order,
        at: int,
        *,
        message: str,
        day: date | None = None,
        seq: int = 0,
    ) -> Event | Dropped:
        """Return the event of an order of a list.

        *message* identifies what the list says of the order, in all imports of it. On
        *day*, or else on the day of *at*; *seq* orders events of the same second.
        """
        hit = VendorHit(site=self._site.id, library=True, name=name, order=order)
        event = self._anonymize(hit, at)
        if isinstance(event, Dropped):
            return event
        event_id = self._event_hash(f"{PROTOCOL} {message}")
        return msgspec.structs.replace(
            event, event_id=event_id, day=day or event.day, seq=seq
        )

    def native(self, hit: Hit, at: int) -> Event | Dropped:
        """Return the event of the native event *hit*, which occurred *at*."""
        event = self._anonymize(
            VendorHit(
                site=self._site.id,
                library=True,
                name=hit.name,
                id=hit.id,
                props=hit.props,
                order=hit.order,
                optout=hit.optout,
            ),
            at,
        )
        if isinstance(event, Dropped) or event.event_id is not None:
            return event
        message = f"{event.name} {event.order_key} {event.at} {event.refund_minor}"
        event_id = self._event_hash(f"{PROTOCOL} {message}")
        return msgspec.structs.replace(event, event_id=event_id)

    def _anonymize(self, hit: VendorHit, at: int) -> Event | Dropped:
        # The event's time is the time of arrival: nothing is too old here.
        event = self._anonymizer.anonymize(hit, _SENDER, at, self._event_order)
        if isinstance(event, Dropped):
            return event
        # The operator's own list is as certain as a report of the shop's server.
        return msgspec.structs.replace(event, server=True, source=None, channel=None)


def listed_amount(minor: int, currency: str) -> Decimal:
    """Return the amount of *minor* units of *currency* as a decimal."""
    return Decimal(minor).scaleb(-(minor_digits(currency) or 0))
