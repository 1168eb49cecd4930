"""Captures are complete, contain no real person, and are replayed unchanged."""

import json
import re
from urllib.parse import unquote_plus

import pytest

from tests.proxy.transport.raw_http import ask
from tests.vendors.captures import CapturedRequest, captured, clients, of
from tests.vendors.clients import Protocol
from tests.vendors.recorder import Recorder
from tests.vendors.request_events import events

ALL = [request for client in clients() for request in captured(client)]
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"(?<![\d./])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_INVENTED = {"ada@example.com", "203.0.113.9"}
_OF_THE_RECORDER = {"127.0.0.1"}
# Chromium sends only its major version.
_VERSION = re.compile(r"\d+\.0\.0\.0")


def test_every_protocol_has_captures() -> None:
    assert {request.protocol for request in ALL} == set(Protocol)


@pytest.mark.parametrize("client", clients())
def test_each_capture_has_its_recorded_event_count(client: str) -> None:
    got = {
        capture.id: len(events(capture.protocol, capture.recorded()))
        for capture in captured(client)
    }

    assert got == {capture.id: capture.events for capture in captured(client)}


@pytest.mark.parametrize("client", clients())
def test_captures_contain_no_real_person(client: str) -> None:
    text = " ".join(_everything_in(request) for request in captured(client))
    matches = {*_MAIL.findall(text), *_ADDRESS.findall(text)}

    assert {
        value for value in matches - _OF_THE_RECORDER if not _VERSION.fullmatch(value)
    } <= _INVENTED


def _everything_in(request: CapturedRequest) -> str:
    brought = json.dumps(events(request.protocol, request.recorded()))
    body = request.recorded().unpacked.decode("utf-8", "replace")
    text = f"{request.query} {json.dumps(dict(request.headers))} {body} {brought}"
    return unquote_plus(unquote_plus(text))


@pytest.mark.parametrize("protocol", Protocol)
def test_a_replay_sends_the_same_request(protocol: Protocol) -> None:
    requests = list(of(protocol))
    with Recorder(protocol) as recorder:
        for request in requests:
            ask(recorder.port, request.raw(prefix="/collect"))
        got = [(r.method, r.path, r.query, r.body) for r in recorder.received]

    assert got == [(r.method, r.path, r.query, r.body) for r in requests]


def test_a_replay_can_change_headers() -> None:
    request = captured("segment-analytics-node")[0]
    changes = {"authorization": None, "x-forwarded-for": "203.0.113.1"}
    with Recorder(Protocol.SEGMENT) as recorder:
        raw = request.raw(host="other.example", prefix="/collect", changes=changes)
        ask(recorder.port, raw)
        [got] = recorder.received

    assert "authorization" not in got.headers
    assert got.headers["x-forwarded-for"] == "203.0.113.1"
    assert got.headers["host"] == "other.example"
