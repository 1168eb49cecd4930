"""Turns one Mixpanel event, or one profile update, into a hit.

Ids of devices and profiles are discarded. A hit names a customer only if the client
says that it has identified one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.pipeline.commerce_names import plain_name
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order, VendorHit, Visitor
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import (
    mapping_of,
    number_of,
    refused_hit,
    text_of,
    time_of,
    url_with_campaign,
)

# What Mixpanel's server libraries call themselves in mp_lib.
_SERVER_LIBRARIES = frozenset({"python", "node", "php", "ruby", "go", "jdk"})
_PAGE_VIEWS = frozenset({"$mp_web_page_view", "mp_page_view"})
# What sites call the page views that they report themselves, as ``plain_name``.
_OWN_PAGE_VIEWS = frozenset(
    {
        *("page view", "pageview", "page viewed", "viewed page", "view page"),
        *("page views", "pageviews", "page visit", "page visited", "visited page"),
        *("page load", "page loaded", "loaded page", "loaded a page"),
        *("viewed a page", "web page view", "web page viewed", "website page view"),
    }
)
_IDENTITY = frozenset({"$identify", "$create_alias", "$merge"})
# Automatic events that report the scroll depth, and the property with the depth.
_SCROLLS = {
    "$mp_scroll": "$scroll_percentage",
    "$mp_page_leave": "$max_scroll_percentage",
}
_DEVICE = "$device:"
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
# Mixpanel's own properties; a site cannot allow them as its properties.
_MIXPANEL_PROPERTIES = frozenset(
    {
        *("token", "distinct_id", "time", "ip", "alias", "current_page_title"),
        *("current_domain", "current_url_path", "current_url_search"),
        "current_url_protocol",
    }
)
_MIXPANEL_PREFIXES = ("$", "mp_", "utm_", "initial_utm_")

Properties = Mapping[str, Any]


class Envelope(NamedTuple):
    """The facts of a request that hold for all its events.

    *key* is the key of its header, *sent_at* the browser's clock in milliseconds.
    *is_import* means that only servers use this path. *is_server_address* means that
    the client said its address is not the visitor's.
    """

    key: str | None = None
    sent_at: float | None = None
    is_import: bool = False
    is_server_address: bool = False


def event_hit(event: object, envelope: Envelope) -> VendorHit | Dropped:
    """Return the hit of one event of ``/track`` or ``/import``."""
    properties = mapping_of(mapping_of(event).get("properties"))
    key = text_of(properties.get("token")) or envelope.key
    name = mapping_of(event).get("event")
    if not isinstance(name, str):
        return refused_hit(key, DropReason.MALFORMED)
    if name in _IDENTITY:
        return refused_hit(key, DropReason.IDENTITY)
    if name.startswith("$") and name not in _PAGE_VIEWS | _SCROLLS.keys():
        return refused_hit(key, DropReason.AUTOMATIC)
    if key is None:
        return Dropped(DropReason.MALFORMED)
    return _hit(name, properties, key, envelope)


def profile_hit(update: object, envelope: Envelope) -> VendorHit | Dropped:
    """Return a hit that only counts one update of a profile or group.

    A charge on a profile is not stored either: it names no order, and the order has an
    event of its own.
    """
    key = text_of(mapping_of(update).get("$token")) or envelope.key
    is_update = isinstance(update, dict)
    return refused_hit(key, DropReason.IDENTITY if is_update else DropReason.MALFORMED)


def _hit(name: str, properties: Properties, key: str, envelope: Envelope) -> VendorHit:
    stored_name, order = _stored_name(name, properties)
    library = _is_library(properties, envelope)
    insert_id = text_of(properties.get("$insert_id"))
    return VendorHit(
        key=key,
        name=stored_name,
        order=order,
        # As in Mixpanel, events with different names may share an id.
        id=None if insert_id is None else f"{name} {insert_id}",
        at=time_of(properties.get("time")),
        sent_at=None if library else envelope.sent_at,
        url=_url(properties),
        referrer=text_of(properties.get("$referrer")),
        screen=_screen(properties),
        scroll_pct=number_of(properties.get(_SCROLLS.get(name, ""))),
        props=_site_props(properties),
        actor=_customer(properties, library=library),
        visitor=_visitor(properties),
        library=library,
    )


def _stored_name(name: str, properties: Properties) -> tuple[str, Order | None]:
    """Return the name an event is stored under, and its order if it has one."""
    if name in _PAGE_VIEWS or _is_own_page_view(name, properties):
        return "pageview", None
    if name in _SCROLLS:
        return "engagement", None
    return commerce_of(name, properties)


def _is_own_page_view(name: str, properties: Properties) -> bool:
    """Whether the site itself reports a page view; without a URL it is no page view."""
    return plain_name(name) in _OWN_PAGE_VIEWS and _url(properties) is not None


def _is_library(properties: Properties, envelope: Envelope) -> bool:
    if envelope.is_import:
        return True
    # The Node library leaves mp_lib out of batches; every browser client sends it.
    library = properties.get("mp_lib")
    if library is None:
        return envelope.is_server_address
    return text_of(library) in _SERVER_LIBRARIES


def _customer(properties: Properties, *, library: bool) -> str | None:
    """Return the id of an identified customer, never the id of a device."""
    user_id = text_of(properties.get("$user_id"))
    if user_id is not None or not library:
        return user_id
    distinct_id = text_of(properties.get("distinct_id"))
    device_id = text_of(properties.get("$device_id"))
    if (
        distinct_id is None
        or distinct_id == device_id
        or distinct_id.startswith(_DEVICE)
    ):
        return None
    return distinct_id


def _visitor(properties: Properties) -> Visitor | None:
    """Return the visitor a server sends for; it needs an address and an agent."""
    address = text_of(properties.get("ip")) or text_of(properties.get("$ip"))
    agent = text_of(properties.get("$user_agent"))
    return None if address is None or agent is None else Visitor(address, agent)


def _url(properties: Properties) -> str | None:
    url = text_of(properties.get("$current_url")) or _url_of_parts(properties)
    if url is None:
        return None
    campaign = {key: text for key in _UTM if (text := text_of(properties.get(key)))}
    return url_with_campaign(url, campaign)


def _url_of_parts(properties: Properties) -> str | None:
    host = text_of(properties.get("current_domain"))
    if host is None:
        return None
    scheme = text_of(properties.get("current_url_protocol")) or "https:"
    path = text_of(properties.get("current_url_path")) or "/"
    search = text_of(properties.get("current_url_search")) or ""
    return f"{scheme}//{host}{path}{search}"


def _screen(properties: Properties) -> list[float] | None:
    width = number_of(properties.get("$screen_width"))
    height = number_of(properties.get("$screen_height"))
    return None if width is None or height is None else [width, height]


def _site_props(properties: Properties) -> dict[str, object]:
    return {
        key: value
        for key, value in properties.items()
        if key not in _MIXPANEL_PROPERTIES and not key.startswith(_MIXPANEL_PREFIXES)
    }
