"""``millpond demo``: runs all of Millpond on sample traffic, in a temporary folder.

The traffic uses the real interfaces: past days come from an imported access log, today
from events sent to the proxy.
"""

import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from batcher.salts.directory import default_directory
from batcher.salts.history import import_directory
from batcher.supervisor.cli import ProcessSetup, processes, proxy_url, reports_url, role
from batcher.supervisor.port import PortError, check_port, free_port, hold_port
from batcher.supervisor.supervise import supervise
from config.load import load
from config.logs import configure
from config.settings import Settings
from proxy.demo.traffic import (
    HOST,
    SITE,
    SampleVisitor,
    log_lines,
    native_events,
    sample_visitors,
)

_DAY_S = 86_400
_PAST_DAYS = 6
_VISITS_A_DAY = 150
_WAIT_S = 60.0
_LOOPBACK, _FEED = "127.0.0.1", "127.0.0.2"
_CONFIG = """\
# Written by `millpond demo`, which removes it at its end.
[proxy]
port = {port}
trusted_proxies = ["{feed}/32"]
client_ip = "xff"
debug_header = true

[privacy]
geo_database = "{geo}"

[spool]
segment_max_s = 2

[jobs]
load_every_s = 2
build_every_s = 3

[reports]
port = {reports_port}

[[sites]]
id = "{site}"
domains = ["{host}", "localhost", "127.0.0.1"]
"""


@click.command(epilog="\b\nExample:\n  millpond demo --port 8080")
@click.option("--port", default=8080, show_default=True, help="Port of the proxy.")
@click.option(
    "--reports-port", default=8081, show_default=True, help="Port of the reports."
)
@click.option(
    "--geo-database",
    default="",
    metavar="FILE",
    help="MMDB file; default: an installed one.",
)
def demo(port: int, reports_port: int, geo_database: str) -> int:
    """Run all of Millpond on sample traffic, in a temporary folder, until Ctrl-C.

    If a port is in use, the demo takes a free one. It prints the addresses.
    """
    configure(sys.stderr)
    with ExitStack() as stack:
        port = _hold_port(stack, port)
        return _run_demo(port, _choose_port("reports", reports_port), geo_database)


def _hold_port(stack: ExitStack, port: int) -> int:
    """Hold *port*, or a free one, for the proxy until *stack* closes; return it."""
    try:
        stack.enter_context(hold_port("proxy", _LOOPBACK, port))
    except PortError:
        return _hold_port(stack, _other_port("proxy", port))
    return port


def _choose_port(role: str, port: int) -> int:
    try:
        check_port(role, _LOOPBACK, port)
    except PortError:
        return _other_port(role, port)
    return port


def _other_port(role: str, used_port: int) -> int:
    port = free_port(_LOOPBACK)
    click.echo(f"demo: port {used_port} is in use; the {role} gets {port}", err=True)
    return port


def _run_demo(port: int, reports_port: int, geo_database: str) -> int:
    folder = Path(tempfile.mkdtemp(prefix="millpond-demo-"))
    config = folder / "millpond.toml"
    geo = geo_database or _installed_geo()
    feed = _feed_address()
    text = _CONFIG.format(
        folder=folder,
        feed=feed,
        port=port,
        reports_port=reports_port,
        geo=geo,
        site=SITE,
        host=HOST,
    )
    config.write_text(text, encoding="utf-8")
    settings = load(config, {})
    feeder = threading.Thread(target=_feed, args=(settings, config), daemon=True)
    feeder.start()
    try:
        return supervise(processes(settings, ProcessSetup(config=config), ["--demo"]))
    finally:
        spool_dir = Path(settings.spool.dir)
        salts = (default_directory(spool_dir), import_directory(spool_dir))
        for directory in (*salts, folder):
            shutil.rmtree(directory, ignore_errors=True)


def _feed_address() -> str:
    """Return the address that sends the sample traffic.

    It differs from the browser's address if possible. The proxy trusts the forwarding
    header from this address only: the user's browser sends none, so its hits would
    have no visitor.
    """
    with socket.socket() as probe:
        try:
            probe.bind((_FEED, 0))
        except OSError:
            # Some systems have only one loopback address.
            return _LOOPBACK
    return _FEED


