"""The paths that PostHog and Mixpanel share: whose a request is, its bytes decide.

What cannot be read is answered in Mixpanel's words: its clients crash on others'.
"""

from typing import Any

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import mixpanel, posthog, posthog_config
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


def flags(request: VendorRequest) -> DecodedRequest | Reply:
    """Answer that there are no flags, without a look at whom they would be for.

    Mixpanel's clients ask with GET, or with their token as a Basic name; PostHog's
    do neither.
    """
    scheme = (request.header(_AUTHORIZATION) or "")[:6].lower()
    is_mixpanel = request.method == "GET" or scheme == "basic "
    return (mixpanel.flags if is_mixpanel else posthog_config.read_flags)(request)


def _told_apart(of_mixpanel: Reader) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest | Reply:
        is_posthog = posthog.is_posthog(_value(request))
        found = (posthog.read_events if is_posthog else of_mixpanel)(request)
        if isinstance(found, Reply):
            return found
        vendor = posthog.PROTOCOL if is_posthog else mixpanel.PROTOCOL
        return found._replace(protocol=vendor.name)

    return read


def _value(request: VendorRequest) -> Any:
    """Return what is in a request, None where that cannot be read."""
    try:
        return posthog.value_of(request)
    except MalformedBodyError:
        return None


PROTOCOL = Protocol(
    "shared",
    (
        Route("/track", _told_apart(mixpanel.track), POST_OR_GET),
        Route("/engage", _told_apart(mixpanel.profiles), POST_OR_GET),
        Route("/flags", flags, POST_OR_GET),
    ),
)
