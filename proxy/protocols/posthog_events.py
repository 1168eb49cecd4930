"""PostHog's events: which are kept, under what name, and what is read of each.

Of who somebody is only the id of an identified customer goes on; anonymous, device and
session ids, profiles and groups are not looked at.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

from proxy.page.click_ids import CLICK_IDS
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, VendorHit, Visitor
from proxy.protocols.commerce import canonical_name, commerce_of
from proxy.protocols.protocol import mapping_of, number_of, text_of

_KEPT = {"$pageview": "pageview", "$pageleave": "engagement", "$screen": "screen"}
_IDENTITY = frozenset(
    {
        *("$identify", "$create_alias", "$merge_dangerously", "$groupidentify"),
        *("$set", "$set_once", "$unset"),
    }
)
_PROFILE = ("$set", "$set_once", "$unset")
# Every other name that begins so is of the client's own making.
_AUTOMATIC = "$"
SERVER_LIBRARIES = frozenset(
    {
        *("posthog-node", "posthog-edge", "posthog-python", "posthog-php"),
        *("posthog-ruby", "posthog-go", "posthog-java", "posthog-server"),
        *("posthog-dotnet", "posthog-elixir", "posthog-rs"),
    }
)
# What the browser's client adds to a site's own properties without a $ before it.
_ADDED = frozenset(
    {
        *("distinct_id", "token", "title"),
        *("li_fat_id", "gad_source", "mc_cid", "gclsrc", "twclid", "igshid", "rdt_cid"),
        *("epik", "qclid", "sccid", "oppref", "bfcid", "irclid", "_kx"),
        *CLICK_IDS,
    }
)

Values = Mapping[str, Any]
Time = str | float | None


class Envelope(NamedTuple):
    """What a request says of all its events.

    *key* outranks what an event says, *last_key* does not.
    """

    key: str | None = None
    last_key: str | None = None
    sent_at: Time = None
    is_server_library: bool = False


def hit_of(event: object, envelope: Envelope) -> Hit | Dropped:
    """Return the hit of one event, or why there is none."""
    fields = mapping_of(event)
    properties = mapping_of(fields.get("properties"))
    key = (
        envelope.key
        or key_in(fields)
        or text_of(properties.get("token"))
        or envelope.last_key
    )
    name = _name(fields)
    if not isinstance(name, DropReason):
        return _hit(name, key, fields, properties, envelope)
    if key is None and name is DropReason.MALFORMED:
        return Dropped(name)
    return VendorHit(key=key, refused=name)


def key_in(fields: Values) -> str | None:
    """Return the key at the top of an event or of a request."""
    named = (text_of(fields.get(name)) for name in ("api_key", "token", "$token"))
    return next(filter(None, named), None)


def time_of(value: object) -> Time:
    """Return a time as a client writes it: a text, or a number also within one."""
    number = number_of(value)
    if number is not None:
        return number
    return value if isinstance(value, str) else None


def _name(fields: Values) -> str | DropReason:
    """Return the name an event is kept under, or why it is not."""
    name = _text(fields.get("event"))
    if name is None:
        is_profile = any(part in fields for part in _PROFILE)
        return DropReason.IDENTITY if is_profile else DropReason.MALFORMED
    if name in _IDENTITY:
        return DropReason.IDENTITY
    if name in _KEPT:
        return _KEPT[name]
    if name.startswith(_AUTOMATIC) and canonical_name(name) is None:
        return DropReason.AUTOMATIC
    return name


def _hit(
    named: str,
    key: str | None,
    fields: Values,
    properties: Values,
    envelope: Envelope,
) -> VendorHit:
    name, order = commerce_of(named, properties)
    is_library = envelope.is_server_library or _is_server(properties)
    at, sent_at = _times(fields, properties, envelope.sent_at)
    leaves = name == "engagement"
    return VendorHit(
        key=key,
        library=is_library,
        name=name,
        id=text_of(fields.get("uuid")) or text_of(properties.get("$insert_id")),
        at=at,
        sent_at=sent_at,
        url=_left_page(properties) if leaves else _text(properties.get("$current_url")),
        referrer=_text(properties.get("$referrer")),
        lang=_text(properties.get("$browser_language")),
        screen=_screen(properties),
        scroll_pct=_scroll_pct(properties) if leaves else None,
        props={each: properties[each] for each in properties if _is_own(each)},
        actor=_actor(fields, properties, is_library=is_library),
        order=order,
        visitor=_visitor(properties),
    )


def _is_server(properties: Values) -> bool:
    library = properties.get("$lib")
    named = isinstance(library, str) and library in SERVER_LIBRARIES
    return named or properties.get("$is_server") is True


def _times(fields: Values, properties: Values, sent_at: Time) -> tuple[Time, Time]:
    """Return when an event occurred, and the client's clock as it was sent."""
    at, waited_ms = time_of(fields.get("timestamp")), number_of(fields.get("offset"))
    if waited_ms is not None and (at is None or sent_at is None):
        return -waited_ms / 1_000, 0
    options = mapping_of(fields.get("options"))
    is_exact = options.get("disable_skew_correction", properties.get("$ignore_sent_at"))
    return at, None if is_exact is True else sent_at


def _left_page(properties: Values) -> str | None:
    """Return the page that was left; the address may have moved on without a view."""
    url = _text(properties.get("$current_url"))
    left = _text(properties.get("$prev_pageview_pathname"))
    if url is None or left is None or left == properties.get("$pathname"):
        return url
    try:
        return urljoin(url, left)
    except ValueError:
        return url


def _screen(properties: Values) -> list[float] | None:
    width = number_of(properties.get("$screen_width"))
    if width is None:
        return None
    return [width, number_of(properties.get("$screen_height")) or 0]


def _scroll_pct(properties: Values) -> float | None:
    """Return how much of the left page came into view, its first screen included."""
    part = number_of(properties.get("$prev_pageview_max_content_percentage"))
    return None if part is None else part * 100


def _is_own(name: str) -> bool:
    return not name.startswith("$") and name not in _ADDED


def _actor(fields: Values, properties: Values, *, is_library: bool) -> str | None:
    """Return the id of a customer who is known: never one a browser was given."""
    options = mapping_of(fields.get("options"))
    profile = options.get("process_person_profile")
    if profile is False or properties.get("$process_person_profile") is False:
        return None
    given = _distinct_id(fields, properties)
    if is_library:
        return given
    identified = text_of(properties.get("$user_id"))
    # Clients before 1.200 say nothing else of it.
    if "$is_identified" not in properties:
        return identified
    if properties["$is_identified"] is not True:
        return None
    is_device = given == text_of(properties.get("$device_id"))
    return identified or (None if is_device else given)


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
