"""The periodic work of a worker removes what must not stay in its memory."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from batcher.salts.held import Salts
from batcher.salts.store import GRACE_S
from config.settings import Settings
from proxy.worker.listener import Stopping, serve
from proxy.worker.supervision import Supervision
from proxy.worker.worker import Worker
from tests.proxy.pipeline.pipeline_setup import NOON, TODAY
from tests.proxy.transport.raw_http import ask, event, request
from tests.proxy.worker.listening import wait_until_listening
from tests.waiting import wait_until

HOUR_S = 3_600.0
SUPERVISED = Supervision(is_supervised=True)
# Written backwards, so that the test itself holds none of them.
WORDS = {
    "address": "902.311.0.302",
    "agent": "9xzqqbedorp/1.0 allizoM",
    "path": "yranac-fo-egap",
    "query": "5zqkeew-fo-elas",
    "referrer": "tset.esuoh-rehto-na",
    "event": "7zqpu dengis",
    "origin": "tset.esuoh-ngierof",
    "host": "tset.nwonknu.www",
}


@dataclass
class Clocks:
    """The two clocks of a worker, set by the test."""

    unix_s: float = float(NOON)
    monotonic_s: float = 0.0


@asynccontextmanager
async def served(settings: Settings, clocks: Clocks) -> AsyncIterator[None]:
    """Serve with a worker in this process that reads *clocks*."""
    stopping = Stopping()
    worker = Worker(
        settings,
        0,
        asyncio.get_running_loop(),
        lambda: clocks.unix_s,
        monotonic=lambda: clocks.monotonic_s,
    )
    serving = asyncio.create_task(serve(worker, settings, stopping, SUPERVISED))
    try:
        yield
    finally:
        stopping.stop.set()
        await serving


def visits() -> list[bytes]:
    """Return requests that together contain every word."""
    word = {name: text[::-1] for name, text in WORDS.items()}
    url = f"https://shop.example/{word['path']}"
    whole = {"site": "shop", "url": url, "referrer": f"https://{word['referrer']}/"}
    bodies = [
        whole | {"name": word["event"]},
        whole | {"url": f"{url}?utm_campaign={word['query']}"},
    ]
    lines = [f"X-Forwarded-For: {word['address']}"]
    agent = word["agent"]
    requests = [
        request("POST", "/v1/events", json.dumps(body).encode(), *lines, agent=agent)
        for body in bodies
    ]
    foreign = event(*lines, f"Origin: https://{word['origin']}")
    elsewhere = event(body=b"{}").replace(b"shop.example", word["host"].encode())
    return [*requests, foreign, elsewhere]


def send_visits(port: int) -> list[int]:
    """Send the visits as soon as the worker listens; return the statuses."""
    wait_until_listening(port)
    return [ask(port, visit).status for visit in visits()]


def held_texts() -> set[str]:
    """Return which words a container of this process refers to."""
    gc.collect()
    texts = {text for one in gc.get_objects() for text in texts_in(one)}
    return {
        name
        for name, word in WORDS.items()
        if any(word[::-1] in text for text in texts)
    }


def texts_in(container: object) -> Iterator[str]:
    """Yield the texts that *container* refers to.

    The collector does not know containers of texts alone, such as the keys of a cache.
    """
    for item in gc.get_referents(container):
        if type(item) is str:
            yield item
        elif not gc.is_tracked(item):
            yield from texts_in(item)


def all_salts() -> list[Salts]:
    """Return the salts of this process; tests before this one may have left some."""
    gc.collect()
    return [item for item in gc.get_objects() if type(item) is Salts]


async def test_nothing_of_a_visitor_is_cached_for_longer_than_an_hour(
    port_settings: Settings,
) -> None:
    proxy = replace(
        port_settings.proxy, client_ip="xff", trusted_proxies=("127.0.0.1",)
    )
    clocks = Clocks()
    async with served(replace(port_settings, proxy=proxy), clocks):
        statuses = await asyncio.to_thread(send_visits, port_settings.proxy.port)
        before = held_texts()
        clocks.monotonic_s += HOUR_S

        await asyncio.to_thread(wait_until, lambda: not held_texts(), "empty caches")

    assert statuses == [202, 202, 202, 202]
    assert before == set(WORDS)


async def test_a_worker_wipes_the_keys_of_a_date_after_its_grace_period(
    port_settings: Settings,
) -> None:
    clocks, others = Clocks(), all_salts()
    async with served(port_settings, clocks):
        await asyncio.to_thread(send_visits, port_settings.proxy.port)
        [salts] = [one for one in all_salts() if not any(one is o for o in others)]
        key = salts.key_if_live("UTC", TODAY, "shop", NOON)
        assert key is not None
        was_wiped = not any(key)
        clocks.unix_s += 12 * HOUR_S + GRACE_S
        clocks.monotonic_s += 12 * HOUR_S + GRACE_S

        await asyncio.to_thread(wait_until, lambda: not any(key), "the wiped key")

        assert not was_wiped
        assert salts.key_if_live("UTC", TODAY, "shop", NOON) is None
