"""The smallest possible damage: one changed bit."""

from collections.abc import Iterator


def flips(content: bytes) -> Iterator[bytes]:
    """Yield copies of *content*, each with one other bit flipped."""
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)
