"""One received request of a client."""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request with a path without prefix, and header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int = 0

    @property
    def unpacked(self) -> bytes:
        """The uncompressed body; clients mark gzip in three different ways."""
        if self.body.startswith(_GZIP):
            return gzip.decompress(self.body)
        if self.headers.get("content-encoding") == "deflate":
            return zlib.decompress(self.body)
        return self.body
