"""Commands of the proxy: run it, or one worker of it."""

import os
import sys
from pathlib import Path

import click

from config.cli import path_option, settings_option
from config.load import load
from config.logs import configure
from config.settings import Settings


@click.group(epilog="\b\nExample:\n  millpond proxy run --config millpond.toml")
def proxy() -> None:
    """Receive and anonymize events."""


@proxy.command(epilog="\b\nExample:\n  millpond proxy run --config millpond.toml")
@path_option
def run(path: Path) -> int:
    """Run all workers, on one port, until told to stop."""
    from batcher.supervise import Process, supervise  # noqa: PLC0415 - one use

    settings = load(path, os.environ)
    configure(sys.stderr)
    command = [sys.executable, "-m", "millpond", "proxy", "worker"]
    config = ["--config", str(path.resolve())]
    return supervise(
        Process(name=f"proxy-{number}", argv=[*command, str(number), *config])
        for number in range(settings.proxy.workers)
    )


@proxy.command(epilog="\b\nExample:\n  millpond proxy worker 0")
@click.argument("number", type=click.IntRange(0, 63))
@click.option("--demo", is_flag=True, hidden=True, help="Serve the sample shop too.")
@settings_option
def worker(number: int, settings: Settings, *, demo: bool) -> None:
    """Run worker NUMBER alone, in this process; each has a lane of the spool."""
    from proxy.run import run_worker  # noqa: PLC0415 - aiohttp takes 0.3 s to import

    configure(sys.stderr)
    run_worker(settings, number, demo=demo)
