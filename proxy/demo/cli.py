"""``millpond demo``: everything on sample traffic, in a temporary place.

The traffic goes through the real doors: past days as an access log that is imported,
today as events sent to the proxy.
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
from batcher.supervisor.cli import processes, proxy_url, reports_url, role
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
# Written by `millpond demo`; gone when it ends.
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
    "--geo-database", default="", metavar="FILE", help="MMDB file; found if installed."
)
def demo(port: int, reports_port: int, geo_database: str) -> int:
    """Run everything on sample traffic, in a temporary place, until Ctrl-C.

    A port that is taken is replaced by a free one; the addresses are printed.
    """
    configure(sys.stderr)
    with ExitStack() as held:
        port = _held_port(held, port)
        return _run_demo(port, _free_port("reports", reports_port), geo_database)


def _held_port(held: ExitStack, port: int) -> int:
    """Hold *port* for the proxy while *held* is open, or a free one; return which."""
    try:
        held.enter_context(hold_port("proxy", _LOOPBACK, port))
    except PortError:
        return _held_port(held, _other_port("proxy", port))
    return port


def _free_port(role: str, port: int) -> int:
    try:
        check_port(role, _LOOPBACK, port)
    except PortError:
        return _other_port(role, port)
    return port


def _other_port(role: str, taken: int) -> int:
    port = free_port(_LOOPBACK)
    click.echo(f"demo: port {taken} is taken; the {role} gets {port}", err=True)
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
    feeding = threading.Thread(target=_feed, args=(settings, config), daemon=True)
    feeding.start()
    try:
        return supervise(processes(settings, config, ["--demo"]))
    finally:
        salts = default_directory(Path(settings.spool.dir))
        for each in (salts, folder):
            shutil.rmtree(each, ignore_errors=True)


def _feed_address() -> str:
    """Return where the sample traffic comes from: not where the user's browser does.

    Its forwarding header is believed; a browser sends none, and would be nobody.
    """
    with socket.socket() as probe:
        try:
            probe.bind((_FEED, 0))
        except OSError:
            # Not every system has more than one address of its own.
            return _LOOPBACK
    return _FEED


def _installed_geo() -> str:
    """Return the country database that `make setup` installs where npm is, if any."""
    found = sorted(
        Path(__file__)
        .parents[2]
        .glob("deploy/geo/node_modules/*/iptoasn-country-mmdb/iptoasn-country.mmdb")
    )
    if not found:
        click.echo("geo: no database, so countries are unknown", err=True)
        return ""
    return str(found[0])


def _feed(settings: Settings, config: Path) -> None:
    """Send the sample traffic, wait until it is in the tables, show it."""
    now = int(time.time())  # noqa: TID251 - the demo is its own composition root
    chance = random.Random(now // _DAY_S)  # noqa: S311 - invented sample_visitors, no secrets
    if not _until(lambda: _post(settings, [], None) is not None):
        click.echo("demo: the proxy does not answer; see the log above", err=True)
        return
    midnight = now - now % _DAY_S
    start = midnight - _PAST_DAYS * _DAY_S
    past = sample_visitors(chance, start, midnight, _PAST_DAYS * _VISITS_A_DAY)
    _import(config, "".join(log_lines(past)))
    count = 20 + _VISITS_A_DAY * (now - midnight) // _DAY_S
    today = sample_visitors(chance, min(midnight, now - 600), now, count)
    accepted = sum(_send(settings, visitor, n) for n, visitor in enumerate(today))
    click.echo(f"demo: the proxy accepted {accepted} events of today", err=True)
    if _until(lambda: _is_built(config)):
        _show(settings, config)


def _until(holds: Callable[[], bool]) -> bool:
    """Return whether *holds* came true within a minute."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.25)
    return False


def _post(
    settings: Settings, events: object, visitor: SampleVisitor | None
) -> int | None:
    """Send *events* as *visitor* would; return how many were kept, None if refused."""
    headers = {"Content-Type": "application/json"}
    if visitor is not None:
        headers |= {"User-Agent": visitor.agent, "X-Forwarded-For": visitor.address}
    feed, _, _ = settings.proxy.trusted_proxies[0].partition("/")
    connection = http.client.HTTPConnection(
        settings.proxy.host, settings.proxy.port, timeout=10, source_address=(feed, 0)
    )
    try:
        connection.request("POST", "/v1/events", json.dumps(events), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, ValueError):
        return None
    finally:
        connection.close()
    return body.get("accepted") if answer.status == http.HTTPStatus.ACCEPTED else None


def _send(settings: Settings, visitor: SampleVisitor, number: int) -> int:
    return _post(settings, native_events(visitor, number), visitor) or 0


def _run(
    *words: str, config: Path, question: object = None
) -> "subprocess.CompletedProcess[str]":
    """Run one of our own commands, with what it prints captured."""
    return subprocess.run(  # noqa: S603 - our own program and words
        role(*words, config=config),
        input=json.dumps(question),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": str(_columns())},
    )


def _columns() -> int:
    """Return the width of the terminal, which a captured command cannot see."""
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


def _show(settings: Settings, config: Path) -> None:
    for by in ("page", "source"):
        show = ("reports", "show", "--site", SITE, "--period", "7d", "--by", by)
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
