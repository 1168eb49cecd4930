"""The shop site: its pages load a client, and the site passes its requests on.

The site passes on requests below the prefix to the collector. They have the same
origin, so the browser adds the cookies of the site.
"""

import http.client
import json
from pathlib import Path
from typing import Any

from tests.vendors.background_server import BackgroundServer, Handler
from tests.vendors.clients import FOLDER, MODULES

CLIENTS_PATH = "/_clients/"
DRIVERS_PATH = "/_drivers/"
_PATIENCE_S = 60
# Headers of one connection, and headers that are set again.
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "keep-alive"}
_PAGE = """<!doctype html>
<html lang="de"><head><title>Blue Mug</title><link rel="icon" href="data:,">
<script>window.visit = {visit}; window.sent = {{}};
window.recordSent = (name) => {{ sent[name] = (sent[name] ?? 0) + 1; return name; }};
</script>
{script}
<script type="module">
import * as steps from "{driver}";
window.steps = steps;
await steps.start(visit, recordSent);
window.ready = true;
</script>
</head><body><p>Blue Mug</p></body></html>"""


class Site(BackgroundServer):
    """Serves on a free port; every host name leads here, so a test may use any.

    Requests below *prefix* go on to the collector on *port*; the other pages contain
    ``page_data``.
    """

    def __init__(self, port: int, prefix: str = "/collect") -> None:
        self.prefix = prefix
        self.collector_port = port
        self.page_data: dict[str, Any] = {}
        super().__init__(type("_Bound", (_Handler,), {"site": self}))

    def url(self, path: str = "", host: str = "shop.example") -> str:
        """Return the address of *path* on *host*."""
        return f"http://{host}:{self.port}{path}"

    def page(self) -> bytes:
        """Return the page for every path."""
        script = self.page_data.get("script", "")
        return _PAGE.format(
            visit=json.dumps(self.page_data["visit"]),
            driver=f"{DRIVERS_PATH}{self.page_data['driver']}",
            script=script,
        ).encode()


class _Handler(Handler):
    site: Site

    def receive(self) -> None:
        """Pass on requests for the collector, or answer with a page or script."""
        path = self.path.partition("?")[0]
        if self.command != "GET" or path.startswith(f"{self.site.prefix}/"):
            self._pass_on()
        elif path.startswith(CLIENTS_PATH):
            self._file(MODULES, path.removeprefix(CLIENTS_PATH))
        elif path.startswith(DRIVERS_PATH):
            self._file(FOLDER / "browser", path.removeprefix(DRIVERS_PATH))
        else:
            self.answer(200, {"Content-Type": "text/html"}, self.site.page())

    def _file(self, folder: Path, name: str) -> None:
        path = folder / name
        # One client was written for bundlers and imports files without an ending.
        if not path.suffix:
            path = path.with_suffix(".js")
        if not path.is_file():
            self.answer(404, {}, b"")
            return
        headers = {"Content-Type": "text/javascript; charset=utf-8"}
        self.answer(200, headers, path.read_bytes())

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {**self.headers, "X-Forwarded-For": self.client_address[0]}
        port = self.site.collector_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        answer_headers = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in _NOT_PASSED_ON
        }
        self.answer(answer.status, answer_headers, answer.read())
        connection.close()
