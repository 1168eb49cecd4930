"""Real Millpond processes: a configuration of their own, free ports, ended by id."""

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
# Below the ports the system gives to clients: one that connects to a port nobody
# listens on could otherwise be given that very port, and talk with itself.
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
    """A folder with a configuration; all data and logs stay inside."""

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
        """Return the directory all data is in."""
        return self.folder / "data"

    @property
    def key_dir(self) -> Path:
        """Return the directory of the sites' keys."""
        return Path(self.settings.privacy.key_dir)

    def argv(self, *words: str) -> list[str]:
        """Return the command line that runs *words* of the command line here."""
        command = [*self.run_under, sys.executable, "-m", self.program]
        return [*command, *words, "--config", str(self.config)]

    def run(
        self, *words: str, given: str = "", timeout_s: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command that ends by itself."""
        return subprocess.run(
            self.argv(*words),
            cwd=ROOT,
            env={**os.environ, **self.environ},
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def connect(self, timeout_s: float = ANSWER_S) -> HTTPConnection:
        """Return a connection to the proxy, not opened yet."""
        proxy = self.settings.proxy
        return HTTPConnection(proxy.host, proxy.port, timeout=timeout_s)

    def ask(self, body: str, path: str = "/api/v1/query") -> bytes:
        """Return what the reports server answers, to a question or for a page."""
        reports = self.settings.reports
        connection = HTTPConnection(reports.host, reports.port, timeout=ANSWER_S)
        try:
            connection.request("POST" if body else "GET", path, body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        assert response.status == HTTPStatus.OK, answer
        return answer

    def serves_reports(self) -> bool:
        """Say whether the reports server answers."""
        try:
            return bool(self.ask("", path="/healthz"))
        except OSError:
            return False

    def is_listening(self) -> bool:
        """Say whether a worker is ready to take events."""
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
    """Write a configuration with free ports into *folder*, also where *text* has none.

    On the default ports another installation could answer in place of this one.
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
    """Return loopback ports that nobody listens on, and that no other test is given."""
    return [next(_FREE_PORTS) for _ in range(count)]


def _free_ports() -> Iterator[int]:
    """Yield free ports, each once, until this process ends.

    A port is locked, as a byte of a file, before it is tried: another test process
    could find it free as well, before the server that it is for listens there.
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
    """One process of an installation; it can be killed and started again."""

    def __init__(self, installation: Installation, *words: str) -> None:
        self._installation = installation
        self._words = words
        self.log = installation.folder / f"{'-'.join(words).replace('/', '_')}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Return the words of its command."""
        return " ".join(self._words)

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; what it says is added to its log."""
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
        """End it as a power cut would, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, timeout_s: float = 30) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def has_ended(self) -> bool:
        """Say whether it has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def told(self) -> str:
        """Return everything it has said."""
        return self.log.read_text() if self.log.exists() else ""


@contextmanager
def running(
    installation: Installation, *roles: str, until: Callable[[], object] | None = None
) -> Iterator[list[Role]]:
    """Run *roles*, each the words of a command; kill what is left of them at the end.

    Yields once *until* holds, by default: once the proxy is ready.
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
    """Wait until *holds*; a role that ends meanwhile is a failure that quotes it."""

    def check() -> object:
        ended = [role for role in roles if role.has_ended()]
        assert not ended, f"{ended[0].name} ended: {ended[0].told()}"
        return holds()

    wait_until(check, "the processes to be ready", timeout_s=30)


def load_and_build(installation: Installation) -> str:
    """Load and build all that was acknowledged; return what was said about it."""
    said = ""
    for words in (("batcher", "drain"), ("warehouse", "build")):
        done = installation.run(*words)
        said += done.stdout + done.stderr
        assert done.returncode == 0, said
    return said
