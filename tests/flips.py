"""Damage of the smallest kind: one bit, anywhere."""

from collections.abc import Iterator


def flips(content: bytes) -> Iterator[bytes]:
    """Yield *content* with each of its bits flipped."""
    for at in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        yield bytes(flipped)
