"""What counts of a URL's fragment: a route in front, and the values of a campaign.

Everything else in a fragment is dropped, because it can hold secrets.
"""

import re

from proxy.page.click_ids import CLICK_IDS

_ROUTE = re.compile("!?(/[^?&#]*)")
_CAMPAIGN_KEYS = "|".join(["utm_[a-z]+", *CLICK_IDS])
_CAMPAIGN = re.compile(rf"(?<![\w%.-])(?:{_CAMPAIGN_KEYS})=[^&?#]*", re.IGNORECASE)


def hash_route(fragment: str) -> "re.Match[str] | None":
    """Return the route in front of *fragment*, such as ``/cart`` of ``!/cart?a=b``."""
    return _ROUTE.match(fragment)


def join_queries(query: str, more: str) -> str:
    """Return *query* followed by *more*; both may be empty."""
    return f"{query}&{more}" if query and more else query or more


def campaign_in(fragment: str) -> str:
    """Return the campaign values and click ids of *fragment*, as a query."""
    return "&".join(_CAMPAIGN.findall(fragment)) if "=" in fragment else ""


def with_fragment(
    rest: str, query: str, fragment: str, *, has_routes: bool
) -> tuple[str, str]:
    """Return *rest* with the fragment's route, and *query* with its campaign.

    *rest* is a URL up to its query. A route's own query is the page's query too. Both
    are unchanged by a fragment that is no route where *has_routes* is false.
    """
    route = hash_route(fragment) if has_routes else None
    if route is None:
        return rest, join_queries(query, campaign_in(fragment))
    of_route = fragment[route.end() :].partition("#")[0].lstrip("?&")
    return rest.removesuffix("/") + route[1], join_queries(query, of_route)


def url_with_hash_route(url: str) -> str:
    """Return *url* with the route in its fragment appended to its path.

    A route looks like ``#/cart`` or ``#!/cart``. What follows it stays in the fragment,
    of which only the campaign is read. The tag does the same on pages that enable hash
    routing.
    """
    page, _, fragment = url.partition("#")
    route = hash_route(fragment)
    if route is None:
        return url
    path, mark, query = page.partition("?")
    campaign = campaign_in(fragment[route.end() :])
    end = f"#{campaign}" if campaign else ""
    return f"{path.removesuffix('/')}{route[1]}{mark}{query}{end}"
