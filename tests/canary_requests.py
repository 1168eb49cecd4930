"""Raw requests with canaries in every field, for every input of the proxy."""

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from tests.canaries import CANARIES
from tests.processes import ANSWER_S, Installation

_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0 "
    + CANARIES["User-Agent"]
)
_EMAIL, _TOKEN = CANARIES["e-mail"], CANARIES["token"]
_CARD, _TELEPHONE = CANARIES["card number"], CANARIES["telephone"]
_QUERY, _FRAGMENT = CANARIES["query value"], CANARIES["fragment"]
_REFERRER_PATH = CANARIES["referrer's path"]
_HEADERS: Mapping[str, str] = {
    "Host": "shop.example",
    "Connection": "close",
    "X-Forwarded-For": f"{CANARIES['address']}, 127.0.0.1",
    "User-Agent": _AGENT,
    "Cookie": f"session={CANARIES['cookie']}; email={_EMAIL}",
    "Referer": f"https://shop.example/?q={_QUERY}",
    "X-Request-Id": _TOKEN,
}
_NO_UTF8 = _TOKEN.encode() + b"\xff"
_UTM = {
    "utm_source": _EMAIL,
    "utm_medium": _TELEPHONE,
    "utm_campaign": _TOKEN,
    "utm_term": _CARD,
    "utm_content": CANARIES["address"],
    "gclid": _QUERY,
    "q": _QUERY,
    "password": CANARIES["password"],
}


def page(path: str = "/") -> str:
    """Return a page URL that contains everything the proxy must cut."""
    query = "&".join(f"{name}={quote(value)}" for name, value in _UTM.items())
    return f"https://shop.example{path}?{query}#{_FRAGMENT}"


PATHS = (
    "/",
    f"/reset/{_TOKEN}",
    f"/t/{_TOKEN}",
    f"/people/{_EMAIL}/edit",
    f"/people/{quote(_EMAIL, safe='')}",
    f"/orders/{CANARIES['order id']}/thanks",
    f"/pay/{_CARD}",
    f"/call/{_TELEPHONE}",
    f"/from/{CANARIES['address']}",
    f"/from/{CANARIES['address, version 6']}",
    f"/near/{CANARIES['place']}",
)


def hit(**changes: Any) -> dict[str, Any]:
    """Return a native event with a personal value in every field."""
    return {
        "site": "shop",
        "id": CANARIES["message id"],
        "url": page(),
        "referrer": f"https://elsewhere.example/{_REFERRER_PATH}?q={_QUERY}",
        "lang": "de-DE",
        "screen": [1920, 1080],
        # The site allows only "plan".
        "props": {"plan": _EMAIL, "name": CANARIES["name"], "email": _EMAIL},
        "actor": CANARIES["customer id"],
        "unknown": CANARIES["password"],
    } | changes


ORDER = {
    "id": CANARIES["order id"],
    "cart": CANARIES["cart id"],
    "currency": "EUR",
    "value": "59.90",
    "coupon": _EMAIL,
    "items": [
        {
            "product": _EMAIL,
            "variant": CANARIES["address"],
            "quantity": 1,
            "price": "1.00",
        }
    ],
}


def request(method: str, target: str, body: bytes | str = b"", **headers: str) -> bytes:
    """Return a request with canaries in every header that a client controls."""
    content = body.encode() if isinstance(body, str) else body
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = {**_HEADERS, **extra, "Content-Length": str(len(content))}
    head = [f"{method} {target} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in lines.items()]
    return "\r\n".join([*head, "", ""]).encode() + content


def events(body: object, **headers: str) -> bytes:
    """Return a request that posts *body* as JSON."""
    return request("POST", "/v1/events", json.dumps(body), **headers)


def _pixel(fields: Mapping[str, str]) -> bytes:
    query = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in fields.items()
    )
    return request("GET", f"/p.gif?{query}")


