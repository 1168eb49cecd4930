"""The page of an event: host, clean path and campaign, and nothing else of its URL.

Query and fragment are dropped but for the campaign columns, the kind of a click id
and the keys the operator allows. Ordinary URLs are read by looking for five marks;
everything odd takes a slower way to the same rules.
"""

import re
from collections.abc import Iterable
from typing import TypeGuard
from urllib.parse import unquote, unquote_plus

import msgspec

from proxy.page.click_ids import CLICK_IDS
from proxy.page.host import OwnHosts, is_address, parse_host
from proxy.page.path_scrub import LONGEST_PATH, MORE, PathScrub
from proxy.page.sources import load_sources
from proxy.pii.detect import PersonalKind, personal_kind
from proxy.pii.plain_text import plain_text

LONGEST_CAMPAIGN = 128
_LONGEST_SENT_PATH = 8_192
_MOST_PAIRS = 256
_MOST_REMEMBERED = 1_024
_MOST_PAGES = 4_096
_DECODINGS = 3
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_SOURCE_KEYS = ("source", "ref")
_CAMPAIGN_KEYS = frozenset(_UTM + _SOURCE_KEYS)
_ODD = re.compile(r"[%;\\]|/[./]")
_SCHEME = re.compile(r"(https?):[/\\]{2}", re.IGNORECASE)
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_PARAMETERS = re.compile(r";[^/;]*=[^/]*")
_QUERY = re.compile("[?#]")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}")
_LOOPBACK = "127.0.0.1"


