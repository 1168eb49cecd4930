"""Builds the anonymizer from real parts, for tests of kept and dropped hits."""

import hashlib
import os
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from batcher.salts.directory import DirectorySalts
from batcher.salts.held import Salts
from batcher.salts.secret_bytes import Randomness, fill_random
from config.settings import (
    PrivacySettings,
    ProxySettings,
    Settings,
    SiteSettings,
    SpoolSettings,
)
from proxy.client.client import ClientSource
from proxy.client.geo import Geo
from proxy.page.referrer import Referrers
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import Dropped
from proxy.pipeline.event_order import EventOrder
from proxy.pipeline.hit import Hit, VendorHit
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sender import Sender
from proxy.pipeline.sites import Sites, build_sites
from proxy.routes.sender import sender_of
from proxy.transport.request import Request
from proxy.user_agent.classifier import Classifier
from tests.proxy.client.mmdb_files import flat, write_mmdb
from warehouse.schema import Event

# 2026-11-23, noon in UTC.
NOON = 1_795_435_200
TODAY = date(2026, 11, 23)
ADDRESS = "203.0.113.77"
COUNTRY = "SE"
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/149.0.0.0 Safari/537.36"
)
SECRET = "s3cret-of-the-shop"  # noqa: S105 - the test's own
SECRET_KEY = f"sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}"

CLIENTS = ClientSource(ProxySettings())
SHOP = SiteSettings(id="shop", domains=("shop.example",))


def request_headers(**more: str) -> CIMultiDictProxy[str]:
    """Return browser headers and *more*, whose names have _ instead of -."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    plain = {"Host": "shop.example", "User-Agent": USER_AGENT}
    return CIMultiDictProxy(CIMultiDict(plain | named))


def sender(
    peer: str | None = ADDRESS, *, clients: Any = CLIENTS, **headers: str
) -> Sender:
    """Return the sender of a native hit with these headers."""
    request = Request("POST", "/v1/events", request_headers(**headers), peer)
    return sender_of(request, "native", clients)


def pageview(**changes: Any) -> Hit:
    """Return a hit that is kept."""
    plain = {"site": "shop", "url": "https://shop.example/p/42"}
    return Hit(**(plain | changes))


def vendor_hit(**changes: Any) -> VendorHit:
    """Return a hit that is kept, as decoded by the protocol of a vendor."""
    plain = {"site": "shop", "url": "https://shop.example/p/42"}
    return VendorHit(**(plain | changes))


@cache
def classifier() -> Classifier:
    """Return one classifier for all tests: compiling its patterns is slow."""
    return Classifier()


@cache
def referrers() -> Referrers:
    """Return one set of referrer tables for all tests."""
    return Referrers()


@cache
def geo() -> Geo:
    """Return one geo database for all tests, with the address of the sender."""
    with TemporaryDirectory() as folder:
        networks = {"203.0.113.0/24": flat(COUNTRY)}
        return Geo(write_mmdb(Path(folder) / "geo.mmdb", networks), "country")


class ForbiddenPart:
    """A part of the pipeline that must not be used."""

    def __getattr__(self, name: str) -> Any:
        """Fail: the pipeline used this part."""
        raise AssertionError(f"{name} was looked at")

    def __iter__(self) -> Any:
        """Fail: the pipeline used this part."""
        raise AssertionError("somebody looked")


def fill_fixed(buffer: bytearray) -> None:
    """Fill *buffer* with constant bytes, for tests that compare hashes."""
    buffer[:] = bytes(range(1, len(buffer) + 1))


class Pipeline:
    """An anonymizer and its parts; each part can be replaced by name.

    *random* generates its salts.
    """

    def __init__(
        self,
        folder: Path,
        site: SiteSettings = SHOP,
        privacy: PrivacySettings | None = None,
        random: Randomness = fill_random,
        **parts: Any,
    ) -> None:
        self.privacy = replace(
            privacy or PrivacySettings(), key_dir=str(folder / "keys")
        )
        spool = SpoolSettings(dir=str(folder / "spool"))
        settings = Settings(privacy=self.privacy, spool=spool, sites=(site,))
        self.sites: Sites = build_sites(settings, lambda size: b"k" * size)
        self.salts = Salts(DirectorySalts(folder / "salts"), random)
        self.zone = site.timezone
        parts = self._parts(settings) | parts
        self.clients = parts["clients"]
        self.anonymizer = Anonymizer(self.privacy, **parts)

    def _parts(self, settings: Settings) -> dict[str, Any]:
        zones = {site.id: site.zone for site in self.sites}
        return {
            "sites": self.sites,
            "clients": ClientSource(settings.proxy),
            "classifier": classifier(),
            "geo": geo(),
            "referrers": referrers(),
            "salts": self.salts,
            "calendars": Calendars(zones),
            "random_bytes": os.urandom,
        }

    def prefetch(self, now_s: float = NOON) -> "Pipeline":
        """Load the salts of the day, as a worker does before it serves."""
        self.salts.prefetch({self.zone}, now_s)
        return self

    def outcome(
        self, hit: Hit, of: Sender | None = None, now_s: float = NOON
    ) -> Event | Dropped:
        """Return the event or the drop for *hit*, as the first one of its second."""
        return self.anonymizer.anonymize(
            hit, of or sender(clients=self.clients), now_s, EventOrder()
        )

    def event(self, hit: Hit, of: Sender | None = None, now_s: float = NOON) -> Event:
        """Return the event for *hit*."""
        got = self.outcome(hit, of, now_s)
        assert isinstance(got, Event), got
        return got


def forbidden_parts(*names: str) -> dict[str, Any]:
    """Return parts of the pipeline that must not be used."""
    return {name: ForbiddenPart() for name in names}


def site_day_key(
    pipeline: Pipeline, day: date = TODAY, now_s: float = NOON
) -> bytearray:
    """Return the site-day key of the shop."""
    key = pipeline.salts.key_if_live(pipeline.zone, day, "shop", now_s)
    assert key is not None
    return key
