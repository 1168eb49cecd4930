"""Events per second in batches of 50, compared with single events, for each protocol.

wrk sends both to one worker, in turn. Every event goes through the whole chain, with an
fsync before the response. A first request checks that the worker accepts all events of
a batch. The result is the median of the ratios, pair by pair.
"""

import argparse
import http.client
import json
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.ingest import CONFIG, load, running, worker_command

_PORT = 9104
_BATCH = 50
_URL = "https://shop.example/p/PAGE/some-product?utm_source=x"
_PAGE = {"url": _URL, "referrer": "https://www.google.com/"}
_ID = "4f5c1b1e-8a0b-4d8e-9b77-NUMBER"
_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


def _native(events: int) -> Any:
    event = {"site": "shop", "name": "pageview", "id": _ID, "lang": "de-DE", **_PAGE}
    return [event] * events


def _posthog(events: int) -> Any:
    properties = {"$current_url": _URL, "$referrer": _PAGE["referrer"]}
    event = {"event": "$pageview", "uuid": _ID, "distinct_id": "visitor"}
    return {"api_key": "key", "batch": [{**event, "properties": properties}] * events}


def _segment(events: int) -> Any:
    call = {"type": "page", "messageId": _ID, "anonymousId": "visitor"}
    context = {"page": _PAGE, "locale": "de-DE"}
    return {"writeKey": "key", "batch": [{**call, "context": context}] * events}


def _mixpanel(events: int) -> Any:
    properties = {
        "token": "key",
        "$insert_id": _ID,
        "$current_url": _URL,
        "$referrer": _PAGE["referrer"],
        "distinct_id": "visitor",
    }
    return [{"event": "Page View", "properties": properties}] * events


_PROTOCOLS: Mapping[str, tuple[str, Any]] = {
    "native": ("/v1/events", _native),
    "posthog": ("/batch/", _posthog),
    "segment": ("/v1/batch", _segment),
    "mixpanel": ("/track", _mixpanel),
}


def main() -> None:
    """Run the turns of each protocol and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--seconds", type=int, default=3)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "millpond.toml"
        text = CONFIG.format(port=f"{_PORT}\ndebug_header = true", window=0)
        config.write_text(f'{text}keys = ["key"]\n')
        with running(worker_command(config), _PORT):
            for name in _PROTOCOLS:
                _compare(name, Path(folder), arguments.pairs, arguments.seconds)


def _compare(name: str, folder: Path, pairs: int, seconds: int) -> None:
    path, build_body = _PROTOCOLS[name]
    sizes = (1, _BATCH)
    files = {size: folder / f"{name}-{size}.json" for size in sizes}
    for size, file in files.items():
        file.write_text(json.dumps(build_body(size)))
        _check_accepted(path, file.read_text())
    rates: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(pairs):
        for size, file in files.items():
            turn = load(_PORT, seconds, 64, script="batch.lua", arguments=(path, file))
            rates[size].append(turn.rate * size)
    rate_pairs = zip(rates[_BATCH], rates[1], strict=True)
    ratios = [batched / single for batched, single in rate_pairs]
    print(
        f"{name:<9} single {statistics.median(rates[1]):7,.0f} events/s,"
        f" batches of {_BATCH} {statistics.median(rates[_BATCH]):7,.0f} events/s; ratio"
        f" {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})",
        flush=True,
    )


def _check_accepted(path: str, body: str) -> None:
    """Stop unless the proxy accepts the whole body: a drop would take less time."""
    headers = {"Content-Type": "application/json", "User-Agent": _AGENT}
    connection = http.client.HTTPConnection("127.0.0.1", _PORT)
    connection.request("POST", path, body.replace("PAGE", "1"), headers)
    response = connection.getresponse()
    dropped = response.headers.get("X-Millpond")
    if response.status >= http.client.BAD_REQUEST or dropped:
        raise SystemExit(
            f"{path}: {response.status}, not all events are accepted: {dropped}"
        )
    connection.close()


if __name__ == "__main__":
    main()
