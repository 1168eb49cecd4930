"""How each client sends now: method, path, type of the body and its compression.

"encoded" means a header names the compression, "compression" the query; other gzip is
recognized by its bytes. A profile with a question mark depends on the time of a page
leave.
"""

from collections.abc import Mapping

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_RUDDER_JSON = "application/json;charset=UTF-8"
_POSTHOG_PACKED = frozenset(
    {
        "GET /array/phc_shop/config.js",
        "POST /e/ text/plain gzip",
        "?POST /flags/ text/plain gzip",
    }
)
_SEGMENT_SETTINGS = "GET /v1/projects/shop-write-key/settings"
_SEGMENT = frozenset(
    {_SEGMENT_SETTINGS, *(f"POST /v1/{c} text/plain" for c in "agipt")}
)
_MIXPANEL = frozenset(
    {
        f"POST /engage/ {_FORM}",
        f"POST /groups/ {_FORM}",
        f"POST /track/ {_FORM}",
        "?POST /engage/ text/plain;charset=UTF-8",
        "?POST /track/ text/plain;charset=UTF-8",
    }
)

PROFILES: Mapping[str, frozenset[str]] = {
    "posthog-node": frozenset({f"POST /batch/ {_JSON} encoded gzip"}),
    "posthog-node, v1": frozenset(
        {f"POST /i/v1/analytics/events {_JSON} encoded gzip"}
    ),
    "posthog-node, not packed": frozenset({f"POST /batch/ {_JSON}"}),
    "posthog-python": frozenset({f"POST /batch/ {_JSON}"}),
    "posthog-python, v1": frozenset({f"POST /i/v1/analytics/events {_JSON}"}),
    "posthog-python, packed": frozenset({f"POST /batch/ {_JSON} encoded gzip"}),
    "segment-node": frozenset({f"POST /v1/batch {_JSON}"}),
    "segment-python": frozenset({f"POST /v1/batch {_JSON}"}),
    "segment-python, packed": frozenset({f"POST /v1/batch {_JSON} encoded gzip"}),
    "rudder-node": frozenset({f"POST /v1/batch {_FORM} encoded gzip"}),
    "rudder-python": frozenset({f"POST /v1/batch {_JSON} encoded gzip"}),
    "mixpanel-node": frozenset(
        {"GET /engage", "GET /groups", "GET /track", f"POST /track {_FORM}"}
    ),
    "mixpanel-python": frozenset(
        {f"POST /{path} {_FORM}" for path in ("engage", "groups", "track")}
    ),
    "umami-node": frozenset({f"POST /api/send {_JSON}"}),
    "umami-python": frozenset({f"POST /api/send {_JSON}"}),
    "ga4mp-python": frozenset({"POST /mp/collect application/json; charset=utf-8"}),
    "posthog-js": _POSTHOG_PACKED,
    "posthog-js, not packed": frozenset(
        {
            "GET /array/phc_shop/config.js",
            f"POST /e/ {_JSON}",
            f"POST /e/ {_FORM} compression",
            f"?POST /flags/ {_JSON}",
        }
    ),
    "posthog-js 1.200": frozenset(
        {
            f"?POST /decide/ {_FORM} compression",
            "POST /e/ text/plain gzip compression",
        }
    ),
    "posthog-js 1.96": frozenset(
        {
            f"?POST /decide/ {_FORM}",
            f"POST /e/ {_FORM}",
            "POST /e/ text/plain gzip compression",
        }
    ),
    "segment-next": _SEGMENT,
    "segment-next, batching": frozenset({_SEGMENT_SETTINGS, "POST /v1/b text/plain"}),
    "segment-next, told only where settings are": _SEGMENT,
    "segment-next 1.52": _SEGMENT,
    "rudder-js": frozenset(
        {
            "GET /sourceConfig/",
            *(
                f"POST /v1/{call} {_RUDDER_JSON}"
                for call in ("alias", "group", "identify", "page", "track")
            ),
        }
    ),
    "rudder-js, by beacon": frozenset(
        {"GET /sourceConfig/", "POST /beacon/v1/batch text/plain"}
    ),
    "mixpanel-browser": _MIXPANEL,
    "mixpanel-browser, one by one": _MIXPANEL,
    "mixpanel-browser 2.45": _MIXPANEL,
    "plausible": frozenset({"POST /api/event text/plain"}),
    "plausible-tracker 0.3": frozenset({"POST /api/event text/plain"}),
    "umami 2": frozenset({f"POST /api/send {_JSON}"}),
    "minimal-analytics": frozenset({"POST /g/collect"}),
    "ga4mp-browser": frozenset({"POST /g/collect"}),
}
# The clients that send a preflight to another origin, and the headers they request.
PREFLIGHTS: Mapping[str, str] = {
    "posthog-js, not packed": "content-type",
    "segment-next": "authorization",
    "segment-next, batching": "authorization",
    "segment-next, told only where settings are": "authorization",
    "rudder-js": "anonymousid,authorization,content-type,sentat",
    "rudder-js, by beacon": "authorization",
    "umami 2": "content-type,x-umami-cache",
}
