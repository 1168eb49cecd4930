"""No request causes an error, an invalid row or growing memory.

The requests have the structure of real ones, with odd values in every field.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batcher.load.read_segments import read_segments
from batcher.spool.spool import Spool
from proxy.pipeline.commerce_names import CommerceName
from proxy.pipeline.drops import UNCOUNTED
from proxy.pipeline.hit import Hit
from tests.proxy.transport.raw_http import USER_AGENT, Connection, RawResponse, encoded
from tests.proxy.worker_process import WorkerProcess

EXAMPLES = 700
MANY_EXAMPLES = 100_000
GROWTH_MB = 30
WARM_UP = 200

ODD_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "\ud800",
            "\u202e\u2028",
            "null",
            "shop",
            "9" * 400,
            "a" * 3_000,
            "jane@mail.example",
            "https://shop.example/p/42?utm_source=x&gclid=y#z",
            "https://www.shop.example/%00%ff/../../;a=b//",
            "http://shop.example:99999/\\a",
            "https://news.example/path",
            "https://[::1]/",
            "2026-11-23T10:00:00Z",
            "0001-01-01T00:00:00+23:59",
            "EUR",
            "JPY",
            "59.90",
            "1e400",
            "-0.000000000000000000000000000000001",
        ]
    ),
)
NUMBER = st.one_of(
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -1, 17, 1e308, -1e308]),
)
ODD_NUMBER = st.one_of(NUMBER, st.floats(), st.sampled_from([2**64, 10**30, 10**400]))
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), ODD_NUMBER, ODD_TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(ODD_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
TEXT = ODD_TEXT.filter(lambda text: "\ud800" not in text)
PAGE = st.sampled_from(
    [
        "https://shop.example/",
        "https://shop.example/p/42?a=b&utm_source=c",
        "https://www.shop.example/%00%ff/../../;a=b//",
        "http://shop.example:99999/\\a\u202eb",
        "https://shop.example/" + "a/" * 3_000,
    ]
)
AMOUNT = st.one_of(
    st.decimals(0, 10**9, places=2).map(str), st.integers(0, 10**9), st.just("1e400")
)
LINE = {
    "product": TEXT,
    "variant": TEXT,
    "quantity": st.integers(-5, 5),
    "price": AMOUNT,
}
ORDER = {
    "id": TEXT,
    "cart": TEXT,
    "currency": st.sampled_from(["EUR", "JPY", "XXX", "eur", ""]),
    "value": AMOUNT,
    "tax": AMOUNT,
    "shipping": AMOUNT,
    "refund": AMOUNT,
    "coupon": TEXT,
    "items": st.lists(st.fixed_dictionaries({}, optional=LINE), max_size=3),
}
# Odd values of the right type for every field; any field may also get a wrong type.
FIELDS = {
    "name": st.sampled_from(["pageview", "engagement", "<b>", *CommerceName]),
    "id": TEXT | st.integers(-(2**63), 2**63),
    "at": NUMBER | TEXT,
    "sent_at": NUMBER,
    "referrer": TEXT,
    "lang": TEXT,
    "screen": st.lists(NUMBER, max_size=3),
    "engaged_ms": NUMBER,
    "scroll_pct": NUMBER,
    "props": st.dictionaries(st.sampled_from(["plan", "size", "x"]), TEXT | NUMBER),
    "actor": TEXT | st.integers(-(2**63), 2**63),
    "order": st.fixed_dictionaries({}, optional=ORDER),
}
UNUSUAL = st.sampled_from([*Hit.__struct_fields__, "other"])
HOW_MANY_UNUSUAL = st.sampled_from([0, 0, 0, 1, 1, 2])


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Return an event of the right types, with up to two odd values."""
    event: dict[str, Any] = {"site": "shop", "url": draw(PAGE)}
    event |= draw(st.fixed_dictionaries({}, optional=FIELDS))
    for _ in range(draw(HOW_MANY_UNUSUAL)):
        event[draw(UNUSUAL)] = draw(ODD)
    order = event.get("order")
    if isinstance(order, dict) and draw(st.booleans()):
        order[draw(st.sampled_from(list(ORDER)))] = draw(ODD)
    return event


