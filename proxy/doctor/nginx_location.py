"""Finds the location in which nginx answers a path, as nginx itself does."""

import re
from collections.abc import Sequence

from proxy.doctor.nginx_file import Block


class Locations:
    """The locations of one server."""

    def __init__(self, blocks: Sequence[Block], server: int | None) -> None:
        inside = [block for block in blocks if block.server == server]
        # A file with locations only is examined as the inside of a server.
        servers = (block for block in inside if block.kind == "server")
        self.server = next(servers, inside[0])
        self._locations = [block for block in inside if block.kind == "location"]

    def find(self, path: str) -> Block:
        """Return the block that answers *path*: a location, or the server."""
        found, _ = self._find(self.server, path, with_patterns=True)
        return found

    def find_prefix(self, path: str) -> Block:
        """Return the block that would answer *path* without regular expressions."""
        found, _ = self._find(self.server, path, with_patterns=False)
        return found

    def named(self, name: str) -> Block | None:
        """Return the location of this *name*, such as ``@fallback``."""
        return next((b for b in self._locations if b.locations[-1] == ("", name)), None)

    def _find(
        self, outer: Block, path: str, *, with_patterns: bool
    ) -> tuple[Block, bool]:
        """Return the block inside *outer*, and whether the search ends with it."""
        inner = [
            block
            for block in self._locations
            if block.locations[:-1] == outer.locations
        ]
        for block in inner:
            if block.locations[-1] == ("=", path):
                return block, True
        prefixes = [
            block
            for block in inner
            if block.locations[-1][0] in ("", "^~")
            and path.startswith(block.locations[-1][1])
        ]
        found, is_final = outer, False
        if prefixes:
            longest = max(prefixes, key=lambda block: len(block.locations[-1][1]))
            found, is_final = self._find(longest, path, with_patterns=with_patterns)
            is_final = is_final or longest.locations[-1][0] == "^~"
        if with_patterns and not is_final:
            for block in inner:
                if _has_match(*block.locations[-1], path):
                    return self._find(block, path, with_patterns=True)[0], True
        return found, is_final


def _has_match(modifier: str, pattern: str, path: str) -> bool:
    if modifier not in ("~", "~*"):
        return False
    flags = re.IGNORECASE if modifier == "~*" else 0
    try:
        return re.search(pattern, path, flags) is not None
    except re.error:
        # nginx's patterns may have a syntax that Python does not know.
        return False
