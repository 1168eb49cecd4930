"""Fixtures: a real Chromium that does not look like a bot, and a worker."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.programs import need
from tests.proxy.protocols.replay import SharedWorker
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.browser_visit import VISITOR_FLAGS
from tests.vendors.sent_events import silent_worker


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def visitors() -> AsyncIterator[Browser]:
    """Start one Chromium for all tests; each visit is a new visitor."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need("chromium"), args=VISITOR_FLAGS
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """Run a worker for all tests of a file, with the site in its ``SITE``."""
    folder = tmp_path_factory.mktemp("worker")
    with silent_worker(folder, request.module.SITE) as worker:
        yield worker


@pytest.fixture
def worker(running: WorkerProcess) -> SharedWorker:
    """Return the shared worker without the rows of earlier tests."""
    return SharedWorker(running)