def _installed_geo() -> str:
    """Return the country database of `make setup`, which needs npm; "" without one."""
    databases = sorted(
        Path(__file__)
        .parents[2]
        .glob("deploy/geo/node_modules/*/iptoasn-country-mmdb/iptoasn-country.mmdb")
    )
    if not databases:
        click.echo("geo: no database, so countries are unknown", err=True)
        return ""
    return str(databases[0])


def _feed(settings: Settings, config: Path) -> None:
    """Send the sample traffic, wait until it is in the tables, print reports."""
    now = int(time.time())  # noqa: TID251 - the demo is its own composition root
    chance = random.Random(now // _DAY_S)  # noqa: S311 - invented visitors, no secrets
    if not _wait_until(lambda: _post(settings, [], None) is not None):
        click.echo("demo: the proxy does not answer; see the log above", err=True)
        return
    midnight = now - now % _DAY_S
    start = midnight - _PAST_DAYS * _DAY_S
    past = sample_visitors(chance, start, midnight, _PAST_DAYS * _VISITS_A_DAY)
    _import(config, "".join(log_lines(past)))
    count = 20 + _VISITS_A_DAY * (now - midnight) // _DAY_S
    today = sample_visitors(chance, min(midnight, now - 600), now, count)
    accepted = sum(_send(settings, visitor, n) for n, visitor in enumerate(today))
    click.echo(f"demo: the proxy accepted {accepted} events for today", err=True)
    if _wait_until(lambda: _is_built(config)):
        _print_reports(settings, config)


def _wait_until(condition: Callable[[], bool]) -> bool:
    """Return whether *condition* became true within a minute."""
    deadline_s = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.25)
    return False


def _post(
    settings: Settings, events: object, visitor: SampleVisitor | None
) -> int | None:
    """Send *events* as *visitor*; return how many were accepted, None if refused."""
    headers = {"Content-Type": "application/json"}
    if visitor is not None:
        headers |= {"User-Agent": visitor.agent, "X-Forwarded-For": visitor.address}
    feed, _, _ = settings.proxy.trusted_proxies[0].partition("/")
    connection = http.client.HTTPConnection(
        settings.proxy.host, settings.proxy.port, timeout=10, source_address=(feed, 0)
    )
    try:
        connection.request("POST", "/v1/events", json.dumps(events), headers)
        response = connection.getresponse()
        body = json.loads(response.read())
    except (OSError, ValueError):
        return None
    finally:
        connection.close()
    is_accepted = response.status == http.HTTPStatus.ACCEPTED
    return body.get("accepted") if is_accepted else None


def _send(settings: Settings, visitor: SampleVisitor, number: int) -> int:
    return _post(settings, native_events(visitor, number), visitor) or 0


def _run(
    *words: str, config: Path, question: object = None
) -> "subprocess.CompletedProcess[str]":
    """Run a ``millpond`` command and capture its output."""
    return subprocess.run(  # noqa: S603 - our own program and arguments
        role(*words, config=config),
        input=json.dumps(question),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": str(_columns())},
    )


def _columns() -> int:
    """Return the terminal's width, which a command with captured output cannot see."""
    return max(80, min(120, shutil.get_terminal_size().columns))


def _import(config: Path, log: str) -> None:
    file = config.with_name("access.log")
    file.write_text(log, encoding="utf-8")
    ran = _run("import", "access-log", str(file), "--site", SITE, config=config)
    click.echo(ran.stdout, err=True)
    file.unlink()


def _is_built(config: Path) -> bool:
    question = {"site": SITE, "metrics": ["visitors"], "date_range": "today"}
    ran = _run("reports", "query", "-", config=config, question=question)
    if ran.returncode:
        return False
    results = json.loads(ran.stdout)["results"]
    return bool(results) and results[0]["metrics"][0] > 0


def _print_reports(settings: Settings, config: Path) -> None:
    for dimension in ("page", "source"):
        show = ("reports", "show", "--site", SITE, "--period", "7d", "--by", dimension)
        click.echo(_run(*show, config=config).stdout)
    click.echo(
        "\n".join(
            (
                "",
                f"sample shop  {proxy_url(settings)}/demo/   (click around in it)",
                f"report       {reports_url(settings)}",
                f"config       {config}",
                f"again        millpond reports show --site {SITE} --config {config}",
                "Ctrl-C ends the demo and removes its data.",
            )
        )
    )
