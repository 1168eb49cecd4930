"""Builds Mixpanel requests, and checks the kind of their results."""

import base64
import json
from urllib.parse import quote

from multidict import CIMultiDict

from proxy.pipeline.drops import Dropped
from proxy.protocols.protocol import DecodedRequest, Reply, VendorRequest


def request(
    body: bytes = b"", query: str = "", *, method: str = "POST", **headers: str
) -> VendorRequest:
    """Return a request as the vendor routes pass it on."""
    return VendorRequest(method, "/track", query, CIMultiDict(headers), body)


def packed(value: object) -> str:
    """Return *value* as JSON in base64, escaped as in a form."""
    return quote(base64.b64encode(json.dumps(value).encode()).decode(), safe="")


def form(value: object, *more: str) -> bytes:
    """Return a form with *value* in ``data``, like the default of the clients."""
    return "&".join([f"data={packed(value)}", *more]).encode()


def basic(name: str) -> str:
    """Return the value of a Basic authorization header."""
    return f"Basic {base64.b64encode(f'{name}:'.encode()).decode()}"


def decoded(result: DecodedRequest | Reply) -> DecodedRequest:
    """Return *result*, which must be a decoded request."""
    assert isinstance(result, DecodedRequest), result
    return result


def names(result: DecodedRequest | Reply) -> list[str]:
    """Return the names of the hits in *result*, or the reasons to drop them."""
    return [
        hit.reason if isinstance(hit, Dropped) else hit.refused or hit.name
        for hit in decoded(result).hits
    ]


def refusal(result: DecodedRequest | Reply) -> Reply:
    """Return *result*, which must be a reply without hits."""
    assert isinstance(result, Reply), result
    return result
