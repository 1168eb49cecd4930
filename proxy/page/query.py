"""Reads a URL's query: campaign columns, the kind of click id, and allowed keys.

Everything else in a query is dropped.
"""

import re
from collections.abc import Collection
from urllib.parse import unquote_plus

from proxy.page.click_ids import CLICK_IDS
from proxy.page.path_scrub import LONGEST_PATH
from proxy.page.sources import load_sources
from proxy.pii.detect import PersonalKind, personal_kind
from proxy.pii.plain_text import plain_text

LONGEST_CAMPAIGN = 128
_MOST_PAIRS = 256
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_SOURCE_KEYS = ("source", "ref")
_CAMPAIGN_KEYS = frozenset(_UTM + _SOURCE_KEYS)
# Ids of campaigns and ads are numbers of up to 18 digits. Software joins them to names;
# a number between blanks was typed by a person.
_AD_NUMBER = re.compile(r"(?!0)[^\s+()]+")
# The marks between pairs, as HTML writes them.
_HTML_MARK = re.compile(r"(?:^|&)(?:(?:amp|#0*38|#x26)(?:;|%3b))+", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}")


class PageQuery:
    """The stored parts of a query; *is_whole* means that nothing was dropped."""

    __slots__ = ("click_id", "is_whole", "kept", "rank", "utm")

    def __init__(self, *, is_whole: bool) -> None:
        self.utm: dict[str, str] = {}
        self.click_id: str | None = None
        self.rank = len(CLICK_IDS)
        self.kept: dict[str, str] = {}
        self.is_whole = is_whole

    def source(self) -> str | None:
        """Return the campaign's source: ``utm_source``, else ``source`` or ``ref``."""
        return self.utm.get("utm_source") or self._known_source()

    def _known_source(self) -> str | None:
        # These keys may hold a friend's referral code, which names a person. Only known
        # sources and domain names are stored.
        for key in _SOURCE_KEYS:
            value = self.utm.get(key)
            if value is not None and (
                load_sources().named(value) is not None or _DOMAIN.fullmatch(value)
            ):
                return value
        return None

    def append_to(self, path: str) -> str:
        """Return *path* with the allowed keys and values that fit ``LONGEST_PATH``."""
        mark = "?"
        for key in sorted(self.kept):
            value = self.kept[key].replace("%", "%25").replace("&", "%26")
            pair = f"{mark}{key}={value}"
            if len(path) + len(pair) <= LONGEST_PATH:
                path += pair
                mark = "&"
        return path


def parse_query(text: str, query_allow: Collection[str]) -> PageQuery:
    """Return the parts of a query that may be stored."""
    if ";" in text or "%3" in text:
        text = _HTML_MARK.sub("&", text)
    query = PageQuery(is_whole=text.count("&") < _MOST_PAIRS)
    pairs = text.split("&", _MOST_PAIRS)[:_MOST_PAIRS]
    for pair in pairs:
        key, _, value = pair.partition("=")
        if query.is_whole:
            is_new = key in _UTM and key not in query.utm
            query.is_whole = is_new and _campaign_value(value) == value
        if not value:
            continue
        if not key.islower() or "%" in key:
            key = unquote_plus(key)
        if key in query_allow:
            _set_first(query.kept, key, _allowed_value(value))
        name = key.lower()
        if name in _CAMPAIGN_KEYS:
            _set_first(query.utm, name, _campaign_value(value))
        elif name in CLICK_IDS and CLICK_IDS[name].rank < query.rank:
            query.click_id, query.rank = name, CLICK_IDS[name].rank
    return query


def _set_first(values: dict[str, str], key: str, value: str | None) -> None:
    """Set *key*, unless there is no value or an earlier pair has set it."""
    if value is not None:
        values.setdefault(key, value)


def _campaign_value(encoded: str) -> str | None:
    """Return a campaign value, shortened; None if it looks personal."""
    text = _decode(encoded)
    kind = personal_kind(text)
    is_ad_number = kind is PersonalKind.NUMBER and _AD_NUMBER.fullmatch(text)
    if kind is not None and not is_ad_number:
        return None
    return plain_text(text)[:LONGEST_CAMPAIGN].rstrip() or None


def _allowed_value(encoded: str) -> str | None:
    """Return the value of an allowed key, shortened; None if it looks personal."""
    text = _decode(encoded)
    if personal_kind(text) is not None:
        return None
    return plain_text(text)[:LONGEST_CAMPAIGN].rstrip() or None


def _decode(encoded: str) -> str:
    return unquote_plus(encoded) if "%" in encoded or "+" in encoded else encoded
