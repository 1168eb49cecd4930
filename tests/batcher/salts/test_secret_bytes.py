"""Secrets are random, are in memory once, and can be wiped in place."""

from collections import Counter

import pytest

from batcher.salts.secret_bytes import (
    RandomnessError,
    fill_random,
    move_to_bytearray,
    pin,
    wipe,
)
from tests.descriptor_limit import no_descriptor_left


def draw(size: int) -> bytearray:
    buffer = bytearray(size)
    fill_random(buffer)
    return buffer


def test_ten_thousand_draws_are_all_different() -> None:
    got = {bytes(draw(32)) for _ in range(10_000)}

    assert len(got) == 10_000


def test_drawn_bytes_are_evenly_distributed() -> None:
    counts = Counter(b for _ in range(2_000) for b in draw(128))
    expected = 2_000 * 128 / 256
    chi_square = sum((counts[b] - expected) ** 2 / expected for b in range(256))

    # 255 degrees of freedom: a fair source is outside in one of ten million runs.
    assert 145 < chi_square < 390


def test_wiping_zeroes_in_place() -> None:
    secret = draw(32)
    view = memoryview(secret)

    wipe(secret)

    assert view.tobytes() == bytes(32)


def test_take_leaves_zeros_in_the_source() -> None:
    # Not a literal, because Python shares equal literals.
    source = b"".join([b"taken ", b"away"])

    got = move_to_bytearray(source)

    assert got == bytearray(b"taken away")
    assert source == bytes(10)


def test_pinning_does_not_change_a_secret() -> None:
    secret = draw(32)
    before = bytes(secret)

    pin(secret)
    wipe(secret)

    assert before != bytes(secret)


def test_without_a_file_descriptor_no_secret_is_created() -> None:
    with no_descriptor_left(), pytest.raises(RandomnessError, match="Too many open"):
        draw(32)
