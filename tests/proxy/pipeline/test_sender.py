"""A sender shows no value, and its client is resolved only when needed."""

import copy
import inspect
import pickle
from collections.abc import Callable

import msgspec
import pytest
from rich.pretty import pretty_repr

from config.settings import ProxySettings
from proxy.client.client import ClientFinder, ClientSource
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.sender import Sender
from tests.proxy.pipeline.pipeline_setup import ADDRESS, CLIENTS, ForbiddenPart, sender

PARTS = [
    pytest.param(lambda value: value, id="sender"),
    pytest.param(lambda value: value.client, id="its finder"),
    pytest.param(lambda value: value.client(), id="its client"),
]
Part = Callable[[Sender], object]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "to_text", [repr, str, lambda value: f"{[value]}", pretty_repr]
)
def test_the_text_of_a_sender_shows_no_value(
    to_text: Callable[[object], str], part: Part
) -> None:
    canary = sender(
        User_Agent="canary", Cookie="canary", Authorization="canary", Origin="canary"
    )

    got = to_text(part(canary))

    assert "canary" not in got
    assert ADDRESS not in got


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_sender_cannot_be_copied(
    copied: Callable[[object], object], part: Part
) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        copied(part(sender()))


def test_a_sender_cannot_be_encoded() -> None:
    with pytest.raises(TypeError, match="unsupported"):
        msgspec.json.encode(sender())


@pytest.mark.parametrize("name", Sender.__struct_fields__)
def test_a_sender_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(sender(), name, None)
    with pytest.raises(AttributeError, match="immutable"):
        delattr(sender(), name)


def test_creating_a_sender_does_not_resolve_the_client() -> None:
    unresolved = sender(clients=ForbiddenPart())

    with pytest.raises(AssertionError, match="was looked at"):
        unresolved.client()


def test_the_client_is_resolved_once() -> None:
    clients = ClientSource(ProxySettings(client_ip="xff"))
    resolved = sender(clients=clients, X_Forwarded_For="198.51.100.1")

    assert resolved.client() is resolved.client()
    # Each resolution counts a forwarding header from an untrusted peer.
    assert clients.untrusted_headers == 1


def test_a_log_record_has_a_client_of_address_and_agent() -> None:
    client = CLIENTS.client_from_record(["::ffff:192.168.1.4"], "agent")

    assert ClientFinder.known(client)() is client
    assert (client.address, client.user_agent) == ("192.168.1.4", "agent")
    assert CLIENTS.client_from_record(["no address"], "agent").encoded is None


def test_the_pipeline_reads_no_headers() -> None:
    assert "header" not in inspect.getsource(Anonymizer)
