"""A real Redis server on its own loopback port."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from tests.processes import free_ports
from tests.programs import need
from tests.waiting import wait_until


@contextmanager
def running_redis(directory: Path, *options: str) -> Iterator[str]:
    """Run a server that stores nothing on disk, and yield its URL."""
    (port,) = free_ports(1)
    with subprocess.Popen(
        [
            *(need("redis-server"), "--bind", "127.0.0.1", "--port", str(port)),
            *("--dir", directory, "--save", "", "--appendonly", "no"),
            *options,
        ],
        stdout=subprocess.DEVNULL,
    ) as server:
        try:
            url = f"redis://127.0.0.1:{port}/0"
            wait_until(lambda: _responds(url), "redis-server to answer")
            yield url
        finally:
            server.terminate()


def _responds(url: str) -> bool:
    with suppress(redis.ConnectionError), redis.Redis.from_url(url) as client:
        client.ping()
        return True
    return False
