"""Real Millpond processes with their own configuration and free ports."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from tempfile import gettempdir

from config.load import load
from config.settings import Settings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
ANSWER_S = 10.0
# Below the range for client ports. Otherwise a client that connects to an unused port
# could get the same port as its own, and connect to itself.
_PORTS = range(20_000, 32_000)
CONFIG = """\
[proxy]
port = {port}
workers = 2
debug_header = true
trusted_proxies = ["127.0.0.1/32"]
client_ip = "xff"

[privacy]
salt_store = "data/salts"

[spool]
segment_max_s = 1

[jobs]
load_every_s = 1
build_every_s = 1

[reports]
port = {reports_port}

[[sites]]
id = "shop"
domains = ["shop.example", "*.shop.example"]
timezone = "Europe/Berlin"
props_allow = ["plan"]

[[sites]]
id = "blog"
domains = ["blog.example"]
timezone = "America/Los_Angeles"
currency = "USD"
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with a configuration, and all data and logs of its processes."""

    config: Path
    settings: Settings
    environ: Mapping[str, str] = field(default_factory=dict)
    program: str = "millpond"
    run_under: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Return the folder of the configuration."""
        return self.config.parent

    @property
    def data(self) -> Path:
        """Return the directory of all data."""
        return self.folder / "data"

    @property
    def key_dir(self) -> Path:
        """Return the directory with the keys of the sites."""
        return Path(self.settings.privacy.key_dir)

    def argv(self, *words: str) -> list[str]:
        """Return the full command line of the Millpond command *words*."""
        command = [*self.run_under, sys.executable, "-m", self.program]
        return [*command, *words, "--config", str(self.config)]

    def run(
        self, *words: str, stdin: str = "", timeout_s: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command and wait for its end."""
        return subprocess.run(
            self.argv(*words),
            cwd=ROOT,
            env={**os.environ, **self.environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def connect(self, timeout_s: float = ANSWER_S) -> HTTPConnection:
        """Return a connection to the proxy, not opened yet."""
        proxy = self.settings.proxy
        return HTTPConnection(proxy.host, proxy.port, timeout=timeout_s)

    def query_reports(self, body: str, path: str = "/api/v1/query") -> bytes:
        """Return the response of the reports server to a query, or for a page."""
        reports = self.settings.reports
        connection = HTTPConnection(reports.host, reports.port, timeout=ANSWER_S)
        try:
            connection.request("POST" if body else "GET", path, body)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        assert response.status == HTTPStatus.OK, content
        return content

    def serves_reports(self) -> bool:
        """Return whether the reports server responds."""
        try:
            return bool(self.query_reports("", path="/healthz"))
        except OSError:
            return False

    def is_listening(self) -> bool:
        """Return whether a worker is ready to accept events."""
        connection = self.connect()
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


def install(
    folder: Path,
    *,
    text: str = CONFIG,
    environ: Mapping[str, str] | None = None,
    program: str = "millpond",
) -> Installation:
    """Write a configuration with free ports into *folder*.

    Ports are added if *text* sets none: on the default ports another installation
    could respond.
    """
    port, reports_port = free_ports(2)
    text = text.format(port=port, reports_port=reports_port)
    for section, number in (("[proxy]", port), ("[reports]", reports_port)):
        if section not in text:
            text = f"{section}\nport = {number}\n\n{text}"
    config = folder / "millpond.toml"
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(text)
    return Installation(config, load(config, {}), environ or {}, program)


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are unused and reserved for this test."""
    return [next(_FREE_PORTS) for _ in range(count)]


def _free_ports() -> Iterator[int]:
    """Yield free ports, each once, until this process ends.

    Each port is one byte of a file, and is locked before it is tried. Otherwise two
    test processes could choose the same port before a server listens on it.
    """
    path = Path(gettempdir()) / f"millpond-test-ports-{os.getuid()}"
    locks = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        try:
            fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        yield port


_FREE_PORTS = _free_ports()


class Role:
    """One process of an installation, which can be killed and restarted."""

    def __init__(self, installation: Installation, *words: str) -> None:
        self._installation = installation
        self._words = words
        self.log = installation.folder / f"{'-'.join(words).replace('/', '_')}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Return the command of the process."""
        return " ".join(self._words)

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process; its output is appended to its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._installation.argv(*self._words),
                cwd=ROOT,
                env={**os.environ, **self._installation.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill the process if it runs, without a chance to clean up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, timeout_s: float = 30) -> int:
        """Send SIGTERM, and return the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process is not None and self._process.poll() is not None

    def output(self) -> str:
        """Return everything that the process has printed."""
        return self.log.read_text() if self.log.exists() else ""


@contextmanager
def running(
    installation: Installation, *roles: str, until: Callable[[], object] | None = None
) -> Iterator[list[Role]]:
    """Run *roles*, each given as a command; kill those that still run at the end.

    Yields when *until* holds; by default when the proxy is ready.
    """
    started = [Role(installation, *words.split(" ")) for words in roles]
    try:
        for role in started:
            role.start()
        wait_ready(started, until or installation.is_listening)
        yield started
    finally:
        for role in started:
            role.kill()


def wait_ready(roles: list[Role], holds: Callable[[], object]) -> None:
    """Wait until *holds*; fail with the output of a role that ends meanwhile."""

    def check() -> object:
        ended = [role for role in roles if role.has_ended()]
        assert not ended, f"{ended[0].name} ended: {ended[0].output()}"
        return holds()

    wait_until(check, "the processes to be ready", timeout_s=30)


def load_and_build(installation: Installation) -> str:
    """Load and build everything acknowledged; return the output of the commands."""
    output = ""
    for words in (("batcher", "drain"), ("warehouse", "build")):
        completed = installation.run(*words)
        output += completed.stdout + completed.stderr
        assert completed.returncode == 0, output
    return output
