"""The peak memory of a worker after a million events of very different visitors.

Pages, referrers, campaigns, addresses and browsers vary as much as needed to fill every
cache. The events are sent in arrays, which takes less time.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ingest import CONFIG, peak_memory_mb, running, worker_command

_PORT = 9103
_BATCH = 100
_BEHIND_PROXY = """
client_ip = "xff"
trusted_proxies = ["127.0.0.1"]
[privacy]
"""


def main() -> None:
    """Send the events and print the memory several times."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "millpond.toml"
        text = CONFIG.format(port=_PORT, window=0)
        config.write_text(text.replace("\n[privacy]\n", _BEHIND_PROXY))
        with running(worker_command(config), _PORT) as process:
            _send(arguments.events, process.pid)


def _send(count: int, pid: int) -> None:
    print(f"idle: {peak_memory_mb(pid):.0f} MB")
    started_s = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", _PORT)
    for number, (headers, body) in enumerate(_requests(count), 1):
        connection.request("POST", "/v1/events", body, headers)
        receipt = connection.getresponse().read()
        if json.loads(receipt) != {"accepted": _BATCH, "dropped": {}}:
            sys.exit(f"the proxy did not accept all events: {receipt!r}")
        if number * _BATCH % max(count // 5, _BATCH) == 0:
            peak_mb = peak_memory_mb(pid)
            print(f"{number * _BATCH} events: peak {peak_mb:.0f} MB", flush=True)
    print(f"{count / (time.monotonic() - started_s):.0f} events per second, in arrays")


def _requests(count: int) -> Iterator[tuple[dict[str, str], bytes]]:
    for sender, first in enumerate(range(0, count, _BATCH)):
        events = [_event(number) for number in range(first, first + _BATCH)]
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
