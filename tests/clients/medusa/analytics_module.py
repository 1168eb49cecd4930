"""Runs Medusa's real Analytics Module with Millpond's provider in a Node process."""

import json
import queue
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from tests.clients.medusa.provider_package import built
from tests.programs import need

_DRIVER = Path(__file__).with_name("driver.cjs")
_PATIENCE_S = 120

Values = Mapping[str, Any]


class RefusedError(Exception):
    """Medusa or the provider refused a call."""


class Analytics:
    """The running module; it can be started again with other options."""

    def __init__(self) -> None:
        client = built()
        self._process = subprocess.Popen(
            [need("node"), _DRIVER, client],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.logged: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        """Start the process; it runs until the block ends."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """End the process if it still runs."""
        self._stdin.close()
        try:
            self._process.wait(_PATIENCE_S)
        finally:
            self._process.kill()
        self._reader.join()
        self._stdout.close()

    def start(self, host: str, key: str, **options: Any) -> None:
        """Load the module again with these provider options."""
        self.logged.clear()
        base = {"host": host, "site": "shop", "secretKey": key, "flushIntervalMs": 20}
        self._call("start", {**base, **options})

    def start_with(self, options: Values) -> None:
        """Load the module again with exactly these options."""
        self.logged.clear()
        self._call("start", options)

    def track(self, *events: Values) -> None:
        """Track events; this returns before they are sent."""
        self._call("track", events)

    def identify(self, data: Values) -> None:
        """Identify an actor or a group."""
        self._call("identify", data)

    def shutdown(self) -> None:
        """Run the shutdown of Medusa."""
        self._call("shutdown", {})

    @property
    def warnings(self) -> list[str]:
        """The warnings of the provider since the start."""
        return [text for level, text in self.logged if level == "warn"]

    def _call(self, name: str, argument: object) -> None:
        self._stdin.write(json.dumps({name: argument}) + "\n")
        while True:
            answer = json.loads(self._lines.get(timeout=_PATIENCE_S))
            if "log" in answer:
                level, text = answer["log"]
                self.logged.append((level, text))
            elif "error" in answer:
                raise RefusedError(answer["error"])
            else:
                return

    def _read(self) -> None:
        for line in self._stdout:
            self._lines.put(line)

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout


def big(value: str) -> Values:
    """Return the JSON form of Medusa's BigNumber on the way to the module."""
    return {"$big": value}
