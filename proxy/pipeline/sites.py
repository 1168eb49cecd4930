"""Which site a hit belongs to: by id, by public key, or by the host it came to.

A browser says which page it stands on (``Origin``); a page that is not one of the
site's own may not count for it.
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
from proxy.pipeline.credential import LONGEST_CREDENTIAL, key_of
from proxy.pipeline.drops import DropReason
from proxy.pipeline.site_keys import HashPurpose, KeyedHash, site_key
from warehouse.key_commitment import key_commitment

_MOST_CACHED = 1_024
# A host of 253 characters, a scheme and a port; nothing longer is looked at.
_LONGEST_ORIGIN = 300
_DIGEST_PREFIX = "sha256:"
_WEB_SCHEMES = frozenset({"http", "https"})
_WILDCARD = "*."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One measured site, ready for use; its secrets are not shown."""

    id: str
    domains: tuple[str, ...]
    zone: ZoneInfo
    currency: str
    actors: Literal["off", "daily", "keyed"]
    props_allow: frozenset[str]
    path_rules: tuple[str, ...]
    keys: tuple[str, ...]
    pages: PageRules = field(repr=False)
    key: bytes = field(repr=False)
    event_hash: KeyedHash = field(repr=False)
    secret_digests: tuple[bytes, ...] = field(repr=False)

    def serves(self, host: str) -> bool:
        """Whether *host* is one of the site's own."""
        return host in self.pages.own_hosts

    def is_server(self, credential: str | None) -> bool:
        """Whether *credential* proves that the site's own server is calling.

        It may be the bare secret key or an ``Authorization`` value, Bearer or Basic.
        """
        if not credential or not self.secret_digests:
            return False
        bare = credential[:LONGEST_CREDENTIAL].strip()
        digest = hashlib.sha256(_bytes(key_of(credential) or bare)).digest()
        # Every key is compared, so that time tells nothing about which one is near.
        matches = [hmac.compare_digest(digest, known) for known in self.secret_digests]
        return True in matches


class _PageSite(NamedTuple):
    """The page a browser stands on, and the site that page is of."""

    host: str | None
    site: Site | None


_NO_PAGE = _PageSite(None, None)


class Sites:
    """All measured sites, each found without a search."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._by_id: dict[str, Site] = {}
        self._by_key: dict[str, Site] = {}
        self._by_digest: dict[bytes, Site] = {}
        self._by_host: dict[str, Site] = {}
        self._by_suffix: dict[str, Site] = {}
        for site in sites:
            self._by_id[site.id] = site
            self._by_key.update(dict.fromkeys(site.keys, site))
            self._by_digest.update(dict.fromkeys(site.secret_digests, site))
            for domain in site.domains:
                self._add_domain(domain, site)
        self._page = lru_cache(maxsize=_MOST_CACHED)(self._look_up_page)
        self._asked = lru_cache(maxsize=_MOST_CACHED)(self._look_up_asked)

    def __iter__(self) -> Iterator[Site]:
        """Iterate over the sites in the order of the configuration."""
        return iter(self._by_id.values())

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
        """Return the site meant, or why there is none.

        An id outranks a key, which may also be a host of the site; without either the
        page's host decides, then the host that was asked. Without ``Origin`` a request
        comes from a server, or from the site's own host.
        """
        page = self._page_of(origin)
        if site_id is not None:
            site = self._by_id.get(site_id)
        elif key is not None:
            site = (
                self._by_key.get(key)
                or self._of_secret(key)
                or self._of_host(_plain_host(key))
            )
        else:
            site = page.site or self._asked_site(host)
        if site is None:
            return DropReason.UNKNOWN_SITE
        if origin and not _is_served(page, site):
            return DropReason.FOREIGN_ORIGIN
        return site

    def _of_secret(self, key: str) -> Site | None:
        """Return the site whose secret key *key* is."""
        if len(key) > LONGEST_CREDENTIAL:
            return None
        return self._by_digest.get(hashlib.sha256(_bytes(key)).digest())

    def known_origin(self, origin: str | None) -> str | None:
        """Return *origin* if it is a page of any of the sites."""
        return None if self._page_of(origin).site is None else origin

    def forget(self) -> None:
        """Empty the caches."""
        self._page.cache_clear()
        self._asked.cache_clear()
        for site in self:
            site.pages.forget()

    def _add_domain(self, domain: str, site: Site) -> None:
        if domain.startswith(_WILDCARD):
            self._by_suffix.setdefault(domain.removeprefix(_WILDCARD), site)
        else:
            self._by_host.setdefault(without_www(domain), site)

    def _page_of(self, origin: str | None) -> _PageSite:
        if not origin or len(origin) > _LONGEST_ORIGIN:
            return _NO_PAGE
        return self._page(origin)

    def _look_up_page(self, origin: str) -> _PageSite:
        """Return the page of *origin*; an opaque one ("null") is nowhere.

        Known origins are repeated in answers, so nothing but one gets through.
        """
        scheme, _, authority = origin.partition("://")
        if scheme not in _WEB_SCHEMES or "@" in authority or not origin.isascii():
            return _NO_PAGE
        host = parse_host(authority)
        return _PageSite(host, self._of_host(host))

    def _asked_site(self, authority: str | None) -> Site | None:
        if not authority or len(authority) > _LONGEST_ORIGIN:
            return None
        return self._asked(authority)

    def _look_up_asked(self, authority: str) -> Site | None:
        return self._of_host(parse_host(authority))

    def _of_host(self, host: str | None) -> Site | None:
        """Return the site of *host*; the longest wildcard wins, a full name first."""
        if host is None:
            return None
        site = self._by_host.get(without_www(host))
        dot = host.find(".") if self._by_suffix else -1
        while site is None and dot >= 0:
            site = self._by_suffix.get(host[dot + 1 :])
            dot = host.find(".", dot + 1)
        return site


def build_sites(settings: Settings, random_bytes: Callable[[int], bytes]) -> Sites:
    """Return the sites of *settings*; a site that has no key yet is given one."""
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    return Sites(
        prepare_site(
            site,
            settings.privacy,
            site_key(key_dir, spool_dir, site.id, random_bytes),
        )
        for site in settings.sites
    )


def prepare_site(site: SiteSettings, privacy: PrivacySettings, key: bytes) -> Site:
    """Return *site* with everything looked up and compiled that a hit needs."""
    return Site(
        id=site.id,
        domains=site.domains,
        zone=ZoneInfo(site.timezone),
        currency=site.currency,
        actors=site.actors,
        props_allow=frozenset(site.props_allow),
        path_rules=site.path_rules,
        keys=site.keys,
        pages=PageRules(
            query_allow=privacy.query_allow,
            path_rules=site.path_rules,
            domains=site.domains,
        ),
        key=key,
        event_hash=KeyedHash(key, HashPurpose.EVENT),
        secret_digests=tuple(
            bytes.fromhex(digest.removeprefix(_DIGEST_PREFIX))
            for digest in site.secret_keys
        ),
    )


def _plain_host(key: str) -> str | None:
    """Return the host that *key* is, if it says nothing besides."""
    if len(key) > _LONGEST_ORIGIN:
        return None
    named = key.lower()
    return named if parse_host(named) == named else None


def _is_served(page: _PageSite, site: Site) -> bool:
    if page.site is site:
        return True
    return page.host is not None and site.serves(page.host)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
