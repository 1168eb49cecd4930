"""Every line of the combined format is a page view or has a skip reason."""

import pickle

import pytest

from proxy.history.envelope import strip_envelope
from proxy.history.formats.combined import read_combined
from proxy.history.log_file import LONGEST_LINE
from proxy.history.log_line import LogLine, SkipReason, skip_reason
from proxy.history.times import parse_stamp
from tests.proxy.history.in_process_import import NOON

AT = b"[17/May/2015:10:05:03 +0000]"
STAMP_S = 1_431_857_103
TAIL = b' "-" "agent/1.0"'


def get(
    target: bytes = b"/a", *, tail: bytes = TAIL, address: bytes = b"1.2.3.4"
) -> bytes:
    return address + b" - - " + AT + b' "GET ' + target + b' HTTP/1.1" 200 12' + tail


def line_of_request(request: bytes, answer: bytes = b"200 12") -> bytes:
    return b"1.2.3.4 - - " + AT + b' "' + request + b'" ' + answer + TAIL


def at(stamp: bytes) -> bytes:
    return b"1.2.3.4 - - [" + stamp + b'] "GET / HTTP/1.1" 200 1' + TAIL


def parse_line(line: bytes, now_s: float) -> LogLine | SkipReason:
    parsed = read_combined(line)
    if isinstance(parsed, SkipReason):
        return parsed
    return skip_reason(parsed, now_s) or parsed


def facts(parsed: LogLine | SkipReason) -> tuple[object, ...] | SkipReason:
    if isinstance(parsed, SkipReason):
        return parsed
    return (
        parsed.host,
        parsed.hops,
        parsed.target,
        parsed.agent,
        parsed.referrer,
        parsed.response,
    )


def view(
    *,
    host: str | None = None,
    hops: tuple[str, ...] = ("1.2.3.4",),
    target: str = "/a",
    agent: str | None = "agent/1.0",
    referrer: str | None = None,
    answer: str = "200 12",
) -> tuple[object, ...]:
    return host, hops, target, agent, referrer, answer


