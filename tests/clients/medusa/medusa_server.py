"""Runs a real Medusa server with the packed provider and subscribers on PostgreSQL."""

import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.medusa.postgres import postgres
from tests.clients.medusa.provider_package import CLIENT, built, need_packages, run
from tests.clients.medusa.rest_shop import Shop
from tests.processes import free_ports
from tests.waiting import wait_until

EMAIL, PASSWORD = "admin@shop.example", "a long password"
_SERVER = Path(__file__).parent / "server"
_MEDUSA = "node_modules/@medusajs/cli/cli.js"
_START_S, _STOP_S = 180, 60


@contextmanager
def medusa_server(folder: Path, millpond: str, key: str) -> Iterator[Shop]:
    """Yield the shop of a running server with the subscribers of the package.

    At the end of the block the server is shut down in order.
    """
    need_packages(_SERVER, "clients-soak")
    _make_shop(folder)
    (port,) = free_ports(1)
    with postgres() as database:
        pass_on = {
            **os.environ,
            "NODE_ENV": "production",
            "DATABASE_URL": database,
            "MILLPOND_HOST": millpond,
            "MILLPOND_KEY": key,
            "MEDUSA_DISABLE_TELEMETRY": "true",
        }
        run("node", _MEDUSA, "db:migrate", folder=folder, env=pass_on)
        user = ("user", "-e", EMAIL, "-p", PASSWORD)
        run("node", _MEDUSA, *user, folder=folder, env=pass_on)
        with _running(folder, port, pass_on):
            yield Shop(f"http://127.0.0.1:{port}", EMAIL, PASSWORD)


def _make_shop(folder: Path) -> None:
    """Create the shop: the packed provider, and one line for each subscriber."""
    for name in ("package.json", "medusa-config.js"):
        shutil.copy(_SERVER / name, folder / name)
    (folder / "node_modules").symlink_to(_SERVER / "node_modules")
    _install(folder)
    subscribers = folder / "src" / "subscribers"
    subscribers.mkdir(parents=True)
    for source in (CLIENT / "src" / "subscribers").glob("*-*.ts"):
        line = f'module.exports = require("millpond-medusa/subscribers/{source.stem}");'
        (subscribers / f"{source.stem}.js").write_text(line)


def _install(folder: Path) -> None:
    packed = run(
        *("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder),
        folder=built(),
    )
    place = _SERVER / "node_modules" / "millpond-medusa"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    archive = folder / packed.split()[-1]
    run("tar", "xzf", archive, "-C", place, "--strip-components=1", folder=folder)


@contextmanager
def _running(folder: Path, port: int, env: dict[str, str]) -> Iterator[None]:
    with (folder / "medusa.log").open("wb") as log:
        process = subprocess.Popen(
            ["node", _MEDUSA, "start", "-p", str(port)],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _answers(process, port), "Medusa to answer", _START_S)
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_S)
    finally:
        process.kill()
        process.wait()


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "Medusa ended"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
