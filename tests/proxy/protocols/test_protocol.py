"""Values of vendors' requests are read alike by all protocols."""

from typing import Any

import pytest

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import posthog, segment, umami
from proxy.protocols.protocol import text_of
from tests.proxy.protocols.vendor_requests import vendor_request


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" 1001 ", "1001"),
        (1001, "1001"),
        (1001.0, "1001"),
        (1001.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (2.0**60, None),
        (True, None),
        ("  ", None),
        (None, None),
        ([1], None),
    ],
)
def test_an_id_is_text_or_a_whole_number(value: object, expected: str | None) -> None:
    assert text_of(value) == expected


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (segment.batch_hits, {"batch": [[]] * 2_501}),
        (posthog.read_events, {"batch": [[]] * 2_501}),
        (posthog.read_events, [[]] * 2_501),
        (posthog.read_v1, {"batch": [[]] * 2_501}),
        (umami.read_batch, [[]] * 2_501),
    ],
)
def test_too_many_events_are_refused_before_they_are_read(
    read: Any, body: object
) -> None:
    with pytest.raises(MalformedBodyError, match="more than 2500 events"):
        read(vendor_request(body))
