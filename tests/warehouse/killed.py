"""A process that dies at one call: the call raises what no handler catches."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class KilledError(BaseException):
    """Stands for the end of the process."""


@contextmanager
def killed_at(where: object, name: str, nth: int = 1) -> Iterator[None]:
    """End the block at the *nth* call of *where*.*name*; fail if it is not reached."""
    calls = 0
    original = getattr(where, name)

    def die(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise KilledError
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, die)
        with pytest.raises(KilledError):
            yield
