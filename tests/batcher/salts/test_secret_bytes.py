"""Secrets are random, lie in one place, and can be wiped there."""

from collections import Counter

import pytest

from batcher.salts.secret_bytes import (
    RandomnessError,
    fill_random,
    move_to_bytearray,
    pin,
    wipe,
)
from tests.descriptors import no_descriptor_left


def drawn(size: int) -> bytearray:
    buffer = bytearray(size)
    fill_random(buffer)
    return buffer


def test_ten_thousand_draws_are_all_different() -> None:
    got = {bytes(drawn(32)) for _ in range(10_000)}

    assert len(got) == 10_000


def test_drawn_bytes_are_spread_evenly() -> None:
    counts = Counter(b for _ in range(2_000) for b in drawn(128))
    expected = 2_000 * 128 / 256
    chi_square = sum((counts[b] - expected) ** 2 / expected for b in range(256))

    # 255 degrees of freedom: a fair source is outside once in ten million times.
    assert 145 < chi_square < 390


def test_wiping_zeroes_in_place() -> None:
    secret = drawn(32)
    same = memoryview(secret)

    wipe(secret)

    assert same.tobytes() == bytes(32)


def test_taking_leaves_zeros_behind() -> None:
    # Not a literal: those are shared by whoever spells them alike.
    source = b"".join([b"taken ", b"away"])

    got = move_to_bytearray(source)

    assert got == bytearray(b"taken away")
    assert source == bytes(10)


def test_pinning_changes_nothing() -> None:
    secret = drawn(32)
    before = bytes(secret)

    pin(secret)
    wipe(secret)

    assert before != bytes(secret)


def test_without_a_descriptor_no_secret_is_made() -> None:
    with no_descriptor_left(), pytest.raises(RandomnessError, match="Too many open"):
        drawn(32)
