"""A sender shows nothing of itself, and nothing of it is looked at before its time."""

import copy
import pickle
from collections.abc import Callable

import pytest

from proxy.client.client import Sender
from tests.proxy.pipeline.chain import ADDRESS, Untouchable, sender


@pytest.mark.parametrize("shown", [repr, str, lambda each: f"{[each]}"])
def test_a_sender_shows_nothing(shown: Callable[[Sender], str]) -> None:
    got = shown(sender(User_Agent="canary", Cookie="canary"))

    assert "canary" not in got
    assert ADDRESS not in got


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_sender_cannot_be_copied_out(copied: Callable[[Sender], object]) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        copied(sender())


def test_making_a_sender_looks_at_nothing() -> None:
    untouched = Untouchable()

    assert Sender(untouched, ADDRESS, "native").client is None  # type: ignore[arg-type]
