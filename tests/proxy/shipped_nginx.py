"""A real nginx, and the shipped configuration of nginx in front of a worker."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.programs import need
from tests.waiting import wait_until

# The settings of a worker behind the shipped configuration.
WORKER: Final[dict[str, Any]] = {
    "path_prefix": "/stats",
    "client_ip": "xff",
    "trusted_proxies": ["127.0.0.1"],
    "private_clients": True,
}
# Everything nginx writes without a log is in its own directory.
START: Final = """
daemon off;
pid nginx.pid;
error_log {error_log};
events {{ worker_connections 64; }}
http {{
    access_log {access_log};
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""
_SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx.conf"
_PORT = "127.0.0.1:8080"


def shipped_location(port: int, change: tuple[str, str] = ("", "")) -> str:
    """Return the shipped configuration for a worker on *port*, with one *change*."""
    text = _SHIPPED.read_text(encoding="utf-8").replace(*change)
    assert _PORT in text
    return text.replace(_PORT, f"127.0.0.1:{port}")


def nginx_config(
    rest: str, *, access_log: str = "access.log", error_log: str = "error.log"
) -> str:
    """Return a configuration with *rest* in its ``http`` block."""
    return f"{START.format(access_log=access_log, error_log=error_log)}{rest}}}\n"


@contextmanager
def running_nginx(directory: Path, config: str) -> Iterator[None]:
    """Run nginx with *config* in the new *directory* until the block ends."""
    program = need("nginx")
    directory.mkdir()
    (directory / "nginx.conf").write_text(config, encoding="utf-8")
    options = ("-p", str(directory), "-e", "stderr", "-c", "nginx.conf")
    with subprocess.Popen([str(program), *options]) as server:
        try:
            wait_until((directory / "nginx.pid").exists, "nginx to start")
            yield
        finally:
            server.terminate()
