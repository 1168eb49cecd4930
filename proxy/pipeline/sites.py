"""Finds the site of a hit: by id, by key, by the page's host or by the request's host.

A browser sends the origin of its page (``Origin``). A page that does not belong to the
site may not send hits for it.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from config.settings import PrivacySettings, Settings, SiteSettings
from proxy.page.host import parse_host, without_www
from proxy.page.page import PageRules
from proxy.pipeline.credential import MAX_CREDENTIAL_LENGTH, parse_key
from proxy.pipeline.drops import DropReason
from proxy.pipeline.site_keys import HashPurpose, KeyedHash, site_key
from warehouse.key_commitment import key_commitment

_MAX_CACHED = 1_024
# A host of 253 characters, a scheme and a port; longer text is ignored.
_MAX_ORIGIN_LENGTH = 300
_DIGEST_PREFIX = "sha256:"
_WEB_SCHEMES = frozenset({"http", "https"})
_WILDCARD = "*."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One measured site with everything prepared; its repr shows no secrets.

    The salts derive its keys from *salt_name*, its oldest id, so that a visitor of the
    day of a rename counts once.
    """

    id: str
    former_ids: tuple[str, ...]
    salt_name: str
    domains: tuple[str, ...]
    zone: ZoneInfo
    currency: str
    actors: Literal["off", "daily", "keyed"]
    product_id: Literal["id", "sku"]
    props_allow: frozenset[str]
    path_rules: tuple[str, ...]
    keys: tuple[str, ...]
    pages: PageRules = field(repr=False)
    key: bytes = field(repr=False)
    event_hash: KeyedHash = field(repr=False)
    server_event_hash: KeyedHash = field(repr=False)
    secret_digests: tuple[bytes, ...] = field(repr=False)

    def serves(self, host: str) -> bool:
        """Return whether *host* belongs to the site."""
        return host in self.pages.own_hosts

    def is_server(self, credential: str | None) -> bool:
        """Return whether *credential* proves that the site's own server is calling.

        *credential* is a bare secret key, or an ``Authorization`` value (Bearer or
        Basic).
        """
        if not credential or not self.secret_digests:
            return False
        bare = credential[:MAX_CREDENTIAL_LENGTH].strip()
        digest = hashlib.sha256(_encode(parse_key(credential) or bare)).digest()
        # Compares every key, so that the time does not show which key is similar.
        matches = [hmac.compare_digest(digest, known) for known in self.secret_digests]
        return True in matches


class _PageSite(NamedTuple):
    """The host of the page that sent a hit, and the site of that host."""

    host: str | None
    site: Site | None


_NO_PAGE = _PageSite(None, None)


