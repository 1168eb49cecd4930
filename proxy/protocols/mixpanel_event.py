"""One Mixpanel event, or one change of a profile, as a hit.

Ids of devices and profiles end here: a customer is named only where the client says
that it knows one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order, VendorHit, Visitor
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import mapping_of, number_of, refused_hit, text_of

# What Mixpanel's server libraries call themselves in mp_lib.
_SERVER_LIBRARIES = frozenset({"python", "node", "php", "ruby", "go", "jdk"})
_PAGE_VIEWS = frozenset({"$mp_web_page_view", "mp_page_view"})
_IDENTITY = frozenset({"$identify", "$create_alias", "$merge"})
# Automatic events that tell how far a page was read, and the property that does.
_SCROLLS = {
    "$mp_scroll": "$scroll_percentage",
    "$mp_page_leave": "$max_scroll_percentage",
}
_DEVICE = "$device:"
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
# Mixpanel's own properties, which are none of the site's, whatever it allows.
_OWN = frozenset(
    {
        *("token", "distinct_id", "time", "ip", "alias", "current_page_title"),
        *("current_domain", "current_url_path", "current_url_search"),
        "current_url_protocol",
    }
)
_OWN_BEGINNINGS = ("$", "mp_", "utm_", "initial_utm_")

Properties = Mapping[str, Any]


class Envelope(NamedTuple):
    """What a request says of all that is in it.

    *key* is that of its header, *sent_at* the browser's clock in milliseconds;
    *is_import* says that only servers send there, *is_away* that the sender itself
    says its address is not the visitor's.
    """

    key: str | None = None
    sent_at: float | None = None
    is_import: bool = False
    is_away: bool = False


def event_hit(event: object, sent: Envelope) -> VendorHit | Dropped:
    """Return the hit of one event of ``/track`` or ``/import``."""
    properties = mapping_of(mapping_of(event).get("properties"))
    key = text_of(properties.get("token")) or sent.key
    name = mapping_of(event).get("event")
    if not isinstance(name, str):
        return refused_hit(key, DropReason.MALFORMED)
    if name in _IDENTITY:
        return refused_hit(key, DropReason.IDENTITY)
    if name.startswith("$") and name not in _PAGE_VIEWS | _SCROLLS.keys():
        return refused_hit(key, DropReason.AUTOMATIC)
    if key is None:
        return Dropped(DropReason.MALFORMED)
    return _hit(name, properties, key, sent)


def profile_hit(update: object, sent: Envelope) -> VendorHit | Dropped:
    """Return what is counted of one change of a profile or group: nothing is kept.

    Nor is a charge on a profile: it names no order, and the order has its own event.
    """
    key = text_of(mapping_of(update).get("$token")) or sent.key
    is_update = isinstance(update, dict)
    return refused_hit(key, DropReason.IDENTITY if is_update else DropReason.MALFORMED)


def _hit(name: str, properties: Properties, key: str, sent: Envelope) -> VendorHit:
    stored, order = _named(name, properties)
    library = _is_library(properties, sent)
    message = text_of(properties.get("$insert_id"))
    return VendorHit(
        key=key,
        name=stored,
        order=order,
        # Mixpanel, too, lets events of two names share an id.
        id=None if message is None else f"{name} {message}",
        at=number_of(properties.get("time")),
        sent_at=None if library else sent.sent_at,
        url=_url(properties),
        referrer=text_of(properties.get("$referrer")),
        screen=_screen(properties),
        scroll_pct=number_of(properties.get(_SCROLLS.get(name, ""))),
        props=_site_props(properties),
        actor=_customer(properties, library=library),
        visitor=_spoken_for(properties),
        library=library,
    )


def _named(name: str, properties: Properties) -> tuple[str, Order | None]:
    """Return the name an event is stored under, and its order where it has one."""
    if name in _PAGE_VIEWS:
        return "pageview", None
    if name in _SCROLLS:
        return "engagement", None
    return commerce_of(name, properties)


def _is_library(properties: Properties, sent: Envelope) -> bool:
    # Node leaves mp_lib out of batches; every client in a browser has it.
    library = properties.get("mp_lib")
    return sent.is_import or (
        sent.is_away if library is None else text_of(library) in _SERVER_LIBRARIES
    )


def _customer(properties: Properties, *, library: bool) -> str | None:
    """Return the id of a customer the client knows; never that of a device."""
    known = text_of(properties.get("$user_id"))
    if known is not None or not library:
        return known
    distinct = text_of(properties.get("distinct_id"))
    device = text_of(properties.get("$device_id"))
    if distinct is None or distinct == device or distinct.startswith(_DEVICE):
        return None
    return distinct


def _spoken_for(properties: Properties) -> Visitor | None:
    """Return whom a server speaks for; an address without an agent is nobody yet."""
    address = text_of(properties.get("ip")) or text_of(properties.get("$ip"))
    agent = text_of(properties.get("$user_agent"))
    return None if address is None or agent is None else Visitor(address, agent)


def _url(properties: Properties) -> str | None:
    url = text_of(properties.get("$current_url")) or _url_of_parts(properties)
    return None if url is None else _with_campaign(url, properties)


def _url_of_parts(properties: Properties) -> str | None:
    host = text_of(properties.get("current_domain"))
    if host is None:
        return None
    scheme = text_of(properties.get("current_url_protocol")) or "https:"
    path = text_of(properties.get("current_url_path")) or "/"
    search = text_of(properties.get("current_url_search")) or ""
    return f"{scheme}//{host}{path}{search}"


def _with_campaign(url: str, properties: Properties) -> str:
    """Return *url* with the campaign Mixpanel remembers, where it names none."""
    page, mark, fragment = url.partition("#")
    named = {key: text for key in _UTM if (text := text_of(properties.get(key)))}
    if not named or "utm_" in page.partition("?")[2].lower():
        return url
    joint = "&" if "?" in page else "?"
    return f"{page}{joint}{urlencode(named, errors='replace')}{mark}{fragment}"


def _screen(properties: Properties) -> list[float] | None:
    width = number_of(properties.get("$screen_width"))
    height = number_of(properties.get("$screen_height"))
    return None if width is None or height is None else [width, height]


def _site_props(properties: Properties) -> dict[str, object]:
    return {
        key: value
        for key, value in properties.items()
        if key not in _OWN and not key.startswith(_OWN_BEGINNINGS)
    }
