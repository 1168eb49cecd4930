"""Runs a proxy worker as the product does: in its own process on a free port."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.proxy.spool_reader import SpoolContent, read_spool
from tests.proxy.transport.raw_http import ask, get
from tests.waiting import wait_until

_ROOT = Path(__file__).parents[2]
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
# Longer than a worker may take to stop, and much shorter than an aiohttp server.
_PATIENCE_S = 20

Values = Mapping[str, Any]


@contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a port that only a server with SO_REUSEPORT can use in the block.

    A port that is only free could become the local port of a client connection.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


class WorkerProcess:
    """One worker that is ready when the block begins and stopped at its end."""

    def __init__(
        self,
        folder: Path,
        *,
        proxy: Values | None = None,
        privacy: Values | None = None,
        spool: Values | None = None,
        site: Values | None = None,
        number: int = 0,
        port: int | None = None,
        under: Sequence[str] = (),
        demo: bool = False,
    ) -> None:
        self.folder = folder
        self._held = ExitStack()
        self.port = port or self._held.enter_context(reserved_port())
        self._command = [
            *under,
            *(sys.executable, "-m", "millpond", "proxy", "worker", str(number)),
            # The test holds the reserved port, as a supervisor does.
            "--shared",
            *(["--demo"] if demo else []),
        ]
        spool = {"dir": str(folder / "spool"), **(spool or {})}
        self.spool_dir = Path(spool["dir"])
        self._config = folder / f"millpond-{number}.toml"
        sections = {
            "[proxy]": {"port": self.port, **(proxy or {})},
            "[privacy]": {"salt_store": "salts", "key_dir": "keys", **(privacy or {})},
            "[spool]": spool,
            "[[sites]]": {"id": "shop", "domains": ["shop.example"], **(site or {})},
        }
        self._config.write_text("\n".join(map(_section, sections.items())))
        self._log = folder / f"stderr-{number}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the worker, and wait until it answers."""
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop the worker if it still runs; kill it if it does not stop."""
        with self._held:
            if self._process is None or self.has_ended:
                return
            try:
                self.stop()
            finally:
                self._leave_none()

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--config", str(self._config)], cwd=_ROOT, stderr=log
            )
        try:
            wait_until(self._answers, "the worker to answer")
        except BaseException:
            self._leave_none()
            raise

    def _leave_none(self) -> None:
        if not self.has_ended:
            self.end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the worker to stop, and return its exit code."""
        return self.end(signal.SIGTERM)

    def end(self, how: signal.Signals) -> int:
        """End the worker with a signal, and return its exit code."""
        self._running.send_signal(how)
        return self._running.wait(_PATIENCE_S)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._running.poll() is not None

    @property
    def log(self) -> str:
        """The text on stderr so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def words(self) -> list[str]:
        """The logged words so far; a line that is not a log line fails."""
        return [json.loads(line)["word"] for line in self.log.splitlines()]

    @property
    def spooled(self) -> SpoolContent:
        """The rows in the spool now."""
        return read_spool(self.spool_dir)

    @property
    def resident_mb(self) -> float:
        """The resident memory now."""
        match = _RESIDENT.search(Path(f"/proc/{self.pid}/status").read_text())
        assert match is not None
        return int(match[1]) / 1_024

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self._config

    def written(self) -> bytes:
        """Return all bytes the worker wrote: spool, keys, salts and log."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(path.read_bytes() for path in files if path != self._config)

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def _answers(self) -> bool:
        assert not self.has_ended, self.log
        try:
            return ask(self.port, get("/healthz")).status == 200
        except (OSError, AssertionError):
            return False


def _section(named: tuple[str, Values]) -> str:
    # Strings, numbers, lists and booleans have the same syntax in JSON and TOML.
    name, values = named
    return "\n".join([name, *(f"{key} = {json.dumps(values[key])}" for key in values)])
