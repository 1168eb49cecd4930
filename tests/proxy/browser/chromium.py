"""How Chromium is started: driven by Playwright, or left alone with a page.

Left alone it hides real tabs and prerenders real pages, which a driven one does not;
there the page itself does what a visitor would do.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages have real host names: the tag keeps still on a developer's own machine.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
)


@asynccontextmanager
async def chromium_alone(program: Path, url: str, profile: Path) -> AsyncIterator[None]:
    """Open *url* in a Chromium that nobody drives, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless",
        "--disable-popup-blocking",
        *FLAGS,
        f"--user-data-dir={profile}",
        url,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