class Sites:
    """All measured sites, found by dictionary look-ups."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._sites = tuple(sites)
        self._by_id: dict[str, Site] = {}
        self._by_key: dict[str, Site] = {}
        self._by_digest: dict[bytes, Site] = {}
        self._by_host: dict[str, Site] = {}
        self._by_suffix: dict[str, Site] = {}
        for site in self._sites:
            self._by_id.update(dict.fromkeys((site.id, *site.former_ids), site))
            self._by_key.update(dict.fromkeys(site.keys, site))
            self._by_digest.update(dict.fromkeys(site.secret_digests, site))
            for domain in site.domains:
                self._add_domain(domain, site)
        self._cached_page = lru_cache(maxsize=_MAX_CACHED)(self._look_up_page)
        self._cached_site = lru_cache(maxsize=_MAX_CACHED)(self._look_up_authority)

    def __iter__(self) -> Iterator[Site]:
        """Iterate over the sites in the order of the configuration."""
        return iter(self._sites)

    def key_commitments(self) -> dict[str, str]:
        """Return the commitment to the key of each site."""
        return {site.id: key_commitment(site.key) for site in self}

    def find(
        self,
        site_id: str | None,
        key: str | None,
        origin: str | None,
        host: str | None,
    ) -> Site | DropReason:
        """Return the site, or the reason to drop the hit.

        An id wins over a key; a key may also be a secret key or a host of the site.
        Without both, the host of the page decides, then the request's own host. A
        request without ``Origin`` comes from a server or from the site's own host.
        """
        page = self._page(origin)
        if site_id is not None:
            site = self._by_id.get(site_id)
        elif key is not None:
            site = (
                self._by_key.get(key)
                or self._find_by_secret(key)
                or self._find_by_host(_plain_host(key))
            )
        else:
            site = page.site or self._find_by_authority(host)
        if site is None:
            return DropReason.UNKNOWN_SITE
        if origin and not _is_served(page, site):
            return DropReason.FOREIGN_ORIGIN
        return site

    def _find_by_secret(self, key: str) -> Site | None:
        """Return the site that has *key* as a secret key."""
        if len(key) > MAX_CREDENTIAL_LENGTH:
            return None
        return self._by_digest.get(hashlib.sha256(_encode(key)).digest())

    def known_origin(self, origin: str | None) -> str | None:
        """Return *origin* if its host belongs to any site, else None."""
        return None if self._page(origin).site is None else origin

    def forget(self) -> None:
        """Empty the caches."""
        self._cached_page.cache_clear()
        self._cached_site.cache_clear()
        for site in self:
            site.pages.forget()

    def _add_domain(self, domain: str, site: Site) -> None:
        if domain.startswith(_WILDCARD):
            self._by_suffix.setdefault(domain.removeprefix(_WILDCARD), site)
        else:
            self._by_host.setdefault(without_www(domain), site)

    def _page(self, origin: str | None) -> _PageSite:
        if not origin or len(origin) > _MAX_ORIGIN_LENGTH:
            return _NO_PAGE
        return self._cached_page(origin)

    def _look_up_page(self, origin: str) -> _PageSite:
        """Return the page of *origin*; an opaque origin ("null") has none.

        The check is strict because known origins are repeated in response headers.
        """
        scheme, _, authority = origin.partition("://")
        if scheme not in _WEB_SCHEMES or "@" in authority or not origin.isascii():
            return _NO_PAGE
        host = parse_host(authority)
        return _PageSite(host, self._find_by_host(host))

    def _find_by_authority(self, authority: str | None) -> Site | None:
        if not authority or len(authority) > _MAX_ORIGIN_LENGTH:
            return None
        return self._cached_site(authority)

    def _look_up_authority(self, authority: str) -> Site | None:
        return self._find_by_host(parse_host(authority))

    def _find_by_host(self, host: str | None) -> Site | None:
        """Return the site of *host*: a full name wins, then the longest wildcard."""
        if host is None:
            return None
        site = self._by_host.get(without_www(host))
        dot = host.find(".") if self._by_suffix else -1
        while site is None and dot >= 0:
            site = self._by_suffix.get(host[dot + 1 :])
            dot = host.find(".", dot + 1)
        return site


def build_sites(settings: Settings, random_bytes: Callable[[int], bytes]) -> Sites:
    """Return the sites of *settings*; creates the key of a site that has none."""
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    return Sites(
        prepare_site(
            site,
            settings.privacy,
            site_key(key_dir, spool_dir, site.id, random_bytes, site.formerly),
        )
        for site in settings.sites
    )


def prepare_site(site: SiteSettings, privacy: PrivacySettings, key: bytes) -> Site:
    """Return *site* with everything prepared that a hit needs."""
    return Site(
        id=site.id,
        former_ids=site.formerly,
        salt_name=site.formerly[0] if site.formerly else site.id,
        domains=site.domains,
        zone=ZoneInfo(site.timezone),
        currency=site.currency,
        actors=site.actors,
        product_id=site.product_id,
        props_allow=frozenset(site.props_allow + site.props_allow_ids),
        path_rules=site.path_rules,
        keys=site.keys,
        pages=PageRules(
            query_allow=privacy.query_allow,
            path_rules=site.path_rules,
            domains=site.domains,
            ignore_referrers=site.ignore_referrers,
            hash_routes=site.hash_routes,
            removes_trailing_slash=site.trailing_slash == "remove",
        ),
        key=key,
        event_hash=KeyedHash(key, HashPurpose.EVENT),
        server_event_hash=KeyedHash(key, HashPurpose.SERVER_EVENT),
        secret_digests=tuple(
            bytes.fromhex(digest.removeprefix(_DIGEST_PREFIX))
            for digest in site.secret_keys
        ),
    )


def _plain_host(key: str) -> str | None:
    """Return *key* in lower case if it is only a host name, else None."""
    if len(key) > _MAX_ORIGIN_LENGTH:
        return None
    host = key.lower()
    return host if parse_host(host) == host else None


def _is_served(page: _PageSite, site: Site) -> bool:
    if page.site is site:
        return True
    return page.host is not None and site.serves(page.host)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