def to_json(value: Any) -> bytes:
    """Return JSON of a careless client: with NaN and surrogates."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


EVENT = events()
BODY = st.one_of(
    EVENT.map(to_json),
    EVENT.map(to_json),
    st.lists(EVENT, max_size=5).map(to_json),
    st.lists(EVENT | ODD, max_size=5).map(to_json),
    st.builds(lambda event, cut: to_json(event)[:cut], EVENT, st.integers(0, 200)),
    st.binary(max_size=100),
    st.integers(1, 100_000).map(lambda depth: b"[" * depth),
)
HEADER_NAMES = st.sampled_from(
    [
        "Origin",
        "Referer",
        "Cookie",
        "Authorization",
        "X-Forwarded-For",
        "Forwarded",
        "Content-Type",
        "Content-Encoding",
        "Accept-Language",
        "Sec-GPC",
        "DNT",
        "Connection",
        "Upgrade",
        "If-None-Match",
        "Range",
        "X-Odd",
    ]
)
# Any bytes except a line feed, which would end the line.
HEADER_VALUES = st.one_of(
    st.binary(max_size=40).map(lambda value: value.replace(b"\n", b"")),
    st.sampled_from(
        [
            b"1",
            b"close",
            b"keep-alive",
            b"identity",
            b"https://shop.example",
            b"https://evil.example",
            b"null",
            b"noanalytics=1",
            b"Bearer \xff",
            b"203.0.113.7, 10.0.0.1",
            b"for=203.0.113.7",
            b"utf-16",
        ]
    ),
)
HEADER = st.tuples(HEADER_NAMES, HEADER_VALUES)
NO_HEADERS: st.SearchStrategy[list[tuple[str, bytes]]] = st.just([])
HEADERS = NO_HEADERS | st.lists(HEADER, max_size=4)
PATHS = ["/v1/events"] * 9 + ["/p.gif", "/m.js", "/readyz", "/optout", "/x"]
PATH = st.sampled_from(PATHS)
PIXEL_QUERY = st.dictionaries(
    st.sampled_from(["site", "url", "name", "id", "referrer", "lang", "key"]),
    st.sampled_from(["shop", "%ff", "%00", "a%20b", "https://shop.example/"]),
    max_size=4,
).map(lambda query: "&".join(f"{name}={value}" for name, value in query.items()))


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a request and its body."""
    path, body = draw(PATH), draw(BODY)
    if path == "/p.gif":
        path += "?" + draw(PIXEL_QUERY)
    method = draw(st.sampled_from(["POST"] * 8 + ["GET", "OPTIONS", "PUT"]))
    version = draw(st.sampled_from(["1.1"] * 8 + ["1.0"]))
    head = [f"{method} {path} HTTP/{version}", "Host: shop.example"]
    if draw(st.integers(0, 9)):
        head.append(f"User-Agent: {USER_AGENT}")
    if draw(st.booleans()):
        coded = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        head.append("Transfer-Encoding: chunked")
    else:
        coded = body
        head.append(f"Content-Length: {len(body)}")
    lines = [
        f"{name}: {value.decode('utf-8', 'surrogateescape')}"
        for name, value in draw(HEADERS)
    ]
    return encoded([*head, *lines]) + coded, body


class Fuzz:
    """A worker, the requests sent to it, and the rows it must store."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.statuses: Counter[int] = Counter()
        self.accepted = 0
        self.dropped: Counter[str] = Counter()
        self.warm_mb = 0.0

    def send(self, data: bytes, body: bytes) -> None:
        """Send one request and check the answer to it."""
        with Connection(self.worker.port) as connection:
            connection.send(data)
            got = connection.answer()
        self.statuses[got.status] += 1

        assert got.status < 500, data
        if got.status == 202:
            self._count(got, body)
        if self.statuses.total() == WARM_UP:
            self.warm_mb = self.worker.resident_mb

    def _count(self, got: RawResponse, body: bytes) -> None:
        value = json.loads(body)
        count = len(value) if isinstance(value, list) else 1
        receipt = got.json
        assert receipt["accepted"] + sum(receipt["dropped"].values()) == count
        self.accepted += receipt["accepted"]
        self.dropped.update(receipt["dropped"])

    def check(self) -> None:
        """Stop the worker, and compare stored rows with its answers."""
        grown_mb = self.worker.resident_mb - self.warm_mb
        assert self.worker.stop() == 0
        batch = read_segments(Spool(self.worker.spool_dir).sealed())
        pixels = self.statuses[200]

        assert set(self.worker.words) == {"geo", "listening"}
        assert grown_mb < GROWTH_MB
        assert batch.losses == {}
        assert self.accepted <= batch.events.height <= self.accepted + pixels
        check_values(batch.events)
        counted = sum(
            count for reason, count in self.dropped.items() if reason not in UNCOUNTED
        )
        assert counted <= batch.drops["count"].sum() <= counted + pixels
        # The fuzz test is useful only if it reaches every outcome.
        assert self.accepted > 20
        assert len(self.dropped) >= 3
        assert self.statuses.keys() >= {202, 400, 405}


def check_values(events: pl.DataFrame) -> None:
    """Check that every column has only valid values."""
    texts = events.select(pl.col(pl.String)).unpivot()["value"].drop_nulls()
    longest = texts.str.len_chars().max()
    assert isinstance(longest, int)
    assert longest <= 2_048
    assert texts.str.contains(r"[\x00-\x1f\x7f]").sum() == 0
    assert events["site"].unique().to_list() == ["shop"]
    assert events["engaged_ms"].drop_nulls().is_between(0, 86_400_000).all()
    assert events["scroll_pct"].drop_nulls().is_between(0, 100).all()
    assert events["day"].n_unique() <= 3
    assert (events["at"].dt.date() - events["day"]).dt.total_days().abs().max() == 0


def fuzz(folder: Path, examples: int) -> None:
    """Send *examples* requests to a new worker."""
    site = {"props_allow": ["plan", "size"]}
    with WorkerProcess(folder, site=site) as worker:
        state = Fuzz(worker)

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(request=requests())
        def send(request: tuple[bytes, bytes]) -> None:
            state.send(*request)

        run: Callable[[], None] = send
        run()
        state.check()


def test_no_request_causes_an_error(tmp_path: Path) -> None:
    fuzz(tmp_path, EXAMPLES)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_no_request_of_many_causes_an_error(tmp_path: Path) -> None:
    fuzz(tmp_path, MANY_EXAMPLES)
