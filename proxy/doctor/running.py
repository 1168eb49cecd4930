"""Whether a proxy answers where the configuration says, and is well."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from config.settings import ProxySettings
from proxy.doctor.finding import Finding, finding, fine, look

_ABOUT = "running proxy"
_PATIENCE_S = 5
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound


def running(proxy: ProxySettings) -> Iterator[Finding]:
    """Yield what ``/readyz`` of the proxy says."""
    where = f"{proxy.host}:{proxy.port}"
    try:
        status, said = _ask(proxy)
    except OSError:
        yield look(_ABOUT, f"nothing answers at {where}", "start it: millpond up")
        return
    except (HTTPException, ValueError):
        yield finding(
            _ABOUT,
            f"what answers at {where} is not Millpond",
            "see what else uses proxy.port",
        )
        return
    problems = [f"{name}: {text}" for name, text in said["problems"].items()]
    is_ready = status == HTTPStatus.OK
    if problems or not is_ready:
        state = "takes events, but" if is_ready else "refuses events:"
        yield finding(
            _ABOUT,
            f"{where} {state} {', '.join(problems) or 'it is not ready'}",
            'see docs/operations.md, "Health checks"',
        )
    else:
        yield fine(_ABOUT, f"{where} takes events")


def _ask(proxy: ProxySettings) -> tuple[int, dict[str, dict[str, str]]]:
    host = _EVERYWHERE.get(proxy.host, proxy.host)
    connection = HTTPConnection(host, proxy.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"{proxy.path_prefix}/readyz")
        answer = connection.getresponse()
        said = json.loads(answer.read(65_536))
    finally:
        connection.close()
    if not isinstance(said, dict) or not isinstance(said.get("problems"), dict):
        raise HTTPException
    return answer.status, said
