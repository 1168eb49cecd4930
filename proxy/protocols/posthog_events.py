"""Turns PostHog's events into hits: which events are kept, their names and fields.

The only identity in a hit is the id of an identified customer. Anonymous, device and
session ids, profiles and groups are not read.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

from proxy.page.click_ids import CLICK_IDS
from proxy.pipeline.commerce_names import canonical_name
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, VendorHit, Visitor
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import Time, mapping_of, number_of, text_of, time_of

_KEPT = {"$pageview": "pageview", "$pageleave": "engagement", "$screen": "screen"}
_IDENTITY = frozenset(
    {
        *("$identify", "$create_alias", "$merge_dangerously", "$groupidentify"),
        *("$set", "$set_once", "$unset"),
    }
)
_PROFILE_FIELDS = ("$set", "$set_once", "$unset")
# The client itself sends every other event whose name has this prefix.
_AUTOMATIC_PREFIX = "$"
SERVER_LIBRARIES = frozenset(
    {
        *("posthog-node", "posthog-edge", "posthog-python", "posthog-php"),
        *("posthog-ruby", "posthog-go", "posthog-java", "posthog-server"),
        *("posthog-dotnet", "posthog-elixir", "posthog-rs"),
    }
)
# Properties that the browser client adds without the $ prefix.
_CLIENT_PROPERTIES = frozenset(
    {
        *("distinct_id", "token", "title"),
        *("li_fat_id", "gad_source", "mc_cid", "gclsrc", "twclid", "igshid", "rdt_cid"),
        *("epik", "qclid", "sccid", "oppref", "bfcid", "irclid", "_kx"),
        *CLICK_IDS,
    }
)

Values = Mapping[str, Any]


class Envelope(NamedTuple):
    """The facts of a request that hold for all its events.

    *key* overrides an event's own key; *fallback_key* is for events without a key.
    """

    key: str | None = None
    fallback_key: str | None = None
    sent_at: Time = None
    is_server_library: bool = False


def hit_of(event: object, envelope: Envelope) -> Hit | Dropped:
    """Return the hit of one event, or the reason why it is dropped."""
    fields = mapping_of(event)
    properties = mapping_of(fields.get("properties"))
    key = (
        envelope.key
        or key_in(fields)
        or text_of(properties.get("token"))
        or envelope.fallback_key
    )
    name = _name_or_reason(fields)
    if not isinstance(name, DropReason):
        return _hit(name, key, fields, properties, envelope)
    if key is None and name is DropReason.MALFORMED:
        return Dropped(name)
    return VendorHit(key=key, refused=name)


def key_in(fields: Values) -> str | None:
    """Return the key at the top level of an event or a request."""
    keys = (text_of(fields.get(name)) for name in ("api_key", "token", "$token"))
    return next(filter(None, keys), None)


def _name_or_reason(fields: Values) -> str | DropReason:
    """Return the stored name of an event, or the reason why it is dropped."""
    name = _text(fields.get("event"))
    if name is None:
        is_profile = any(field in fields for field in _PROFILE_FIELDS)
        return DropReason.IDENTITY if is_profile else DropReason.MALFORMED
    if name in _IDENTITY:
        return DropReason.IDENTITY
    if name in _KEPT:
        return _KEPT[name]
    if name.startswith(_AUTOMATIC_PREFIX) and canonical_name(name) is None:
        return DropReason.AUTOMATIC
    return name


def _hit(
    kept_name: str,
    key: str | None,
    fields: Values,
    properties: Values,
    envelope: Envelope,
) -> VendorHit:
    name, order = commerce_of(kept_name, properties)
    is_library = envelope.is_server_library or _is_server(properties)
    at, sent_at = _times(fields, properties, envelope.sent_at)
    is_leave = name == "engagement"
    return VendorHit(
        key=key,
        library=is_library,
        name=name,
        id=text_of(fields.get("uuid")) or text_of(properties.get("$insert_id")),
        at=at,
        sent_at=sent_at,
        url=_left_url(properties) if is_leave else _current_url(properties),
        referrer=_text(properties.get("$referrer")),
        lang=_text(properties.get("$browser_language")),
        screen=_screen(properties),
        scroll_pct=_scroll_pct(properties) if is_leave else None,
        props={name: properties[name] for name in properties if _is_site_prop(name)},
        actor=_actor(fields, properties, is_library=is_library),
        order=order,
        visitor=_visitor(properties),
    )


def _is_server(properties: Values) -> bool:
    library = properties.get("$lib")
    is_known = isinstance(library, str) and library in SERVER_LIBRARIES
    return is_known or properties.get("$is_server") is True


def _times(fields: Values, properties: Values, sent_at: Time) -> tuple[Time, Time]:
    """Return the time of the event, and the client's time when it sent the event."""
    at, delay_ms = time_of(fields.get("timestamp")), number_of(fields.get("offset"))
    if delay_ms is not None and (at is None or sent_at is None):
        return -delay_ms / 1_000, 0
    options = mapping_of(fields.get("options"))
    is_exact = options.get("disable_skew_correction", properties.get("$ignore_sent_at"))
    return at, None if is_exact is True else sent_at


def _current_url(properties: Values) -> str | None:
    return _text(properties.get("$current_url"))


def _left_url(properties: Values) -> str | None:
    """Return the URL of the page that was left.

    The current URL can differ, because it may have changed without a pageview.
    """
    url = _current_url(properties)
    left_path = _text(properties.get("$prev_pageview_pathname"))
    if url is None or left_path is None or left_path == properties.get("$pathname"):
        return url
    try:
        return urljoin(url, left_path)
    except ValueError:
        return url


def _screen(properties: Values) -> list[float] | None:
    width = number_of(properties.get("$screen_width"))
    if width is None:
        return None
    return [width, number_of(properties.get("$screen_height")) or 0]


def _scroll_pct(properties: Values) -> float | None:
    """Return how much of the left page was visible, including its first screen."""
    fraction = number_of(properties.get("$prev_pageview_max_content_percentage"))
    return None if fraction is None else fraction * 100


def _is_site_prop(name: str) -> bool:
    return not name.startswith("$") and name not in _CLIENT_PROPERTIES


def _actor(fields: Values, properties: Values, *, is_library: bool) -> str | None:
    """Return the id of an identified customer, never an anonymous browser id."""
    options = mapping_of(fields.get("options"))
    profile = options.get("process_person_profile")
    if profile is False or properties.get("$process_person_profile") is False:
        return None
    distinct_id = _distinct_id(fields, properties)
    if is_library:
        return distinct_id
    user_id = text_of(properties.get("$user_id"))
    # Clients before 1.200 do not send $is_identified.
    if "$is_identified" not in properties:
        return user_id
    if properties["$is_identified"] is not True:
        return None
    is_device = distinct_id == text_of(properties.get("$device_id"))
    return user_id or (None if is_device else distinct_id)


def _distinct_id(fields: Values, properties: Values) -> str | None:
    return (
        text_of(fields.get("distinct_id"))
        or text_of(properties.get("distinct_id"))
        or text_of(fields.get("$distinct_id"))
    )


def _visitor(properties: Values) -> Visitor | None:
    address = _text(properties.get("$ip"))
    if address is None:
        return None
    agent = properties.get("$raw_user_agent") or properties.get("$user_agent")
    return Visitor(address, _text(agent))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
