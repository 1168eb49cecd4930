"""The browser clients of the vendors send every event, to any origin."""

import asyncio

import pytest
from playwright.async_api import Browser

from tests.vendors.browser_visit import visit_in_browser
from tests.vendors.client_profiles import PREFLIGHTS, PROFILES
from tests.vendors.clients import BROWSER_CLIENTS, BY_ITSELF, Client, Sent
from tests.vendors.recorded_request import RecordedRequest
from tests.vendors.recorder import Recorder
from tests.vendors.request_events import events, names, names_site, profile
from tests.vendors.sent_events import visits_of
from tests.vendors.shop_site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(("client", "origin"), visits_of(BROWSER_CLIENTS))
async def test_every_event_arrives(
    visitors: Browser, client: Client, origin: str
) -> None:
    with Recorder(client.protocol) as recorder, Site(recorder.port) as site:

        async def arrived(sent: Sent) -> None:
            await asyncio.to_thread(
                recorder.until, lambda got: sent <= names(client.protocol, got)
            )

        host = (
            site.url("/collect") if origin == "own" else recorder.url("collect.example")
        )
        sent = await visit_in_browser(visitors, site, client, arrived, host=host)

    got = names(client.protocol, recorder.received)
    by_itself = BY_ITSELF.get(client.protocol, frozenset())
    assert {name: got[name] for name in got.keys() - by_itself} == sent
    assert recorder.strays == []
    _check_profiles(client, recorder.received)
    _check_preflights(client, origin, recorder.received)


def _check_profiles(client: Client, received: list[RecordedRequest]) -> None:
    """Check that requests match the known profiles and contain the site key."""
    known = PROFILES[client.name]
    always = {profile for profile in known if not profile.startswith("?")}
    got = {profile(request) for request in received if request.method != "OPTIONS"}

    assert always <= got
    assert got - {profile.removeprefix("?") for profile in known} == set()
    assert all(
        names_site(request, client.key)
        for request in received
        if events(client.protocol, request)
    )


def _check_preflights(
    client: Client, origin: str, received: list[RecordedRequest]
) -> None:
    """Check the headers that the preflights request."""
    requested = {
        header
        for request in received
        if request.method == "OPTIONS"
        for header in request.headers["access-control-request-headers"].split(",")
    }
    expected = "" if origin == "own" else PREFLIGHTS.get(client.name, "")

    assert ",".join(sorted(requested)) == expected
