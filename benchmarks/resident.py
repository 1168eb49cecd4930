"""What a worker holds in memory after a million events of very different visitors.

Every event has an address, a page, a referrer and a campaign of its own, and one of
many browsers, so that every cache is full. Sent in arrays, to be done sooner.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ingest import CONFIG, resident, running, worker_command

_PORT = 9103
_AT_ONCE = 100
_BEHIND_PROXY = """
client_ip = "xff"
trusted_proxies = ["127.0.0.1"]
[privacy]
"""


def main() -> None:
    """Send the events and print the memory on the way."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "millpond.toml"
        text = CONFIG.format(port=_PORT, window=0)
        config.write_text(text.replace("\n[privacy]\n", _BEHIND_PROXY))
        with running(worker_command(config), _PORT) as process:
            _send(asked.events, process.pid)


def _send(count: int, pid: int) -> None:
    print(f"idle: {resident(pid):.0f} MB")
    began_s = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", _PORT)
    for sent, (headers, body) in enumerate(_requests(count), 1):
        connection.request("POST", "/v1/events", body, headers)
        answer = connection.getresponse().read()
        if json.loads(answer) != {"accepted": _AT_ONCE, "dropped": {}}:
            sys.exit(f"not all were accepted: {answer!r}")
        if sent * _AT_ONCE % max(count // 5, _AT_ONCE) == 0:
            print(f"{sent * _AT_ONCE} events: peak {resident(pid):.0f} MB", flush=True)
    print(f"{count / (time.monotonic() - began_s):.0f} events a second in arrays")


def _requests(count: int) -> Iterator[tuple[dict[str, str], bytes]]:
    for sender, first in enumerate(range(0, count, _AT_ONCE)):
        events = [_event(number) for number in range(first, first + _AT_ONCE)]
        yield _headers(sender), json.dumps(events).encode()


def _headers(sender: int) -> dict[str, str]:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML)"
    return {
        "X-Forwarded-For": f"203.0.{sender >> 8 & 255}.{sender & 255}",
        "User-Agent": f"{agent} Chrome/{sender % 5_000}.0.0.0 Safari/537.36",
    }


def _event(number: int) -> dict[str, object]:
    return {
        "site": "shop",
        "id": f"message-{number}",
        "url": f"https://shop.example/p/{number}/a?utm_campaign=c-{number % 9_000}",
        "referrer": f"https://site-{number % 50_000}.example/",
        "lang": "de-DE",
        "screen": [1920, 1080],
    }


if __name__ == "__main__":
    main()