class Page(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a page's URL."""

    hostname: str | None = None
    path: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    click_id: str | None = None


NO_PAGE = Page()


class PageRules:
    """What a site and its operator say about pages."""

    def __init__(
        self,
        *,
        query_allow: Iterable[str] = (),
        path_rules: Iterable[str] = (),
        domains: Iterable[str] = (),
    ) -> None:
        self.query_allow = frozenset(query_allow)
        self.own_hosts = OwnHosts(domains)
        self.paths = PathScrub(path_rules)
        # Queries and pages of which nothing was dropped: remembering some keeps
        # nothing new.
        self._whole: dict[str, _Query] = {}
        self._pages: dict[str, Page] = {}

    @property
    def remembered(self) -> int:
        """How many queries and pages are held in memory."""
        return len(self._whole) + len(self._pages)

    def page(self, url: str | None) -> "Page | None":
        """Return what ``parse_page`` does; pages often seen are not read again."""
        if not url:
            return None
        page = self._pages.get(url)
        if page is None:
            page = parse_page(url, self)
            if len(self._pages) < _MOST_PAGES and self._is_all_kept(page, url):
                self._pages[url] = page
        return page

    def _is_all_kept(self, page: "Page | None", url: str) -> "TypeGuard[Page]":
        before, mark, query = url.partition("?")
        return (
            page is not None
            and before == f"https://{page.hostname}{page.path}"
            and (not mark or query in self._whole)
        )

    def query(self, query: str) -> "_Query":
        """Return what may be kept of *query*."""
        found = self._whole.get(query)
        if found is None:
            found = _read_query(query, self)
            if found.is_whole and len(self._whole) < _MOST_REMEMBERED:
                self._whole[query] = found
        return found

    def forget(self) -> None:
        """Empty what was remembered of paths and queries."""
        self.paths.forget()
        self._whole.clear()
        self._pages.clear()


def parse_page(url: str | None, rules: PageRules) -> Page | None:
    """Return what may be kept of *url*, or None where it is no web page.

    Only http and https URLs with a host are pages: ``file:`` is not, nor is an
    extension's.
    """
    if not url:
        return None
    rest = _after_scheme(url)
    if rest is None:
        return None
    rest, _, query = rest.partition("#")[0].partition("?")
    if "\\" in rest:
        rest = rest.replace("\\", "/")
    authority, _, tail = rest.partition("/")
    host = parse_host(authority)
    if host is None:
        return None
    path = "/" + tail
    if len(path) > _LONGEST_SENT_PATH:
        path = path[: path.rfind("/", 0, _LONGEST_SENT_PATH)] + "/" + MORE
    path = rules.paths.scrub(_tidy(path) if _ODD.search(path) else path)
    hostname = host if _is_storable(host, rules) else None
    if not query:
        return Page(hostname, path)
    return rules.query(query).page(hostname, path)


def _after_scheme(url: str) -> str | None:
    if url.isprintable():
        if url.startswith("https://"):
            return url[8:]
        if url.startswith("http://"):
            return url[7:]
    url = plain_text(url)
    scheme = _SCHEME.match(url)
    return None if scheme is None else url[scheme.end() :]


def _is_storable(host: str, rules: PageRules) -> bool:
    # An address may be the visitor's own machine, unless the operator named it.
    return not is_address(host) or host == _LOOPBACK or host in rules.own_hosts


def _tidy(path: str) -> str:
    """Return *path* decoded, without parameters, empty and dot segments.

    What decoding turns into a query is a query, and goes.
    """
    path = _PARAMETERS.sub("", path)
    for _ in range(_DECODINGS):
        if not _ESCAPE.search(path):
            break
        path = _PARAMETERS.sub("", unquote(path))
    path = plain_text(_QUERY.split(path, maxsplit=1)[0])
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    closed = kept and parts[-1] in ("", ".", "..")
    return "/" + "/".join(kept) + ("/" if closed else "")


class _Query:
    """What was found in a query; *is_whole* says that it is all there was."""

    __slots__ = ("click_id", "is_whole", "kept", "rank", "utm")

    def __init__(self, *, is_whole: bool) -> None:
        self.utm: dict[str, str] = {}
        self.click_id: str | None = None
        self.rank = len(CLICK_IDS)
        self.kept: dict[str, str] = {}
        self.is_whole = is_whole

    def page(self, hostname: str | None, path: str) -> Page:
        """Return the page with what was found."""
        find = self.utm.get
        return Page(
            hostname,
            self._with_kept(path) if self.kept else path,
            find("utm_source") or self._named_source(),
            find("utm_medium"),
            find("utm_campaign"),
            find("utm_term"),
            find("utm_content"),
            self.click_id,
        )

    def _named_source(self) -> str | None:
        # A friend's code may stand here too: only known senders and domains count.
        for key in _SOURCE_KEYS:
            value = self.utm.get(key)
            if value is not None and (
                load_sources().named(value) is not None or _DOMAIN.fullmatch(value)
            ):
                return value
        return None

    def _with_kept(self, path: str) -> str:
        mark = "?"
        for key in sorted(self.kept):
            value = self.kept[key].replace("%", "%25").replace("&", "%26")
            pair = f"{mark}{key}={value}"
            if len(path) + len(pair) <= LONGEST_PATH:
                path += pair
                mark = "&"
        return path


def _read_query(query: str, rules: PageRules) -> _Query:
    found = _Query(is_whole=query.count("&") < _MOST_PAIRS)
    pairs = query.split("&", _MOST_PAIRS)[:_MOST_PAIRS]
    for pair in pairs:
        key, _, value = pair.partition("=")
        if found.is_whole:
            is_new = key in _UTM and key not in found.utm
            found.is_whole = is_new and _campaign(value) == value
        if not value:
            continue
        if not key.islower() or "%" in key:
            key = unquote_plus(key)
        if key in rules.query_allow:
            _add(found.kept, key, _kept_value(value))
        name = key.lower()
        if name in _CAMPAIGN_KEYS:
            _add(found.utm, name, _campaign(value))
        elif name in CLICK_IDS and CLICK_IDS[name].rank < found.rank:
            found.click_id, found.rank = name, CLICK_IDS[name].rank
    return found


def _add(found: dict[str, str], key: str, value: str | None) -> None:
    """Keep *value* unless it is nothing; of several the first counts."""
    if value is not None:
        found.setdefault(key, value)


def _campaign(value: str) -> str | None:
    """Return a campaign value that names no person, at most ``LONGEST_CAMPAIGN``."""
    text = _value(value)
    kind = personal_kind(text)
    # Advertisers' campaigns and advertisements are numbers of up to 18 digits.
    if kind is not None and not (kind is PersonalKind.NUMBER and text[0] not in "0 "):
        return None
    return plain_text(text)[:LONGEST_CAMPAIGN].rstrip() or None


def _kept_value(value: str) -> str | None:
    text = _value(value)
    if personal_kind(text) is not None:
        return None
    return plain_text(text)[:LONGEST_CAMPAIGN].rstrip() or None


def _value(value: str) -> str:
    return unquote_plus(value) if "%" in value or "+" in value else value
