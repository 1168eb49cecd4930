"""A real Chromium, and the server whose pages it opens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from config.settings import ProxySettings
from tests.programs import need
from tests.proxy.browser.chromium import FLAGS
from tests.proxy.routes.tag_server import TagServer


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Find Chromium."""
    return need("chromium")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """Start one Chromium for all tests; each test is a new visitor in it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=FLAGS,
            # Playwright turns the back/forward cache off; visitors have it on.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Open an empty tab of a new visitor."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[TagServer]:
    """Serve the tag from its default path."""
    async with TagServer(ProxySettings()) as server:
        yield server
