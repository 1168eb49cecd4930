"""The page of an event: the host, clean path and campaign from its URL.

The query is dropped except for the parts in ``query``, and the fragment except for the
parts in ``fragment``. Ordinary URLs take a fast path; URLs with unusual characters take
a slower path with the same rules.
"""

import re
from collections.abc import Iterable
from typing import TypeGuard
from urllib.parse import unquote

import msgspec

from proxy.page.fragment import with_fragment
from proxy.page.host import OwnHosts, is_address, parse_host
from proxy.page.ignored_referrers import starting_no_acquisition
from proxy.page.path_scrub import MORE, PathScrub
from proxy.page.query import PageQuery, parse_query
from proxy.pii.plain_text import plain_text

_LONGEST_SENT_PATH = 8_192
_MOST_QUERIES = 1_024
_MOST_PAGES = 4_096
_DECODINGS = 3
_UNUSUAL = re.compile(r"[%;\\]|/[./]")
_SCHEME = re.compile(r"(https?):[/\\]{2}", re.IGNORECASE)
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_PARAMETERS = re.compile(r";[^/;]*=[^/]*")
_QUERY_OR_FRAGMENT = re.compile("[?#]")
_LOOPBACK = "127.0.0.1"


class Page(msgspec.Struct, frozen=True, gc=False):
    """The parts of a page's URL that are stored."""

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
    """The settings of one site for its pages, and caches of pages and queries."""

    def __init__(
        self,
        *,
        query_allow: Iterable[str] = (),
        path_rules: Iterable[str] = (),
        domains: Iterable[str] = (),
        ignore_referrers: Iterable[str] = (),
        hash_routes: bool = False,
        removes_trailing_slash: bool = False,
    ) -> None:
        names = tuple(domains)
        self.query_allow = frozenset(query_allow)
        self.own_hosts = OwnHosts(names)
        self.internal_hosts = starting_no_acquisition(names, ignore_referrers)
        self.paths = PathScrub(path_rules)
        self.hash_routes = hash_routes
        self.removes_trailing_slash = removes_trailing_slash
        # The caches hold only queries and URLs that are stored completely, so they
        # keep no personal data.
        self._queries: dict[str, PageQuery] = {}
        self._pages: dict[str, Page] = {}

    @property
    def remembered(self) -> int:
        """How many queries and pages the caches hold."""
        return len(self._queries) + len(self._pages)

    def page(self, url: str | None) -> "Page | None":
        """Return the result of ``parse_page``, from the cache if possible."""
        if not url:
            return None
        page = self._pages.get(url)
        if page is None:
            page = parse_page(url, self)
            if len(self._pages) < _MOST_PAGES and self._is_stored_whole(page, url):
                self._pages[url] = page
        return page

    def _is_stored_whole(self, page: "Page | None", url: str) -> "TypeGuard[Page]":
        # The tag ends a URL with "#" where it left the fragment out.
        before, mark, query = url.removesuffix("#").partition("?")
        if self.removes_trailing_slash:
            before = before.removesuffix("/")
        return (
            page is not None
            and (before == f"https://{page.hostname}{page.path}")
            and (not mark or query in self._queries)
        )

    def query(self, text: str) -> PageQuery:
        """Return the storable parts of a query, from the cache if possible."""
        query = self._queries.get(text)
        if query is None:
            query = parse_query(text, self.query_allow)
            if query.is_whole and len(self._queries) < _MOST_QUERIES:
                self._queries[text] = query
        return query

    def forget(self) -> None:
        """Empty the caches of paths, queries and pages."""
        self.paths.forget()
        self._queries.clear()
        self._pages.clear()


def parse_page(url: str | None, rules: PageRules) -> Page | None:
    """Return the parts of *url* that may be stored, or None if it is not a web page.

    Only http and https URLs with a host are web pages, unlike ``file:`` URLs and those
    of browser extensions.
    """
    if not url:
        return None
    rest = _after_scheme(url)
    if rest is None:
        return None
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    if fragment:
        rest, query = with_fragment(rest, query, fragment, has_routes=rules.hash_routes)
    if "\\" in rest:
        rest = rest.replace("\\", "/")
    authority, _, tail = rest.partition("/")
    host = parse_host(authority)
    if host is None:
        return None
    path = "/" + tail
    if len(path) > _LONGEST_SENT_PATH:
        path = path[: path.rfind("/", 0, _LONGEST_SENT_PATH)] + "/" + MORE
    path = rules.paths.scrub(_normalize(path) if _UNUSUAL.search(path) else path)
    if rules.removes_trailing_slash:
        path = path.rstrip("/") or "/"
    hostname = _storable_host(host, rules.own_hosts)
    if not query:
        return Page(hostname, path)
    return _page_with_query(hostname, path, rules.query(query))


def _page_with_query(hostname: str | None, path: str, query: PageQuery) -> Page:
    utm = query.utm.get
    return Page(
        hostname,
        query.append_to(path) if query.kept else path,
        query.source(),
        utm("utm_medium"),
        utm("utm_campaign"),
        utm("utm_term"),
        utm("utm_content"),
        query.click_id,
    )


def _after_scheme(url: str) -> str | None:
    if url.isprintable():
        if url.startswith("https://"):
            return url[8:]
        if url.startswith("http://"):
            return url[7:]
    url = plain_text(url)
    scheme = _SCHEME.match(url)
    return None if scheme is None else url[scheme.end() :]


def _storable_host(host: str, own_hosts: OwnHosts) -> str | None:
    # An IP address can be the visitor's own machine, unless the site's domains name it.
    if is_address(host):
        return host if host == _LOOPBACK or host in own_hosts else None
    return own_hosts.storable(host)


def _normalize(path: str) -> str:
    """Return *path* decoded, without parameters and without empty or dot segments.

    Removes a query or fragment that only decoding reveals.
    """
    path = _PARAMETERS.sub("", path)
    for _ in range(_DECODINGS):
        if not _ESCAPE.search(path):
            break
        path = _PARAMETERS.sub("", unquote(path))
    path = plain_text(_QUERY_OR_FRAGMENT.split(path, maxsplit=1)[0])
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    has_end_slash = kept and parts[-1] in ("", ".", "..")
    return "/" + "/".join(kept) + ("/" if has_end_slash else "")
