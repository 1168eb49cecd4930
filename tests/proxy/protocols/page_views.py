"""A page view with a given URL and referrer, as each protocol's client sends it."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from proxy.pipeline.hit import Hit, decode_hits
from proxy.protocols import (
    ga4,
    mixpanel,
    plausible,
    posthog,
    rudderstack,
    segment,
    umami,
)
from proxy.protocols.protocol import DecodedRequest, Protocol
from tests.proxy.protocols.vendor_requests import vendor_request

KEY = "site-key"
UMAMI_KEY = "1f3e7c9a-4b5d-4e6f-8a7b-9c0d1e2f3a4b"

PageView = Callable[[str, str], Hit]


def native(url: str, referrer: str) -> Hit:
    """Return the hit of Millpond's tag."""
    body = {"key": KEY, "url": url, "referrer": referrer}
    (hit,) = decode_hits(json.dumps(body).encode(), 1)
    assert isinstance(hit, Hit)
    return hit


def plausible_view(url: str, referrer: str) -> Hit:
    """Return the hit of Plausible's tracker."""
    body = {"n": "pageview", "u": url, "d": KEY, "r": referrer}
    return _hit(plausible.PROTOCOL, "/api/event", body)


def umami_view(url: str, referrer: str) -> Hit:
    """Return the hit of Umami's script."""
    payload = {"website": UMAMI_KEY, "url": url, "referrer": referrer}
    body = {"type": "event", "payload": payload}
    return _hit(umami.PROTOCOL, "/api/send", body)


def posthog_view(url: str, referrer: str) -> Hit:
    """Return the hit of PostHog's client."""
    properties = {"token": KEY, "$current_url": url, "$referrer": referrer}
    body = {"event": "$pageview", "properties": properties}
    return _hit(posthog.PROTOCOL, "/e", body)


def mixpanel_view(url: str, referrer: str) -> Hit:
    """Return the hit of Mixpanel's client."""
    properties = {"token": KEY, "$current_url": url, "$referrer": referrer}
    event = {"event": "$mp_web_page_view", "properties": properties}
    return _decoded(mixpanel.read_events(vendor_request(event)))


def segment_view(url: str, referrer: str) -> Hit:
    """Return the hit of Segment's client."""
    page = {"url": url, "referrer": referrer}
    body = {"writeKey": KEY, "properties": page, "context": {"page": page}}
    return _hit(segment.PROTOCOL, "/v1/p", body)


def rudderstack_view(url: str, referrer: str) -> Hit:
    """Return the hit of RudderStack's client: only ``tab_url`` has the fragment."""
    page = {"url": url.partition("#")[0], "tab_url": url, "referrer": referrer}
    call = {"type": "page", "properties": page, "context": {"page": page}}
    body = {"writeKey": KEY, "batch": [call]}
    return _hit(rudderstack.PROTOCOL, "/beacon/v1/batch", body)


def ga4_view(url: str, referrer: str) -> Hit:
    """Return the hit of Google's tag."""
    query = urlencode({"tid": KEY, "en": "page_view", "dl": url, "dr": referrer})
    return _hit(ga4.PROTOCOL, "/g/collect", None, query)


def ga4_server_view(url: str, referrer: str) -> Hit:
    """Return the hit of the Measurement Protocol."""
    params = {"page_location": url, "page_referrer": referrer}
    body = {"events": [{"name": "page_view", "params": params}]}
    return _hit(ga4.PROTOCOL, "/mp/collect", body, f"measurement_id={KEY}")


PAGE_VIEWS: dict[str, PageView] = {
    "native": native,
    "plausible": plausible_view,
    "umami": umami_view,
    "posthog": posthog_view,
    "mixpanel": mixpanel_view,
    "segment": segment_view,
    "rudderstack": rudderstack_view,
    "ga4": ga4_view,
    "ga4 of a server": ga4_server_view,
}


def _hit(protocol: Protocol, path: str, body: Any, query: str = "") -> Hit:
    (read,) = (route.read for route in protocol.routes if route.path == path)
    sent = {"body": b""} if body is None else {"value": body}
    return _decoded(read(vendor_request(**sent, query=query)))


def _decoded(request: object) -> Hit:
    assert isinstance(request, DecodedRequest)
    (hit,) = request.hits
    assert isinstance(hit, Hit)
    return hit
