"""GA4 requests of tags and servers are decoded and get the right responses."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from config.settings import SiteSettings
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import MalformedBodyError, VendorHit, Visitor
from proxy.protocols import ga4, ga4_web
from proxy.protocols.protocol import DecodedRequest, Reader, Reply, VendorRequest
from proxy.transport.body import RefusedBodyError
from tests.proxy.pipeline.pipeline_setup import Pipeline, sender

PAGE = "https%3A%2F%2Fshop.example%2Fa"
KEYS = "measurement_id=G-1&api_secret=s"
EVENT = {"name": "a", "params": {"plan": "pro"}}


def request(
    body: bytes = b"", query: str = "", *, method: str = "POST"
) -> VendorRequest:
    """Return a request as the vendor routes pass it on."""
    return VendorRequest(method, "/", query, CIMultiDict(), body)


def measured(body: object, query: str = KEYS) -> list[Any]:
    """Return the hits in a body of the Measurement Protocol."""
    return list(ga4.read_server_events(request(json.dumps(body).encode(), query)).hits)


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        pytest.param(
            f"v=2&tid=G-1&dl={PAGE}&en=page_view", b"", ["pageview"], id="one"
        ),
        pytest.param(
            f"tid=G-1&dl={PAGE}",
            b"en=page_view\r\nen=scroll&_et=7\r\nen=a\r\n",
            ["pageview", "engagement", "a"],
            id="one event per line",
        ),
        pytest.param("tid=G-1", b"en=a\nen=b", ["a", "b"], id="other ends of lines"),
        pytest.param("tid=G-1&en=a", b"  \r\n", ["a"], id="an empty body"),
        pytest.param(
            "tid=G-1",
            b"en=a\r\n\xff\r\nep.x=1\r\n",
            ["a", "malformed", "malformed"],
            id="lines that are none",
        ),
        pytest.param("tid=G-1", b"", ["malformed"], id="no event"),
        pytest.param("en=a", b"", ["malformed"], id="no key"),
        pytest.param(
            "tid=G-1", b"&".join([b"a=1"] * 600), ["malformed"], id="too many fields"
        ),
    ],
)
def test_tag_events_come_in_the_query_or_one_per_line(
    query: str, body: bytes, expected: list[str]
) -> None:
    got = ga4.read_tag_events(request(body, query)).hits

    assert [
        hit.reason if isinstance(hit, Dropped) else hit.refused or hit.name
        for hit in got
        if isinstance(hit, Dropped | VendorHit)
    ] == expected


def test_a_line_outranks_the_query() -> None:
    got = ga4.read_tag_events(
        request(b"en=a&dl=x\r\nen=b", f"tid=G-1&dl={PAGE}&uid=u")
    ).hits

    assert [(hit.url, hit.actor) for hit in got if isinstance(hit, VendorHit)] == [
        ("x", "u"),
        ("https://shop.example/a", "u"),
    ]


def test_a_get_request_sends_an_event_in_its_query() -> None:
    got = ga4.read_tag_events(
        request(query="tid=G-1&en=a&cid=7.8&sid=9", method="GET")
    ).hits

    assert [hit.key for hit in got if isinstance(hit, VendorHit)] == ["G-1"]
    assert all(isinstance(hit, VendorHit) and not hit.library for hit in got)
    assert all(isinstance(hit, VendorHit) and hit.actor is None for hit in got)


@pytest.mark.parametrize(
    ("consent", "expected"),
    [
        pytest.param("G100", True, id="both refused"),
        pytest.param("G110", True, id="analytics refused"),
        pytest.param("G101", False, id="advertising refused"),
        pytest.param("G111", False, id="both granted"),
        pytest.param("G1--", False, id="never asked"),
        pytest.param("", False, id="no banner"),
    ],
)
def test_a_visitor_without_analytics_consent_is_not_counted(
    consent: str,
    expected: bool,  # noqa: FBT001 - a case's value
) -> None:
    (hit,) = ga4.read_tag_events(request(query=f"tid=G-1&en=a&gcs={consent}")).hits

    assert isinstance(hit, VendorHit)
    assert hit.optout is expected


def test_tag_parameters_map_to_server_parameters() -> None:
    fields = {
        "ep.plan": "pro",
        "epn.seats": "3",
        "epn.value": "59.90",
        "epn.odd": "1e9",
        "up.name": "Ada",
        "cu": "EUR",
        "_et": "7",
        "pr2": "idTEA~nmGreen Tea~pr20~qt1~",
        "pr1": "idMUG~nmBlue~~Green~vaL~pr15~qt2",
        "pr10": "idCUP~lp3",
        "pr": "idNO",
        "prx": "idNO",
    }

    assert ga4_web.params_of(fields) == {
        "plan": "pro",
        "seats": 3,
        "value": Decimal("59.90"),
        "odd": "1e9",
        "currency": "EUR",
        "engagement_time_msec": "7",
        "items": [
            {
                "item_id": "MUG",
                "item_name": "Blue~Green",
                "item_variant": "L",
                "price": "15",
                "quantity": "2",
            },
            {
                "item_id": "TEA",
                "item_name": "Green Tea",
                "price": "20",
                "quantity": "1",
            },
            {"item_id": "CUP"},
        ],
    }


@pytest.mark.parametrize(
    ("query", "key", "secret"),
    [
        pytest.param(KEYS, "G-1", "s", id="of a web property"),
        pytest.param("firebase_app_id=1:2&api_secret=s", "1:2", "s", id="of an app"),
        pytest.param("measurement_id=G-1", "G-1", None, id="no secret"),
        pytest.param("api_secret=s", "s", "s", id="a secret alone"),
    ],
)
def test_a_server_request_has_a_site_and_a_secret(
    query: str, key: str, secret: str | None
) -> None:
    (hit,) = measured({"events": [EVENT]}, query)

    assert (hit.key, hit.secret, hit.library) == (key, secret, True)


def test_a_server_request_names_client_and_time() -> None:
    body = {
        "client_id": "7.8",
        "user_id": "user-42",
        "timestamp_micros": 1795359088475000,
        "ip_override": "203.0.113.9",
        "user_agent": "Firefox",
        "user_properties": {"name": {"value": "Ada"}},
        "events": [EVENT, {**EVENT, "timestamp_micros": "1795359000000000"}],
    }

    first, second = measured(body)

    assert (first.actor, first.props) == ("user-42", {"plan": "pro"})
    assert first.visitor == Visitor("203.0.113.9", "Firefox")
    assert (first.at, second.at) == (1795359088.475, 1795359000.0)
    assert measured({**body, "user_agent": None})[0].visitor is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{", 1, id="no JSON"),
        pytest.param(b"[]", 1, id="no object"),
        pytest.param(b"{}", 1, id="no events"),
        pytest.param(b'{"events":[]}', 1, id="none of them"),
        pytest.param(b'{"events":[7,null,{"name":[]}]}', 3, id="no events but others"),
    ],
)
def test_an_unreadable_event_is_counted_for_its_site(
    body: bytes, expected: int
) -> None:
    got = ga4.read_server_events(request(body, KEYS)).hits

    assert got == [VendorHit(key="G-1", refused=DropReason.MALFORMED)] * expected
    assert (
        ga4.read_server_events(request(body)).hits
        == [Dropped(DropReason.MALFORMED)] * expected
    )


@pytest.mark.parametrize("reader", [ga4.read_tag_events, ga4.read_server_events])
def test_the_response_is_always_empty(reader: Reader) -> None:
    got = reader(request(b"en=a"))
    assert isinstance(got, DecodedRequest)

    for reason in (None, DropReason.UNKNOWN_SITE, DropReason.MALFORMED):
        assert got.reply([reason]) == Reply(status=got.reply([None]).status)
    assert got.reply([None]).status == 204


@pytest.mark.parametrize(
    ("reader", "body"),
    [
        pytest.param(ga4.read_tag_events, b"en=a\n" * 1_001, id="tag"),
        pytest.param(
            ga4.read_server_events,
            json.dumps({"events": [EVENT] * 1_001}).encode(),
            id="server",
        ),
    ],
)
def test_more_events_than_google_accepts_are_refused(
    reader: Reader, body: bytes
) -> None:
    with pytest.raises(MalformedBodyError):
        reader(request(body, "tid=G-1"))


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        pytest.param(KEYS, {"events": [EVENT]}, [], id="all well"),
        pytest.param("", {"events": [EVENT]}, ["measurement_id"], id="no key"),
        pytest.param(KEYS, {"events": []}, ["events"], id="no events"),
        pytest.param(KEYS, [], ["events"], id="no object"),
        pytest.param(KEYS, {"events": [{}]}, ["events[0].name"], id="no name"),
        pytest.param(
            KEYS,
            {"events": [EVENT, {"name": "ada@mail.example"}]},
            ["events[1].name"],
            id="a name that is not kept",
        ),
    ],
)
def test_the_debug_path_names_errors_without_values(
    query: str, body: object, expected: list[str]
) -> None:
    decoded = ga4.validate_server_events(request(json.dumps(body).encode(), query))
    got = decoded.reply([None] * len(decoded.hits))

    assert decoded.is_trial
    messages = json.loads(got.body)["validationMessages"]
    assert [message["fieldPath"] for message in messages] == expected
    assert b"ada" not in got.body


def test_the_debug_path_reports_invalid_json() -> None:
    decoded = ga4.validate_server_events(request(b"{", KEYS))
    reply = decoded.reply([DropReason.MALFORMED] * len(decoded.hits))
    messages = json.loads(reply.body)["validationMessages"]

    assert [message["validationCode"] for message in messages] == ["VALUE_INVALID"]


ODD = st.one_of(
    *(st.none(), st.booleans(), st.text(max_size=9), st.integers(), st.floats(0, 1e99)),
    st.sampled_from([10**400, "\ud800", "nan", "1e999", "59.90", "https://[::1]/"]),
)
VALUE = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=4,
)
PARAMS = st.dictionaries(
    st.sampled_from(
        [
            *("page_location", "page_referrer", "language", "screen_resolution"),
            *("engagement_time_msec", "percent_scrolled", "link_domain", "file_name"),
            *("transaction_id", "value", "currency", "items", "plan"),
        ]
    ),
    VALUE,
)
NAMES = ["page_view", "scroll", "click", "file_download", "purchase", "user_engagement"]
MEMBER = st.fixed_dictionaries(
    {"name": st.one_of(st.sampled_from(NAMES), VALUE)},
    optional={"params": st.one_of(PARAMS, VALUE), "timestamp_micros": VALUE},
)
BODY = st.fixed_dictionaries(
    {"events": st.one_of(st.lists(st.one_of(MEMBER, VALUE), max_size=3), VALUE)},
    optional=dict.fromkeys(
        ["user_id", "timestamp_micros", "ip_override", "user_agent"], VALUE
    ),
)
PAIR = st.tuples(
    st.sampled_from(
        [
            "en",
            "tid",
            "dl",
            "sr",
            "pr1",
            "pr01",
            "ep.a",
            "epn.value",
            "gcs",
            "_et",
            "cu",
        ]
    ),
    st.one_of(
        st.sampled_from([*NAMES, "G-1", "\u0663", "id~pr~qt"]), st.text(max_size=9)
    ),
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Return one pipeline for all examples."""
    site = SiteSettings(id="shop", domains=("shop.example",), keys=("G-1",))
    return Pipeline(tmp_path_factory.mktemp("pipeline"), site).prefetch()


