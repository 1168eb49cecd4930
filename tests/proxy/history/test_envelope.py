"""What a collector wrote around a log line is removed, and nothing else."""

import json

import pytest

from proxy.history.envelope import strip_envelope

LINE = b'198.51.100.7 - - [03/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "a"'
TEXT = LINE.decode()
PREFIXES = {
    "syslog": b"Nov 20 10:00:00 web1 nginx: ",
    "syslog, day 3": b"Nov  3 10:00:00 web1 nginx: ",
    "syslog with a process": b"Nov  3 10:00:00 web1 nginx[123]: ",
    "syslog with a priority": b"<190>Nov  3 10:00:00 web1 nginx: ",
    "syslog of the network": b"<190>1 2026-11-03T10:00:00.123Z web1 nginx 12 - - ",
    "syslog with data": b'<190>1 2026-11-03T10:00:00Z web1 nginx - - [a b="]\\""][c] ',
    "syslog with a BOM": b"<190>1 2026-11-03T10:00:00Z web1 nginx - - - \xef\xbb\xbf",
    "rsyslog": b"2026-11-03T10:00:00.123456+00:00 web1 nginx: ",
    "journal": b"Nov 03 10:00:00 web1 nginx[7]: ",
    "journal, precise": b"Nov 03 10:00:00.123456 web1 nginx[7]: ",
    "journal, ISO": b"2026-11-03T10:00:00+0000 web1 nginx[7]: ",
    "journal, full": b"Tue 2026-11-03 10:00:00 UTC web1 nginx[7]: ",
    "journal, Unix time": b"1793700000.123456 web1 nginx[7]: ",
    "Docker with times": b"2026-11-03T10:00:00.123456789Z ",
    "Docker compose": b"web-1  | ",
    "Docker compose with times": b"web-1  | 2026-11-03T10:00:00.123456789Z ",
    "Kubernetes": b"2026-11-03T10:00:00.123456789Z stdout F ",
    "Kubernetes, zone": b"2026-11-03T10:00:00.123456789+01:00 stderr P ",
    "kubectl": b"[pod/web-5d/nginx] ",
    "kubectl with times": b"[pod/web-5d/nginx] 2026-11-03T10:00:00.123456789Z ",
    "BOM": b"\xef\xbb\xbf",
    "nothing": b"",
}
OBJECTS: dict[str, dict[str, object]] = {
    "Docker": {"log": f"{TEXT}\n", "stream": "stdout", "time": "2026-11-03T10:00:00Z"},
    "journal": {"_HOSTNAME": "web1", "MESSAGE": TEXT},
    "journal, bytes": {"MESSAGE": list(LINE)},
    "Docker around syslog": {
        "log": f"Nov  3 10:00:00 web1 nginx: {TEXT}",
        "stream": "stderr",
    },
}
UNTOUCHED = {
    "virtual host": b"shop.example:443 " + LINE,
    "list": b"198.51.100.7, 10.0.0.1 - - [",
    "quoted address": b'"198.51.100.7" - - [03/Nov/2026:10:00:00 +0000] "GET / 1"',
    "nginx JSON": b'{"remote_addr": "198.51.100.7", "log": "a"}',
    "damaged JSON": b'{"log": "198',
    "an object too deep": b'{"MESSAGE":' * 5_000,
    "number for a message": b'{"MESSAGE": 7}',
    "numbers that are no bytes": b'{"MESSAGE": [1, 300]}',
    "unknown prefix": b"web1 says: " + LINE,
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES.keys())
def test_a_known_prefix_is_removed(prefix: bytes) -> None:
    assert strip_envelope(prefix + LINE) == LINE


@pytest.mark.parametrize("record", OBJECTS.values(), ids=OBJECTS.keys())
def test_a_line_in_an_object_is_unwrapped(record: dict[str, object]) -> None:
    assert strip_envelope(json.dumps(record).encode()).rstrip() == LINE


def test_an_exported_quoted_line_is_unquoted() -> None:
    exported = b'"' + LINE.replace(b'"', b'""') + b'"\r\n'

    assert strip_envelope(exported) == LINE


@pytest.mark.parametrize("line", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_all_other_text_stays(line: bytes) -> None:
    assert strip_envelope(line) == line
