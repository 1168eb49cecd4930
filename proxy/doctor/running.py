"""Checks that a proxy answers at the configured address and is healthy."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from config.settings import ProxySettings
from proxy.doctor.finding import Finding, finding, fine, look

_ABOUT = "running proxy"
_TIMEOUT_S = 5
# A client connects to loopback where the proxy listens on all addresses.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound here


def running(proxy: ProxySettings) -> Iterator[Finding]:
    """Yield the problems that the proxy's ``/readyz`` reports."""
    address = f"{proxy.host}:{proxy.port}"
    try:
        status, report = _get_readiness(proxy)
    except OSError:
        yield look(_ABOUT, f"nothing answers at {address}", "start it: millpond up")
        return
    except (HTTPException, ValueError):
        yield finding(
            _ABOUT,
            f"the server at {address} is not Millpond",
            "find the other program that uses proxy.port",
        )
        return
    problems = [f"{name}: {text}" for name, text in report["problems"].items()]
    is_ready = status == HTTPStatus.OK
    if problems or not is_ready:
        state = "accepts events, but" if is_ready else "refuses events:"
        yield finding(
            _ABOUT,
            f"{address} {state} {', '.join(problems) or 'it is not ready'}",
            'see docs/operations.md, "Health checks"',
        )
    else:
        yield fine(_ABOUT, f"{address} accepts events")


def _get_readiness(proxy: ProxySettings) -> tuple[int, dict[str, dict[str, str]]]:
    host = _LOOPBACK.get(proxy.host, proxy.host)
    connection = HTTPConnection(host, proxy.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", f"{proxy.path_prefix}/readyz")
        response = connection.getresponse()
        report = json.loads(response.read(65_536))
    finally:
        connection.close()
    if not isinstance(report, dict) or not isinstance(report.get("problems"), dict):
        raise HTTPException
    return response.status, report
