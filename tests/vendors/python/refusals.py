"""Sends one event with each Python client, and prints what the application gets.

Each client is called where it sends, without its queue, so that it does not repeat.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import posthog.request
import rudderstack.analytics.request
import segment.analytics.request
from mixpanel import Consumer, Mixpanel

SETUP = json.loads(sys.argv[1])
HOST, KEYS = SETUP["host"], SETUP["keys"]
CALL = {"type": "track", "event": "x", "anonymousId": "a", "userId": "u"}


def mixpanel_event() -> None:
    """Send an event, which Mixpanel's client does as a form."""
    consumer = Consumer(*[f"{HOST}/{path}" for path in ("track", "engage", "import")])
    Mixpanel(KEYS["mixpanel"], consumer=consumer).track("u", "x")


def mixpanel_import() -> None:
    """Send an event of the past."""
    consumer = Consumer(*[f"{HOST}/{path}" for path in ("track", "engage", "import")])
    client = Mixpanel(KEYS["mixpanel"], consumer=consumer)
    client.import_data("api key", "u", "x", 1_700_000_000)


def posthog_batch() -> None:
    """Send a batch."""
    members = [{"event": "x", "distinct_id": "u", "properties": {}}]
    posthog.request.batch_post(KEYS["posthog"], HOST, batch=members)


def segment_batch() -> None:
    """Send a batch."""
    segment.analytics.request.post(KEYS["segment"], HOST, batch=[CALL])


def rudderstack_batch() -> None:
    """Send a batch."""
    rudderstack.analytics.request.post(KEYS["rudderstack"], HOST, batch=[CALL])


def outcome(call: Callable[[], Any]) -> list[str]:
    """Return the name and the text of the error."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which error it is, is the question
        return [type(error).__name__, str(error)]
    return ["", ""]


CALLS = (
    mixpanel_event,
    mixpanel_import,
    posthog_batch,
    segment_batch,
    rudderstack_batch,
)
sys.stdout.write(json.dumps({call.__name__: outcome(call) for call in CALLS}))
