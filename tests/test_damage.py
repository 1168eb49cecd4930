"""One changed bit anywhere is detected and named, or changes nothing."""

import os
import random
from collections import Counter
from pathlib import Path
from shutil import copytree

import pytest

from tests.damaged import (
    CONFIG,
    Effect,
    ask,
    data_files,
    describe,
    effect,
    flips,
    make_installation,
)

FEW, MANY = 2, 40


@pytest.fixture
def chance() -> random.Random:
    """Return what chooses the bits; pytest shows the seed when a test fails."""
    chosen = os.environ.get("MILLPOND_DAMAGE_SEED")
    seed = int(chosen or random.SystemRandom().getrandbits(32))
    print(f"repeat with MILLPOND_DAMAGE_SEED={seed}")  # noqa: T201 - to be read
    return random.Random(seed)  # noqa: S311 - which bits change is no secret


def check(tmp_path: Path, chance: random.Random, per_kind: int) -> Counter[str]:
    """Change bits of every kind of file; return how many had which effect."""
    root = tmp_path / "sound"
    make_installation(root)
    asked = root.with_name("asked")
    copytree(root, asked)
    (asked / "millpond.toml").write_text(CONFIG.format(root=asked))
    sound = ask(asked)
    assert set(sound.codes) == {0}, describe(sound)
    counts: Counter[str] = Counter()
    for name, bit in flips(root, chance, per_kind):
        found, said = effect(root, sound, name, bit)
        assert found in (Effect.NAMED, Effect.HARMLESS), (
            f"{found.value}: bit {bit} of {name}\n{describe(said)}"
        )
        counts[found.value] += 1
    print(counts, sorted(data_files(root)))  # noqa: T201 - the figures of a long run
    return counts


def test_a_changed_bit_is_named_or_harmless(
    tmp_path: Path, chance: random.Random
) -> None:
    counts = check(tmp_path, chance, FEW)

    assert counts[Effect.NAMED.value] > 0


@pytest.mark.slow
def test_a_thousand_changed_bits_are_named_or_harmless(
    tmp_path: Path, chance: random.Random
) -> None:
    counts = check(tmp_path, chance, MANY)

    assert counts.total() >= 1_000
