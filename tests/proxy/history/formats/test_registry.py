"""Each format is recognised, and its reader finds every part of a request."""

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from proxy.history.formats.registry import FORMATS, find_format, recognise
from proxy.history.log_file import LONGEST_LINE
from proxy.history.log_line import LogLine, SkipReason
from tests.proxy.history.formats.format_lines import (
    ADDRESS,
    ALB,
    AT,
    CASES,
    COMBINED,
    FROM,
    HAPROXY,
    IIS,
    NPM,
    S3,
    facts,
    nginx,
)
from tests.proxy.history.in_process_import import AGENT


def facts_of(line: LogLine) -> tuple[object, ...]:
    return (
        line.at,
        line.host,
        line.hops,
        line.target,
        line.agent,
        line.referrer,
        line.method,
        line.response,
    )


SKIPPED = {
    "Caddy, another log": (
        "caddy",
        '{"level":"info","ts":1.5,"msg":"serving"}',
        SkipReason.OTHER,
    ),
    "Caddy, other JSON": ("caddy", '{"a":1}', SkipReason.UNREADABLE),
    "Caddy, no JSON": ("caddy", "{", SkipReason.UNREADABLE),
    "Traefik, another log": (
        "traefik-json",
        '{"level":"info","msg":"started"}',
        SkipReason.OTHER,
    ),
    "Traefik, other JSON": ("traefik-json", '{"a":1}', SkipReason.UNREADABLE),
    "Traefik, a text": ("traefik-json", "started", SkipReason.UNREADABLE),
    "Traefik, combined": (
        "traefik",
        f'{COMBINED} "-" "{AGENT}"',
        SkipReason.UNREADABLE,
    ),
    "Traefik, garbage": ("traefik", "started", SkipReason.UNREADABLE),
    "nginx, no JSON": ("json", "started", SkipReason.UNREADABLE),
    "nginx, no time": ("json", nginx(time_iso8601="soon"), SkipReason.UNREADABLE),
    "nginx, no status": ("json", nginx(status="-"), SkipReason.UNREADABLE),
    "nginx, no target": ("json", nginx(request=None), SkipReason.UNREADABLE),
    "nginx, no request": ("json", nginx(request="-"), SkipReason.REQUEST),
    "nginx, empty target": (
        "json",
        nginx(request=None, method="GET", uri=" "),
        SkipReason.REQUEST,
    ),
    "W3C, header": ("w3c", "#Version: 1.0", SkipReason.OTHER),
    "W3C, no header": ("w3c", IIS.splitlines()[-1], SkipReason.UNREADABLE),
    "S3, no page": (
        "s3",
        S3.format(operation="REST.GET.VERSIONING", path="/pages?versioning", host="-"),
        SkipReason.PROGRAM,
    ),
    "S3, no request": (
        "s3",
        S3.format(operation="REST.GET.OBJECT", path="/", host="-").replace(
            '"GET / HTTP/1.1" 200', "- -"
        ),
        SkipReason.REQUEST,
    ),
    "S3, bad time": (
        "s3",
        S3.format(operation="REST.GET.OBJECT", path="/", host="-").replace(
            "20/Nov", "20/Non"
        ),
        SkipReason.UNREADABLE,
    ),
    "S3, garbage": ("s3", "garbage", SkipReason.UNREADABLE),
    "load balancer, malformed request": (
        "alb",
        ALB.replace("GET https://shop.example:443/a?b=c HTTP/2.0", "- - -"),
        SkipReason.REQUEST,
    ),
    "load balancer, bad time": (
        "alb",
        ALB.replace("2026-11-20T10:00:00.18", "2026-11-31T10:00:00.18"),
        SkipReason.UNREADABLE,
    ),
    "load balancer, garbage": ("alb", "garbage", SkipReason.UNREADABLE),
    "HAProxy, bad request": (
        "haproxy",
        HAPROXY.format(captures="").replace("GET /a?b=c HTTP/1.1", "<BADREQ>"),
        SkipReason.REQUEST,
    ),
    "HAProxy, bad time": (
        "haproxy",
        HAPROXY.format(captures="").replace("20/Nov", "20/Non"),
        SkipReason.UNREADABLE,
    ),
    "HAProxy, start": (
        "haproxy",
        "Nov 20 10:00:00 lb haproxy[1]: Proxy http-in started.",
        SkipReason.UNREADABLE,
    ),
    "NPM, bad time": (
        "npm",
        NPM.format(cache="", sent="").replace("20/Nov", "20/Non"),
        SkipReason.UNREADABLE,
    ),
    "NPM, no method": (
        "npm",
        NPM.format(cache="", sent="").replace("GET", "-"),
        SkipReason.REQUEST,
    ),
    "NPM, garbage": ("npm", "garbage", SkipReason.UNREADABLE),
}


