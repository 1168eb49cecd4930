"""The server clients of the vendors send every event below the prefix."""

import pytest

from tests.vendors.client_profiles import PROFILES
from tests.vendors.clients import SERVER_CLIENTS, Client, send
from tests.vendors.recorder import Recorder
from tests.vendors.request_events import names, names_site, profile
from tests.vendors.vendor_responses import VendorResponse


@pytest.mark.parametrize("client", SERVER_CLIENTS, ids=lambda client: client.name)
def test_every_event_arrives_below_the_prefix(client: Client) -> None:
    with Recorder(client.protocol) as recorder:
        sent = send(client, recorder.url())

    assert names(client.protocol, recorder.received) == sent
    assert sent.total() >= 8
    assert recorder.strays == []
    assert {profile(request) for request in recorder.received} == PROFILES[client.name]
    assert all(names_site(request, client.key) for request in recorder.received)


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("segment-python", "/v1/batch", 500),
        ("rudder-node", "/v1/batch", 503),
        ("posthog-python", "/batch/", 503),
    ],
)
def test_events_refused_temporarily_are_sent_again(
    name: str, path: str, status: int
) -> None:
    [client] = [client for client in SERVER_CLIENTS if client.name == name]
    with Recorder(client.protocol) as recorder:
        recorder.answers[path] = [VendorResponse(status)]
        sent = send(client, recorder.url())
    refused = recorder.received[0]
    accepted = [request for request in recorder.received if request.status == 200]

    assert refused.status == status
    assert names(client.protocol, accepted) == sent
    assert names(client.protocol, recorder.received) == sent
