"""A page behind the shipped nginx while Millpond hangs, is down or starts again."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.async_api import Browser, Page

from tests.proxy.shipped_nginx import (
    WORKER,
    nginx_config,
    running_nginx,
    shipped_location,
)
from tests.proxy.worker_process import WorkerProcess, reserved_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_SERVER = """
    server {{
        listen 127.0.0.1:{port} reuseport;
        default_type text/html;
        location = /with {{ return 200 '{page}{snippet}'; }}
        location = /without {{ return 200 '{page}'; }}
        {location}
    }}
"""
_PAGE = '<!doctype html><link rel="icon" href="data:,"><p>A page</p>'
_SNIPPET = '<script async src="/stats/m.js" data-site="shop"></script>'
# Of a visitor: what Chromium calls itself without a window is a bot's name.
_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
_LATER_MS = 300
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventStart"


class Site(NamedTuple):
    """A worker, and the port of the nginx in front of it."""

    worker: WorkerProcess
    port: int

    def url(self, page: str) -> str:
        """Return the address of *page*."""
        return f"http://shop.example:{self.port}/{page}"

    def ids(self, name: str) -> list[int | None]:
        """Return the ids under which the worker kept events of that *name*."""
        return [e.event_id for e in self.worker.spooled.events if e.name == name]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run a worker, and nginx with the shipped configuration."""
    folder = tmp_path / "ours"
    folder.mkdir()
    with WorkerProcess(folder, proxy=WORKER) as worker, reserved_port() as port:
        server = _SERVER.format(
            port=port,
            location=shipped_location(worker.port),
            page=_PAGE,
            snippet=_SNIPPET,
        )
        config = nginx_config(server, access_log="off", error_log="stderr crit")
        with running_nginx(tmp_path / "nginx", config):
            yield Site(worker, port)


async def test_a_hung_worker_does_not_hold_up_the_page(
    browser: Browser, site: Site
) -> None:
    with _hung(site.worker):
        without_ms = [await _load_ms(browser, site.url("without")) for _ in range(5)]
        with_ms = [await _load_ms(browser, site.url("with")) for _ in range(5)]

    assert min(with_ms) - min(without_ms) < _LATER_MS


async def test_what_happens_while_the_worker_starts_again_is_kept(
    browser: Browser, site: Site
) -> None:
    async with _tab(browser) as page:
        await page.goto(site.url("with"))
        await page.wait_for_function("window.millpond && millpond.on")
        site.worker.stop()
        async with page.expect_response(lambda answer: answer.status == 502):
            await page.evaluate("millpond('x'); millpond('y')")
        site.worker.start()
        wait_until(lambda: site.ids("x") and site.ids("y"), "the events to arrive")

        assert len(set(site.ids("x"))) == len(set(site.ids("y"))) == 1
        assert len(set(site.ids("pageview"))) == 1


async def test_what_happens_while_the_worker_hangs_is_kept_once(
    browser: Browser, site: Site
) -> None:
    async with _tab(browser) as page:
        await page.goto(site.url("with"))
        await page.wait_for_function("window.millpond && millpond.on")
        with _hung(site.worker):
            async with page.expect_response(lambda answer: answer.status == 504):
                await page.evaluate("millpond('x')")
        wait_until(lambda: site.ids("x"), "the event to arrive")

        assert len(set(site.ids("x"))) == 1


@contextmanager
def _hung(worker: WorkerProcess) -> Iterator[None]:
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


@asynccontextmanager
async def _tab(browser: Browser) -> AsyncIterator[Page]:
    """Open a tab of a visitor who was never here."""
    context = await browser.new_context(user_agent=_AGENT)
    yield await context.new_page()
    await context.close()


async def _load_ms(browser: Browser, url: str) -> float:
    """Return how long after it was asked for the page's load event came."""
    async with _tab(browser) as page:
        answer = await page.goto(url, wait_until="load", timeout=20_000)
        assert answer is not None
        assert answer.ok
        return float(await page.evaluate(_LOADED))
