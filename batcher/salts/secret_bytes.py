"""Secrets in memory: made, pinned and wiped in place, never copied into ``bytes``.

CPython frees ``bytes`` without clearing them, so whatever is secret lives in a
``bytearray`` that is overwritten before it is dropped.
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from config.errors import MillpondError, Retryable

# Fills the whole buffer with bytes nobody can guess.
Randomness = Callable[[bytearray], None]

_URANDOM = Path("/dev/urandom")


class RandomnessError(Retryable, MillpondError):
    """The system gave no random bytes, or fewer than asked for."""


def fill_random(buffer: bytearray) -> None:
    """Fill *buffer* from the system's generator, without a copy on the way."""
    # One byte from getrandom waits until the kernel's generator has been seeded,
    # which reading the device alone does not.
    os.getrandom(1)
    try:
        with _URANDOM.open("rb", buffering=0) as source:
            size = source.readinto(buffer)
    except OSError as error:
        raise RandomnessError(f"read random bytes: {error.strerror}") from None
    if size != len(buffer):
        raise RandomnessError("read random bytes: the system gave too few")


def wipe(secret: bytearray) -> None:
    """Overwrite *secret* with zeros, where it lies."""
    # Through a memoryview, because slice assignment may go by way of a copy.
    memoryview(secret)[:] = bytes(len(secret))


def pin(secret: bytearray) -> bool:
    """Ask that *secret* never be swapped out; False where the system refuses.

    The page stays pinned after the secret is gone: others may share it.
    """
    view = (ctypes.c_char * len(secret)).from_buffer(secret)
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.c_void_p(ctypes.addressof(view))
    return bool(libc.mlock(address, ctypes.c_size_t(len(secret))) == 0)


def take(secret: bytes) -> bytearray:
    """Move *secret* into a bytearray: the ``bytes`` are zeroed and must not be used.

    Only for bytes a library has just made and nobody else can see, such as a digest.
    """
    taken = bytearray(len(secret))
    memoryview(taken)[:] = secret
    offset = bytes.__basicsize__ - 1
    ctypes.memset(id(secret) + offset, 0, len(secret))
    return taken