PAGE_VIEWS = {
    "combined": (get(), view()),
    "common": (get(tail=b""), view(agent=None)),
    "line feed": (get() + b"\n", view()),
    "carriage return": (get() + b"\r\n", view()),
    "common with carriage return": (get(tail=b"\r\n"), view(agent=None)),
    "further quoted fields": (get() + b' "x" "y"', view()),
    "further plain fields": (get() + b" 0.004 0.003 .", view()),
    "further field of common": (get(tail=b" 0.004"), view(agent=None)),
    "referrer": (
        get(tail=b' "https://a.example/?q=1" "b"'),
        view(referrer="https://a.example/?q=1", agent="b"),
    ),
    "no agent": (get(tail=b' "-" "-"'), view(agent="")),
    "empty agent": (get(tail=b' "" ""'), view(agent="")),
    "IPv6": (get(address=b"2001:db8::7"), view(hops=("2001:db8::7",))),
    "a host for an address": (
        get(address=b"a.isp.example"),
        view(hops=()),
    ),
    "virtual host": (
        get(address=b"shop.example:443 1.2.3.4"),
        view(host="shop.example:443"),
    ),
    "virtual host, IPv6": (
        get(address=b"shop.example 2001:db8::7"),
        view(host="shop.example", hops=("2001:db8::7",)),
    ),
    "virtual host, no address": (
        get(address=b"shop.example:443 a.isp.example"),
        view(host="shop.example:443", hops=()),
    ),
    "virtual host unknown": (get(address=b"- 1.2.3.4"), view()),
    "virtual host of nginx's default server": (get(address=b"_ 1.2.3.4"), view()),
    "virtual host in field 2": (
        b"1.2.3.4 shop.example - " + AT + b' "GET /a HTTP/1.1" 200 12' + TAIL,
        view(host="shop.example"),
    ),
    "virtual host and port in field 2": (
        get(address=b"1.2.3.4 shop.example:443"),
        view(host="shop.example:443"),
    ),
    "no address": (get(address=b"-"), view(hops=())),
    "neither host nor address": (get(address=b"- -"), view(hops=())),
    "Unix socket": (get(address=b"unix:"), view(hops=())),
    "masked by zero": (get(address=b"1.2.3.0"), view(hops=("1.2.3.0",))),
    "masked by letters": (get(address=b"1.2.3.xxx"), view(hops=("1.2.3.0",))),
    "half masked": (get(address=b"1.2.x.x"), view(hops=("1.2.0.0",))),
    "masked behind a host": (
        get(address=b"shop.example 1.2.3.*"),
        view(host="shop.example", hops=("1.2.3.0",)),
    ),
    "quoted address": (get(address=b'"1.2.3.4"'), view()),
    "quoted list": (
        get(address=b'"1.2.3.4, 10.0.0.1"'),
        view(hops=("10.0.0.1", "1.2.3.4")),
    ),
    "list": (
        get(address=b"1.2.3.4, 10.0.0.1"),
        view(hops=("10.0.0.1", "1.2.3.4")),
    ),
    "list, then the peer": (
        b"1.2.3.4 10.0.0.1 " + AT + b' "GET /a HTTP/1.1" 200 12' + TAIL,
        view(hops=("1.2.3.4", "10.0.0.1")),
    ),
    "client in the last field": (
        get(address=b"10.0.0.1") + b' "1.2.3.4"',
        view(hops=("10.0.0.1", "1.2.3.4")),
    ),
    "clients in the last field": (
        get(address=b"10.0.0.1") + b' "1.2.3.4, 10.0.0.2" 0.004',
        view(hops=("10.0.0.1", "10.0.0.2", "1.2.3.4")),
    ),
    "client in the last field, unquoted": (
        get(address=b"10.0.0.1") + b" 0.004 2001:db8::7",
        view(hops=("10.0.0.1", "2001:db8::7")),
    ),
    "no client in the last field": (get() + b' "-"', view()),
    "a server in the last field": (get() + b' "10.0.0.1:8080"', view()),
    "HAProxy's constant fields": (
        get(tail=b' "" "" 33317 655 "http-in" "static" "srv1"'),
        view(agent=None),
    ),
    "ident and name": (
        b"1.2.3.4 ident frank " + AT + b' "GET /a HTTP/1.0" 200 12' + TAIL,
        view(),
    ),
    "spaces in the name": (
        b"1.2.3.4 - Anna B. [x] C " + AT + b' "GET /a HTTP/1.1" 200 12' + TAIL,
        view(),
    ),
    "no size": (line_of_request(b"GET /a HTTP/1.1", b"304 -"), view(answer="304 -")),
    "escaped quotes": (get(tail=b' "-" "a \\"b\\" c"'), view(agent='a "b" c')),
    "escapes of nginx": (get(tail=b' "-" "a \\x22b\\x22"'), view(agent='a "b"')),
    "escaped backslash at the end": (get(tail=b' "-" "a\\\\"'), view(agent="a\\")),
    "UTF-8 by nginx": (get(b"/caf\\xC3\\xA9"), view(target="/café")),
    "UTF-8": (get("/café".encode()), view(target="/café")),
    "Latin-1": (get("/café".encode("latin-1")), view(target="/café")),
    "a NUL": (get(b"/a\0b"), view(target="/a\0b")),
    "HTTP/2": (line_of_request(b"GET /a HTTP/2.0"), view()),
    "HTTP/0.9": (line_of_request(b"GET /a"), view()),
    "space in the target": (get(b"/a b"), view(target="/a b")),
    "absolute target": (
        get(b"http://shop.example/a?b=c"),
        view(host="shop.example", target="/a?b=c"),
    ),
    "absolute target without a path": (
        get(b"https://shop.example"),
        view(host="shop.example", target="/"),
    ),
    "two slashes": (get(b"//other.example/a"), view(target="//other.example/a")),
    "dot in a folder": (get(b"/v1.css/"), view(target="/v1.css/")),
    "dot in the query": (get(b"/a?b=c.css"), view(target="/a?b=c.css")),
    "page with an ending": (get(b"/a.html"), view(target="/a.html")),
}
SKIPPED = {
    "empty line": (b"", SkipReason.UNREADABLE),
    "unknown prefix": (get(address=b"a: 1.2.3.4"), SkipReason.UNREADABLE),
    "two unknown words": (get(address=b"web1 access 1.2.3.4"), SkipReason.UNREADABLE),
    "month": (get(address=b"Nov 20 10:00:00 web 1.2.3.4"), SkipReason.UNREADABLE),
    "only one field": (
        b"1.2.3.4 " + AT + b' "GET /a HTTP/1.1" 200 12' + TAIL,
        SkipReason.UNREADABLE,
    ),
    "NULs": (b"\0" * 5_000, SkipReason.UNREADABLE),
    "text": (b"this is no log", SkipReason.UNREADABLE),
    "cut in the agent": (get(tail=b' "-" "agen'), SkipReason.UNREADABLE),
    "cut in the referrer": (get(tail=b' "http'), SkipReason.UNREADABLE),
    "one quoted field": (get(tail=b' "-"'), SkipReason.UNREADABLE),
    "cut in the request": (get()[:50], SkipReason.UNREADABLE),
    "no time": (b'1.2.3.4 - - [] "GET / HTTP/1.1" 200 1' + TAIL, SkipReason.UNREADABLE),
    "bad month": (at(b"17/Mai/2015:10:05:03 +0000"), SkipReason.UNREADABLE),
    "bad day": (at(b"31/Feb/2015:10:05:03 +0000"), SkipReason.UNREADABLE),
    "bad hour": (at(b"17/May/2015:25:05:03 +0000"), SkipReason.UNREADABLE),
    "bad zone": (at(b"17/May/2015:10:05:03 +9900"), SkipReason.UNREADABLE),
    "year 0": (at(b"17/May/0000:10:05:03 +0000"), SkipReason.UNREADABLE),
    "year 1, before all zones": (
        at(b"01/Jan/0001:00:00:00 +1400"),
        SkipReason.UNREADABLE,
    ),
    "1970": (at(b"01/Jan/1970:00:00:00 +0000"), SkipReason.TIME),
    "2038": (at(b"19/Jan/2038:03:14:08 +0000"), SkipReason.TIME),
    "empty request": (line_of_request(b"", b"400 0"), SkipReason.REQUEST),
    "no request": (line_of_request(b"-", b"408 0"), SkipReason.REQUEST),
    "TLS on a plain port": (
        line_of_request(
            b"\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xFC\\x03\\x03", b"400 157"
        ),
        SkipReason.REQUEST,
    ),
    "raw TLS": (
        line_of_request(b"\x16\x03\x01\x02\0\x01\0", b"400 157"),
        SkipReason.REQUEST,
    ),
    "POST": (line_of_request(b"POST /a HTTP/1.1"), SkipReason.METHOD),
    "HEAD": (line_of_request(b"HEAD /a HTTP/1.1"), SkipReason.METHOD),
    "lower-case method": (line_of_request(b"get /a HTTP/1.1"), SkipReason.METHOD),
    "redirect": (line_of_request(b"GET /a HTTP/1.1", b"301 0"), SkipReason.STATUS),
    "unknown status": (line_of_request(b"GET /a HTTP/1.1", b"- -"), SkipReason.STATUS),
    "missing page": (line_of_request(b"GET /a HTTP/1.1", b"404 0"), SkipReason.STATUS),
    "fault": (line_of_request(b"GET /a HTTP/1.1", b"500 0"), SkipReason.STATUS),
    "style": (get(b"/a.css"), SkipReason.ASSET),
    "style with a version": (get(b"/a.css?v=1"), SkipReason.ASSET),
    "picture in capitals": (get(b"/A.PNG"), SkipReason.ASSET),
    "feed": (get(b"/feed.rss"), SkipReason.ASSET),
    "robots": (get(b"/robots.txt"), SkipReason.ASSET),
}


