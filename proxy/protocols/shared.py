"""The paths PostHog and Mixpanel share; the body of a request decides which it is.

Unreadable requests get Mixpanel's reply: Mixpanel's clients crash on any other.
"""

from typing import Any

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import mixpanel, posthog, posthog_config
from proxy.protocols.problems import shared_problem
from proxy.protocols.protocol import (
    POST_OR_GET,
    DecodedRequest,
    Protocol,
    Reader,
    Reply,
    Route,
    VendorRequest,
)

_AUTHORIZATION = "Authorization"


def read_flags(request: VendorRequest) -> DecodedRequest | Reply:
    """Answer that there are no feature flags, without reading the visitor's identity.

    Mixpanel's clients use GET, or send their token as the Basic user name. PostHog's
    clients do neither.
    """
    scheme = (request.header(_AUTHORIZATION) or "")[:6].lower()
    is_mixpanel = request.method == "GET" or scheme == "basic "
    return (mixpanel.read_flags if is_mixpanel else posthog_config.read_flags)(request)


def _shared_reader(mixpanel_reader: Reader) -> Reader:
    """Return a reader that hands a request to PostHog's or to *mixpanel_reader*."""

    def read(request: VendorRequest) -> DecodedRequest | Reply:
        is_posthog = posthog.is_posthog(_value(request))
        result = (posthog.read_events if is_posthog else mixpanel_reader)(request)
        if isinstance(result, Reply):
            return result
        vendor = posthog.PROTOCOL if is_posthog else mixpanel.PROTOCOL
        return result._replace(protocol=vendor.name)

    return read


def _value(request: VendorRequest) -> Any:
    """Return the JSON value of a request, None if it cannot be decoded."""
    try:
        return posthog.value_of(request)
    except MalformedBodyError:
        return None


PROTOCOL = Protocol(
    "shared",
    (
        Route("/track", _shared_reader(mixpanel.read_events), POST_OR_GET),
        Route("/engage", _shared_reader(mixpanel.read_profiles), POST_OR_GET),
        Route("/flags", read_flags, POST_OR_GET),
    ),
    shared_problem,
)
