"""Where a visitor came from: the referring host, the source's name, and the channel.

Only the referrer's host is stored, without labels that look like tokens. The campaign
in the URL takes precedence over the referrer. A referrer that only brings the visitor
back, such as a payment page, is not stored and starts no acquisition.
"""

import re
from functools import lru_cache

import msgspec
from publicsuffixlist import PublicSuffixList

from proxy.lists import read_groups
from proxy.page.channel import DIRECT, INTERNAL, Acquisition, Channels
from proxy.page.click_ids import CLICK_IDS, ClickId
from proxy.page.host import (
    OwnHosts,
    is_address,
    is_personal_host,
    parse_host,
    without_www,
)
from proxy.page.ignored_referrers import IgnoredReferrers
from proxy.page.page import Page
from proxy.page.sources import Source, load_sources, parents
from proxy.pii.plain_text import plain_text

_MOST_REMEMBERED = 4_096
_APP = "android-app://"
# A URL with capitals or backslashes, or a host without a scheme.
_IRREGULAR = re.compile(
    r"https?:[/\\]{2}|(?=[A-Za-z0-9-]+\.[A-Za-z0-9.-]+(?:[:/?#]|$))", re.IGNORECASE
)
_END_OF_HOST = re.compile(r"[/?#\\]")
_NO_SOURCE = frozenset({"(direct)", "(not set)", "(none)"})


class Referral(msgspec.Struct, frozen=True, gc=False):
    """Where a visitor came from, as far as known; *spam* means a known fake."""

    referrer: str | None = None
    source: str | None = None
    channel: str | None = DIRECT
    spam: bool = False

    def without_direct(self) -> "Referral":
        """Return the referral with an unknown channel if the channel is direct."""
        is_direct = self.channel == DIRECT
        return msgspec.structs.replace(self, channel=None) if is_direct else self


NO_REFERRAL = Referral()
_INTERNAL = Referral(channel=INTERNAL)


class Referrers:
    """The lists of sources and channel rules, and a cache of recent referrals."""

    def __init__(self) -> None:
        self._sources = load_sources()
        self._ignored = IgnoredReferrers()
        self._channels = Channels()
        # A private suffix such as blogspot.com counts as a source, not as a suffix.
        self._suffixes = PublicSuffixList(accept_unknown=False, only_icann=True)
        self._spam = frozenset(
            f"{name}.{suffix}"
            for suffix, names in read_groups("referrer_spam.txt").items()
            for name in names
        )
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._referral)

    def refer(
        self, referrer_url: str | None, page: Page, internal_hosts: OwnHosts
    ) -> Referral:
        """Return where the visitor of *page* came from.

        The channel is ``internal`` if the referrer is the site itself, one of
        *internal_hosts*, or a page that only brings visitors back, and the page's URL
        names no campaign.
        """
        host = _referring_host(referrer_url) if referrer_url else None
        if host is not None and _is_same_site(host, page, internal_hosts):
            if page.utm_source is None and page.utm_medium is None:
                return _INTERNAL
            host = None
        return self._remembered(
            host, page.utm_source, page.utm_medium, page.utm_campaign, page.click_id
        )

    def forget(self) -> None:
        """Empty the cache."""
        self._remembered.cache_clear()

    def _referral(
        self,
        host: str | None,
        utm_source: str | None,
        medium: str | None,
        campaign: str | None,
        click_id: str | None,
    ) -> Referral:
        if host is not None and self._only_brings_back(host):
            if utm_source is None and medium is None:
                return _INTERNAL
            host = None
        click = None if click_id is None else CLICK_IDS.get(click_id)
        source = self._source(host, utm_source, click)
        stored_host = None if host is None else self._storable_host(host)
        acquisition = Acquisition(
            kind=None if source is None else source.kind,
            source=utm_source,
            medium=medium,
            campaign=campaign,
            click=None if click is None else click.channel,
            referrer=host is not None,
        )
        return Referral(
            referrer=stored_host,
            source=stored_host if source is None else source.name,
            channel=self._channels.channel(acquisition),
            spam=host is not None and self._is_spam(host),
        )

    def _source(
        self, host: str | None, utm_source: str | None, click: ClickId | None
    ) -> Source | None:
        """Return the source by the campaign, else the referrer, else the click id."""
        if utm_source is not None and utm_source.lower() not in _NO_SOURCE:
            return self._named_source(utm_source) or Source(utm_source, None)
        source = None if host is None else self._host_source(host)
        if source is None and click is not None:
            return self._named_source(click.sender) or Source(click.sender, None)
        return source

    def _named_source(self, name: str) -> Source | None:
        source = self._sources.named(name)
        if source is not None or "." not in name:
            return source
        host = parse_host(name)
        return None if host is None else self._host_source(host)

    def _host_source(self, host: str) -> Source | None:
        return self._sources.of_host(host, self._suffixes.publicsuffix(host))

    def _only_brings_back(self, host: str) -> bool:
        suffix = self._suffixes.publicsuffix(host)
        return self._ignored.holds(host, suffix) and not self._is_spam(host)

    def _is_spam(self, host: str) -> bool:
        if self._spam.isdisjoint(parents(host)):
            return False
        # The spam list contains some search toolbars too, which send real visitors.
        return self._sources.listed(host, self._suffixes.publicsuffix(host)) is None

    def _storable_host(self, host: str) -> str | None:
        """Return the stored form of *host*: a name without labels like tokens."""
        if is_address(host):
            return None
        if not is_personal_host(host):
            return without_www(host)
        return self._suffixes.privatesuffix(host)


def _referring_host(url: str) -> str | None:
    """Return the host of a referring page, or the id of a referring Android app."""
    if url.startswith("https://"):
        return _host_after(url, 8)
    if url.startswith("http://"):
        return _host_after(url, 7)
    url = plain_text(url)
    if url.startswith(_APP):
        app = _END_OF_HOST.split(url[len(_APP) :], maxsplit=1)[0]
        return parse_host(app.replace("_", "-"))
    scheme = _IRREGULAR.match(url)
    return None if scheme is None else _host_after(url, scheme.end())


def _host_after(url: str, start: int) -> str | None:
    end = url.find("/", start)
    host = parse_host(url[start:] if end < 0 else url[start:end])
    if host is None:
        authority = _END_OF_HOST.split(url[start:], maxsplit=1)[0]
        host = parse_host(plain_text(authority))
    return host


def _is_same_site(host: str, page: Page, internal_hosts: OwnHosts) -> bool:
    hostname = page.hostname
    return host in internal_hosts or (
        hostname is not None
        and (hostname in (host, f"www.{host}") or host == f"www.{hostname}")
    )