KEPT = {
    **{
        f"page {number}": events(hit(id=path, url=page(path)))
        for number, path in enumerate(PATHS)
    },
    "array": events([hit(id=f"array {number}") for number in range(3)]),
    "text/plain": request(
        "POST", "/v1/events", json.dumps(hit(id=None)), Content_Type="text/plain"
    ),
    "order": events(hit(id="order", name="order_placed", order=ORDER)),
    "page's origin": events(hit(id="origin"), Origin="https://shop.example"),
    "version 6": events(hit(id="v6"), X_Forwarded_For=CANARIES["address, version 6"]),
    "stripped": events(hit(id="stripped"), Sec_GPC="1"),
    "pixel": _pixel({"site": "shop", "url": page(), "referrer": page(), "id": "pixel"}),
    "pixel without a page": _pixel({"site": "shop", "lang": _EMAIL}),
}
REFUSED = {
    "cut off": request("POST", "/v1/events", json.dumps(hit())[:-20]),
    "no JSON": request("POST", "/v1/events", _EMAIL),
    "no UTF-8": request("POST", "/v1/events", b'{"site": "' + _NO_UTF8),
    "wrong types": events(hit(screen=_TOKEN)),
    "wrong type of site": events(hit(site={_EMAIL: _TOKEN})),
    "wrong amount": events(hit(order=ORDER | {"value": _CARD + "e9999"})),
    "amount of text": events(hit(order=ORDER | {"value": _EMAIL})),
    "array with bad ones": events([hit(name=_EMAIL), hit(engaged_ms=_TOKEN), _EMAIL]),
    "bad name": events(hit(name=_EMAIL)),
    "bad page": events(hit(url=_EMAIL)),
    "foreign page": events(hit(url=f"https://{CANARIES['foreign host']}/{_TOKEN}")),
    "foreign origin": events(hit(), Origin=f"https://{CANARIES['foreign host']}"),
    "foreign host": request(
        "POST", "/v1/events", json.dumps(hit(site=None)), Host=CANARIES["foreign host"]
    ),
    "unknown site": events(hit(site=_EMAIL)),
    "unknown key": events(hit(site=None, key=_TOKEN)),
    "wrong secret": events(hit(id="secret"), Authorization=f"Bearer {_TOKEN}"),
    "opt-out": events(hit(), Cookie=f"noanalytics=1; s={CANARIES['cookie']}"),
    "bot": events(hit(), User_Agent=f"Googlebot/2.1 {CANARIES['User-Agent']}"),
    "compressed": events(hit(), Content_Encoding=_EMAIL),
    "too large": request("POST", "/v1/events", _EMAIL * 20_000),
    "deep": request("POST", "/v1/events", f'{{"props": {"[" * 50_000}"{_EMAIL}'),
    "pixel of another site": _pixel({"site": _EMAIL, "url": page()}),
    "unknown path": request("GET", f"/{_TOKEN}/{_EMAIL}?q={_QUERY}"),
    "unknown method": request("CANARY", f"/v1/events?q={_QUERY}"),
    "preflight": request(
        "OPTIONS", "/v1/events", Origin=f"https://{CANARIES['foreign host']}"
    ),
    "tag": request("GET", f"/m.js?q={_QUERY}"),
    "health": request("GET", f"/healthz?q={_QUERY}"),
    "readiness": request("GET", f"/readyz?q={_QUERY}"),
    "no HTTP": f"{_EMAIL} {_TOKEN}\r\n\r\n".encode(),
    "bad request line": f"GET /{_EMAIL} {_TOKEN} HTTP/1.1\r\n\r\n".encode(),
    "bad header": request("GET", "/healthz", X_Bad=f"a\x00{_EMAIL}"),
    "huge header": request("GET", "/healthz", X_Huge=_EMAIL * 2_000),
    "other version": f"GET /{_TOKEN} HTTP/3.7\r\nHost: {_EMAIL}\r\n\r\n".encode(),
    "bad length": request("POST", "/v1/events", _EMAIL, Transfer_Encoding=_TOKEN),
}  # fmt: skip


def access_log(day: str) -> str:
    """Return the lines of a combined access log of *day*, such as 21/Nov/2026."""
    lines = [
        f'{address} - {_EMAIL} [{day}:1{number % 10}:00:00 +0000] "GET'
        f" {page(path).removeprefix('https://shop.example').partition('#')[0]}"
        f' HTTP/1.1" 200 99 "https://elsewhere.example/{_REFERRER_PATH}"'
        f' "{_AGENT}"'
        for number, path in enumerate(PATHS)
        for address in (CANARIES["address"], CANARIES["address, version 6"])
    ]
    broken = f'{CANARIES["address"]} - - [{_EMAIL}] "{_TOKEN}" broken'
    return "\n".join([*lines, broken, ""])


def open_connection(installation: Installation) -> socket.socket:
    """Open a connection to the proxy."""
    proxy = installation.settings.proxy
    return socket.create_connection((proxy.host, proxy.port), ANSWER_S)


def send(installation: Installation, raw: bytes) -> bytes:
    """Send *raw* on a new connection; return the whole response."""
    response = b""
    # The proxy may refuse a request before it has read all of it, and reset.
    with open_connection(installation) as connection, suppress(ConnectionError):
        connection.sendall(raw)
        while chunk := connection.recv(65_536):
            response += chunk
    return response
