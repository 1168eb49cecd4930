"""Who sent somebody: the referring host, the source under its name, and the channel.

Only the host of a referrer is kept, and no label of it that looks like a token. What
a campaign says of itself goes before what the referrer shows.
"""

import re
from functools import lru_cache

import msgspec
from publicsuffixlist import PublicSuffixList

from proxy.lists import read_groups
from proxy.page.channel import DIRECT, INTERNAL, Acquisition, Channels
from proxy.page.click_ids import CLICK_IDS, ClickId
from proxy.page.host import OwnHosts, is_address, parse_host, without_www
from proxy.page.page import Page
from proxy.page.sources import Source, load_sources, parents
from proxy.pii.detect import looks_personal
from proxy.pii.plain_text import plain_text

_MOST_REMEMBERED = 4_096
_APP = "android-app://"
# A web page under capitals or with other blemishes, or a host without a scheme.
_BARE = re.compile(
    r"https?:[/\\]{2}|(?=[A-Za-z0-9-]+\.[A-Za-z0-9.-]+(?:[:/?#]|$))", re.IGNORECASE
)
_END_OF_HOST = re.compile(r"[/?#\\]")
_LONG_DIGITS = re.compile("[0-9]{6}")
_NOBODY = frozenset({"(direct)", "(not set)", "(none)"})


class Referral(msgspec.Struct, frozen=True, gc=False):
    """Who sent somebody; *spam* where the referrer is a known fake."""

    referrer: str | None = None
    source: str | None = None
    channel: str = DIRECT
    spam: bool = False


NO_REFERRAL = Referral()
_FROM_ITSELF = Referral(channel=INTERNAL)


class Referrers:
    """The tables, and a memory of the referrals seen lately."""

    def __init__(self) -> None:
        self._sources = load_sources()
        self._channels = Channels()
        # Private suffixes such as blogspot.com are brands here, not registries.
        self._suffixes = PublicSuffixList(accept_unknown=False, only_icann=True)
        self._spam = frozenset(
            f"{name}.{suffix}"
            for suffix, names in read_groups("referrer_spam.txt").items()
            for name in names
        )
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._referral)

    def refer(
        self, referrer_url: str | None, page: Page, own_hosts: OwnHosts
    ) -> Referral:
        """Return who sent the visitor of *page*.

        The channel is ``internal`` where the referrer is the site itself and the
        page names no campaign.
        """
        host = _referring_host(referrer_url) if referrer_url else None
        if host is not None and _is_same_site(host, page, own_hosts):
            if page.utm_source is None and page.utm_medium is None:
                return _FROM_ITSELF
            host = None
        return self._remembered(
            host, page.utm_source, page.utm_medium, page.utm_campaign, page.click_id
        )

    def forget(self) -> None:
        """Empty what was remembered."""
        self._remembered.cache_clear()

    def _referral(
        self,
        host: str | None,
        utm_source: str | None,
        medium: str | None,
        campaign: str | None,
        click_id: str | None,
    ) -> Referral:
        click = None if click_id is None else CLICK_IDS.get(click_id)
        source = self._source(host, utm_source, click)
        kept = None if host is None else self._storable(host)
        acquisition = Acquisition(
            kind=None if source is None else source.kind,
            source=utm_source,
            medium=medium,
            campaign=campaign,
            click=None if click is None else click.channel,
            referrer=host is not None,
        )
        return Referral(
            referrer=kept,
            source=kept if source is None else source.name,
            channel=self._channels.channel(acquisition),
            spam=host is not None and self._is_spam(host),
        )

    def _source(
        self, host: str | None, utm_source: str | None, click: ClickId | None
    ) -> Source | None:
        """Return the sender, by campaign, by referrer, by click id, in this order."""
        if utm_source is not None and utm_source.lower() not in _NOBODY:
            return self._named(utm_source) or Source(utm_source, None)
        found = None if host is None else self._of_host(host)
        if found is None and click is not None:
            return self._named(click.sender) or Source(click.sender, None)
        return found

    def _named(self, text: str) -> Source | None:
        found = self._sources.named(text)
        if found is not None or "." not in text:
            return found
        host = parse_host(text)
        return None if host is None else self._of_host(host)

    def _of_host(self, host: str) -> Source | None:
        return self._sources.of_host(host, self._suffixes.publicsuffix(host))

    def _is_spam(self, host: str) -> bool:
        # Spam lists name some search toolbars too; a visitor they send is one.
        return not self._spam.isdisjoint(parents(host)) and self._of_host(host) is None

    def _storable(self, host: str) -> str | None:
        """Return *host* as it is stored: a name, and no label that could be a token."""
        if is_address(host):
            return None
        if not any(map(_is_coded, host.split("."))):
            return without_www(host)
        return self._suffixes.privatesuffix(host)


def _referring_host(url: str) -> str | None:
    """Return the host of a referrer: of a page, or the id of an Android app."""
    if url.startswith("https://"):
        return _host_between(url, 8)
    if url.startswith("http://"):
        return _host_between(url, 7)
    url = plain_text(url)
    if url.startswith(_APP):
        app = _END_OF_HOST.split(url[len(_APP) :], maxsplit=1)[0]
        return parse_host(app.replace("_", "-"))
    bare = _BARE.match(url)
    return None if bare is None else _host_between(url, bare.end())


def _host_between(url: str, start: int) -> str | None:
    end = url.find("/", start)
    host = parse_host(url[start:] if end < 0 else url[start:end])
    if host is None:
        authority = _END_OF_HOST.split(url[start:], maxsplit=1)[0]
        host = parse_host(plain_text(authority))
    return host


def _is_same_site(host: str, page: Page, own_hosts: OwnHosts) -> bool:
    hostname = page.hostname
    return host in own_hosts or (
        hostname is not None
        and (hostname in (host, f"www.{host}") or host == f"www.{hostname}")
    )


def _is_coded(label: str) -> bool:
    return _LONG_DIGITS.search(label) is not None or looks_personal(label)