@pytest.mark.parametrize(
    ("line", "expected"), PAGE_VIEWS.values(), ids=PAGE_VIEWS.keys()
)
def test_a_page_view_line_is_parsed(line: bytes, expected: tuple[object, ...]) -> None:
    got = facts(parse_line(line, NOON))

    assert got == expected


@pytest.mark.parametrize(("line", "expected"), SKIPPED.values(), ids=SKIPPED.keys())
def test_a_line_without_a_page_view_has_a_skip_reason(
    line: bytes, expected: SkipReason
) -> None:
    got = facts(parse_line(line, NOON))

    assert got == expected


def test_only_times_from_1990_until_now_are_accepted() -> None:
    moments = (b"31/Dec/1989:23:59:59 +0000", b"01/Jan/1990:00:00:00 +0000")
    are_accepted = [
        isinstance(parse_line(at(moment), NOON), LogLine) for moment in moments
    ]
    line = at(b"23/Nov/2026:12:00:00 +0000")
    are_accepted += [
        isinstance(parse_line(line, now), LogLine) for now in (NOON - 1, NOON)
    ]

    assert are_accepted == [False, True, False, True]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("17/May/2015:10:05:03 +0000", STAMP_S),
        ("17/May/2015:10:05:03 -0000", STAMP_S),
        ("17/May/2015:12:05:03 +0200", STAMP_S),
        ("17/May/2015:06:35:03 -0330", STAMP_S),
        ("17/May/2015:15:50:03 +0545", STAMP_S),
        ("31/Dec/2016:23:59:60 +0000", 1_483_228_799),
        ("2015-05-17T10:05:03 +00:00", None),
    ],
)
def test_a_time_is_read_in_its_zone(stamp: str, expected: int | None) -> None:
    assert parse_stamp(stamp) == expected


def test_a_line_shows_no_value_and_cannot_be_serialized() -> None:
    parsed = parse_line(get(), NOON)

    assert repr(parsed) == "LogLine(…)"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(parsed)


@pytest.mark.parametrize(
    "unit",
    [
        b"[",
        b"1.2.3.4, ",
        b"<1>1 ",
        b'[a="b"',
        b'[17/May/2015:10:05:03 +0000] "',
        b'\\"',
        b"a ",
        b'"',
        b"\\",
        b"- ",
        b"\0",
    ],
)
def test_the_longest_garbage_line_is_rejected_quickly(unit: bytes) -> None:
    line = b"1.2.3.4 - - " + unit * (LONGEST_LINE // len(unit))

    # A quadratic number of steps would exceed the time limit of the tests.
    got = {parse_line(strip_envelope(line), NOON + n) for n in range(100)}

    assert got == {SkipReason.UNREADABLE}
