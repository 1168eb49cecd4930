"""A real nginx in front of a server that returns the client address it found.

Only the test process sees that address: this server is not part of Millpond.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from tests.proxy.shipped_nginx import nginx_config, running_nginx
from tests.waiting import wait_until

# All of 127.0.0.0/8 is this machine, so every hop can have its own address.
VISITOR = "127.0.0.2"
NEAR = "127.0.0.3"
EDGE = "127.0.0.4"
PROXIES = (f"{NEAR}/32", f"{EDGE}/32")

SERVERS = """
    server {{
        listen {near};
        location / {{
            proxy_bind {NEAR};
            proxy_pass http://127.0.0.1:{application};
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header Forwarded "$http_forwarded, for=$remote_addr";
        }}
    }}
    server {{
        listen {edge};
        location / {{
            proxy_bind {EDGE};
            proxy_pass http://{near};
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Forwarded "$http_forwarded, for=$remote_addr";
        }}
    }}
"""


class Route(NamedTuple):
    """A route to the application through some proxies: its name and first address."""

    name: str
    host: str
    port: int


class Application(ThreadingHTTPServer):
    """Answers every GET with the client address from *source*."""

    daemon_threads = True
    source: ClientSource


class _Answer(BaseHTTPRequestHandler):
    server: Application
    protocol_version = "HTTP/1.1"
    # One write per answer: Nagle's algorithm would delay a second one.
    wbufsize = 8_192

    def do_GET(self) -> None:
        headers = CIMultiDictProxy(CIMultiDict(self.headers.items()))
        address = self.server.source.address(self.client_address[0], headers)
        body = str(address).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class NginxChain(NamedTuple):
    """The application, and three routes to it."""

    application: Application
    routes: dict[str, Route]

    def ask(
        self, route: str, client_ip: str, requests: Sequence[Sequence[tuple[str, str]]]
    ) -> list[str]:
        """Send *requests* on one connection; return the address found for each."""
        self.application.source = ClientSource(
            ProxySettings(
                client_ip=client_ip, trusted_proxies=PROXIES, private_clients=True
            )
        )
        way = self.routes[route]
        connection = HTTPConnection(way.host, way.port, source_address=(VISITOR, 0))
        try:
            return [_ask(connection, lines) for lines in requests]
        finally:
            connection.close()


def _ask(connection: HTTPConnection, lines: Sequence[tuple[str, str]]) -> str:
    connection.putrequest("GET", "/")
    for name, value in lines:
        connection.putheader(name, value.encode())
    connection.endheaders()
    return connection.getresponse().read().decode()


@contextmanager
def running_nginx_chain(directory: Path) -> Iterator[NginxChain]:
    """Run the application and nginx until the block ends."""
    with ExitStack() as stack:
        application = stack.enter_context(Application(("127.0.0.1", 0), _Answer))
        threading.Thread(target=application.serve_forever, daemon=True).start()
        stack.callback(application.shutdown)
        port = application.server_address[1]
        near, edge = f"{NEAR}:{port}", f"{EDGE}:{port}"
        servers = SERVERS.format(
            application=port, near=near, edge=edge, NEAR=NEAR, EDGE=EDGE
        )
        config = nginx_config(servers, access_log="off", error_log="stderr crit")
        stack.enter_context(running_nginx(directory / "nginx", config))
        routes = (
            Route("direct", "127.0.0.1", port),
            Route("one proxy", NEAR, port),
            Route("two proxies", EDGE, port),
        )
        nginx_chain = NginxChain(application, {route.name: route for route in routes})
        wait_until(lambda: _answers(nginx_chain), "nginx to answer")
        yield nginx_chain


def _answers(nginx_chain: NginxChain) -> bool:
    with suppress(OSError):
        return nginx_chain.ask("two proxies", "peer", [[]]) == [NEAR]
    return False
