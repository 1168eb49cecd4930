"""One changed bit in any file is detected and named, or changes nothing."""

import os
import random
from collections import Counter
from pathlib import Path
from shutil import copytree

import pytest

from tests.bit_damage import (
    Effect,
    chosen_bits,
    data_files,
    describe_result,
    effect,
    run_commands,
)
from tests.sample_installation import CONFIG, make_installation

FEW, MANY = 2, 40


@pytest.fixture
def chance() -> random.Random:
    """Return the random source for the bits; pytest shows the seed on a failure."""
    chosen = os.environ.get("MILLPOND_DAMAGE_SEED")
    seed = int(chosen or random.SystemRandom().getrandbits(32))
    print(f"repeat with MILLPOND_DAMAGE_SEED={seed}")  # noqa: T201 - to repeat the run
    return random.Random(seed)  # noqa: S311 - which bits change is no secret


def count_effects(tmp_path: Path, chance: random.Random, per_kind: int) -> Counter[str]:
    """Change bits in files of every kind; return how often each effect occurred."""
    root = tmp_path / "sound"
    make_installation(root)
    sound_copy = root.with_name("sound-copy")
    copytree(root, sound_copy)
    (sound_copy / "millpond.toml").write_text(CONFIG.format(root=sound_copy))
    sound = run_commands(sound_copy)
    assert set(sound.codes) == {0}, describe_result(sound)
    counts: Counter[str] = Counter()
    for name, bit in chosen_bits(root, chance, per_kind):
        change_effect, result = effect(root, sound, name, bit)
        assert change_effect in (Effect.NAMED, Effect.HARMLESS), (
            f"{change_effect.value}: bit {bit} of {name}\n{describe_result(result)}"
        )
        counts[change_effect.value] += 1
    print(counts, sorted(data_files(root)))  # noqa: T201 - the figures of a long run
    return counts


def test_a_changed_bit_is_named_or_harmless(
    tmp_path: Path, chance: random.Random
) -> None:
    counts = count_effects(tmp_path, chance, FEW)

    assert counts[Effect.NAMED.value] > 0


@pytest.mark.slow
def test_a_thousand_changed_bits_are_named_or_harmless(
    tmp_path: Path, chance: random.Random
) -> None:
    counts = count_effects(tmp_path, chance, MANY)

    assert counts.total() >= 1_000
