"""Any JSON to a Mixpanel path gives hits or a refusal, never an error."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from config.settings import SiteSettings
from proxy.pipeline.drops import Dropped
from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import mixpanel
from proxy.protocols.protocol import DecodedRequest, Reader, VendorRequest
from proxy.transport.body import RefusedBodyError
from tests.proxy.pipeline.pipeline_setup import Pipeline, sender

SITE = SiteSettings(
    id="shop", domains=("shop.example",), keys=("pk-1",), props_allow=("plan",)
)
ODD = st.one_of(
    *(st.none(), st.booleans(), st.text(max_size=9), st.integers(), st.floats(0, 1e99)),
    st.sampled_from([10**400, -1, "\ud800", "nan", "inf", "1e999", "$device:", "0"]),
    st.sampled_from(["https://shop.example/a", "https://[::1]/", "59.90", "pk-1"]),
)
VALUE = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=5,
)
PROPERTIES = st.fixed_dictionaries(
    {"token": st.one_of(st.just("pk-1"), VALUE)},
    optional=dict.fromkeys(
        [
            *("distinct_id", "time", "ip", "mp_lib", "$insert_id", "$user_id"),
            *("$device_id", "$current_url", "$referrer", "$screen_width", "utm_source"),
            *("$screen_height", "current_domain", "current_url_path", "plan", "total"),
            *("products", "currency", "order_id", "$max_scroll_percentage"),
            "$user_agent",
        ],
        VALUE,
    ),
)
NAME = st.sampled_from(
    ["a", "Order Completed", "$mp_web_page_view", "$mp_page_leave", "$identify", "\0"]
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "event": st.one_of(NAME, VALUE),
        "properties": st.one_of(PROPERTIES, VALUE),
        "$token": VALUE,
    },
)
BODY = st.one_of(VALUE, EVENT, st.lists(st.one_of(EVENT, VALUE), max_size=4))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Return one pipeline for all examples."""
    folder: Path = tmp_path_factory.mktemp("pipeline")
    return Pipeline(folder, SITE).prefetch()


@pytest.mark.parametrize(
    "reader",
    [
        mixpanel.read_events,
        mixpanel.read_profiles,
        mixpanel.read_import,
        mixpanel.read_recording,
    ],
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(body=BODY)
def test_any_json_gives_hits_or_a_refusal(
    pipeline: Pipeline, reader: Reader, body: Any
) -> None:
    raw = json.dumps(body).encode()
    request = VendorRequest("POST", "/", "_=1e999&ip=x", CIMultiDict(), raw)
    try:
        decoded = reader(request)
    except (MalformedBodyError, RefusedBodyError):
        return
    if isinstance(decoded, DecodedRequest):
        hits = [hit for hit in decoded.hits if not isinstance(hit, Dropped)]
        outcomes = [pipeline.outcome(hit, sender()) for hit in hits]
        reasons = [
            outcome.reason if isinstance(outcome, Dropped) else None
            for outcome in outcomes
        ]
        assert decoded.reply(reasons).status < 500
