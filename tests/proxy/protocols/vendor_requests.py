"""Builds requests in the form that protocols receive."""

import json
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from proxy.protocols.protocol import VendorRequest


def vendor_request(
    value: Any = None,
    *,
    body: bytes | None = None,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    path_parameters: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> VendorRequest:
    """Return a request with *value* as JSON, or with *body*."""
    if body is None:
        body = json.dumps(value).encode()
    return VendorRequest(
        method, path, query, CIMultiDict(headers or {}), body, path_parameters
    )
