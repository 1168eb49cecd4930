"""A real Chromium whose visitors do not look like robots."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.programs import need
from tests.vendors.browser_visit import VISITOR_FLAGS


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def visitors() -> AsyncIterator[Browser]:
    """Start one Chromium for all tests; each visit is a new visitor in it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need("chromium"), args=VISITOR_FLAGS
        )
        yield browser
        await browser.close()