@pytest.mark.parametrize(
    ("text", "name", "title", "expected"), CASES.values(), ids=CASES.keys()
)
def test_a_format_is_recognised_and_read(
    text: str, name: str, title: str, expected: tuple[object, ...]
) -> None:
    lines = text.encode().splitlines()
    recognised = recognise(lines, UTC)
    read = recognised.format.build(UTC)
    *_, last = (read(line) for line in lines)

    assert (recognised.format.name, recognised.title) == (name, title)
    assert isinstance(last, LogLine)
    assert facts_of(last) == expected


def test_every_format_has_a_case() -> None:
    assert {case[1] for case in CASES.values()} == {known.name for known in FORMATS}


@pytest.mark.parametrize(
    ("name", "line", "expected"), SKIPPED.values(), ids=SKIPPED.keys()
)
def test_a_line_without_a_request_has_a_reason(
    name: str, line: str, expected: SkipReason
) -> None:
    assert find_format(name).build(UTC)(line.encode()) is expected


@pytest.mark.parametrize(
    "name", ["nginx JSON", "Caddy", "Traefik", "HAProxy", "combined"]
)
def test_a_format_is_read_inside_the_envelope_of_a_collector(name: str) -> None:
    text, format_name, _, expected = CASES[name]
    docker = json.dumps({"log": f"{text}\n", "stream": "stdout"})
    lines = [f"<190>Nov  3 10:00:00 web1 app[7]: {text}".encode(), docker.encode()]
    recognised = recognise(lines, UTC)
    read = recognised.format.build(UTC)
    parsed = [read(line) for line in lines]

    assert recognised.format.name == format_name
    assert [isinstance(line, LogLine) and facts_of(line) for line in parsed] == [
        expected,
        expected,
    ]


def test_the_format_that_reads_most_lines_is_chosen() -> None:
    combined = f'{COMBINED} "{FROM}" "{AGENT}"'.encode()
    mixed = [nginx().encode(), combined, b"garbage", combined]

    assert recognise(mixed, UTC).format.name == "combined"
    assert recognise([b"garbage", b""], UTC).title is None


def test_the_columns_can_change_within_a_file() -> None:
    read = find_format("w3c").build(UTC)
    lines = [
        *IIS.splitlines(),
        "#Fields: date time c-ip cs-method cs-uri sc-status sc-bytes",
        f"2026-11-20 10:00:00 {ADDRESS} GET /a?b=c 200 512",
    ]
    *_, last = (read(line.encode()) for line in lines)

    assert isinstance(last, LogLine)
    assert facts_of(last) == facts(host=None, agent=None, referrer=None)


def test_a_time_without_an_offset_is_in_the_chosen_zone() -> None:
    line = HAPROXY.format(captures="").encode()
    read = find_format("haproxy").build(ZoneInfo("Europe/Berlin"))
    parsed = read(line)

    assert isinstance(parsed, LogLine)
    assert parsed.at == AT - 3_600


@pytest.mark.parametrize("name", [known.name for known in FORMATS])
@pytest.mark.parametrize(
    "unit", [b"a ", b'"', b"[", b"{", b'{"a":', b"1.2.3.4, ", b"\\x", b"- ", b"|"]
)
def test_the_longest_garbage_line_is_rejected_quickly(name: str, unit: bytes) -> None:
    read = find_format(name).build(UTC)
    starts = (b"", HAPROXY[:90].encode(), NPM[:60].encode(), S3[:90].encode())
    for start in starts:
        line = start + unit * (LONGEST_LINE // len(unit))

        # A quadratic number of steps would exceed the time limit of the tests.
        assert {read(line) for _ in range(10)} == {SkipReason.UNREADABLE}