def check_read(
    pipeline: Pipeline, reader: Reader, vendor_request: VendorRequest
) -> None:
    """Check that *reader* gives a refusal, or hits that the pipeline accepts."""
    try:
        decoded = reader(vendor_request)
    except (MalformedBodyError, RefusedBodyError):
        return
    if isinstance(decoded, DecodedRequest):
        for hit in decoded.hits:
            if not isinstance(hit, Dropped):
                pipeline.outcome(hit, sender())


FUZZ = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("reader", [ga4.read_server_events, ga4.validate_server_events])
@FUZZ
@given(body=st.one_of(BODY, VALUE))
def test_any_json_gives_hits_or_a_refusal(
    pipeline: Pipeline, reader: Reader, body: Any
) -> None:
    check_read(pipeline, reader, request(json.dumps(body).encode(), KEYS))


@FUZZ
@given(pairs=st.lists(PAIR, max_size=8), junk=st.binary(max_size=20))
def test_any_query_gives_hits_or_a_refusal(
    pipeline: Pipeline, pairs: list[tuple[str, str]], junk: bytes
) -> None:
    query = "&".join(f"{key}={value}" for key, value in pairs)
    line = query.encode("utf-8", "surrogatepass").replace(b"\n", b"")

    check_read(pipeline, ga4.read_tag_events, request(line + b"\r\n" + junk, query))
    check_read(pipeline, ga4.read_tag_events, request(b"", query))
