"""The shop's own web site: its pages load a client, and what that sends is passed on.

Below the prefix the site is the collector's front door, as DESIGN means it: the same
origin, so the browser adds the site's cookies.
"""

import http.client
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.vendors.clients import FOLDER, MODULES

CLIENTS_PATH = "/_clients/"
DRIVERS_PATH = "/_drivers/"
_PATIENCE_S = 60
# Belong to one connection, or are written anew.
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "keep-alive"}
_PAGE = """<!doctype html>
<html lang="de"><head><title>Blue Mug</title><link rel="icon" href="data:,">
<script>window.visit = {visit}; window.handed = {{}};
window.hand = (name) => {{ handed[name] = (handed[name] ?? 0) + 1; return name; }};
</script>
{script}
<script type="module">
import * as steps from "{driver}";
window.steps = steps;
await steps.start(visit, hand);
window.ready = true;
</script>
</head><body><p>Blue Mug</p></body></html>"""


class Site:
    """Serves on a free port; every host name leads here, so a test may use any.

    Requests below *prefix* go on to the collector on *port*; the other pages say what
    ``told`` says.
    """

    def __init__(self, port: int, prefix: str = "/collect") -> None:
        self.prefix = prefix
        self.collector_port = port
        self.told: dict[str, Any] = {}
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "", host: str = "shop.example") -> str:
        """Return the address of *path* on *host*."""
        return f"http://{host}:{self._server.server_address[1]}{path}"

    def page(self) -> bytes:
        """Return the page that every path has."""
        script = self.told.get("script", "")
        return _PAGE.format(
            visit=json.dumps(self.told["visit"]),
            driver=f"{DRIVERS_PATH}{self.told['driver']}",
            script=script,
        ).encode()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, site: Site) -> None:
        self.site = site
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith(f"{self.server.site.prefix}/"):
            self._pass_on()
        elif path.startswith(CLIENTS_PATH):
            self._file(MODULES, path.removeprefix(CLIENTS_PATH))
        elif path.startswith(DRIVERS_PATH):
            self._file(FOLDER / "browser", path.removeprefix(DRIVERS_PATH))
        else:
            self._answer(200, {"Content-Type": "text/html"}, self.server.site.page())

    def do_POST(self) -> None:
        self._pass_on()

    def do_OPTIONS(self) -> None:
        self._pass_on()

    def _file(self, folder: Path, name: str) -> None:
        path = folder / name
        # One client was written for bundlers, which find the ending themselves.
        if not path.suffix:
            path = path.with_suffix(".js")
        if not path.is_file():
            self._answer(404, {}, b"")
            return
        headers = {"Content-Type": "text/javascript; charset=utf-8"}
        self._answer(200, headers, path.read_bytes())

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {**self.headers, "X-Forwarded-For": self.client_address[0]}
        port = self.server.site.collector_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        told = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in _NOT_PASSED_ON
        }
        self._answer(answer.status, told, answer.read())
        connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        # A tab that was closed takes no answer.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)
