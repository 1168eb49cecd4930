"""Secrets in memory: created, pinned and wiped in place, never copied into ``bytes``.

CPython frees ``bytes`` without clearing them. So every secret is in a ``bytearray``
that is overwritten before it is dropped.
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from config.errors import MillpondError, Retryable

# Fills the whole buffer with unpredictable bytes.
Randomness = Callable[[bytearray], None]

_URANDOM = Path("/dev/urandom")


class RandomnessError(Retryable, MillpondError):
    """The system returned no random bytes, or too few."""


def fill_random(buffer: bytearray) -> None:
    """Fill *buffer* from the system's generator, without an intermediate copy."""
    # getrandom waits until the kernel's generator is initialised. Reading the device
    # does not wait.
    os.getrandom(1)
    try:
        with _URANDOM.open("rb", buffering=0) as source:
            size_bytes = source.readinto(buffer)
    except OSError as error:
        raise RandomnessError(f"read random bytes: {error.strerror}") from None
    if size_bytes != len(buffer):
        raise RandomnessError("read random bytes: the system returned too few")


def wipe(secret: bytearray) -> None:
    """Overwrite *secret* with zeros in place."""
    # A memoryview, because slice assignment to a bytearray may make a copy.
    memoryview(secret)[:] = bytes(len(secret))


def pin(secret: bytearray) -> bool:
    """Keep *secret* out of swap space; return False if the system refuses.

    The page stays pinned after the secret is gone, because other secrets may share it.
    """
    view = (ctypes.c_char * len(secret)).from_buffer(secret)
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.c_void_p(ctypes.addressof(view))
    return bool(libc.mlock(address, ctypes.c_size_t(len(secret))) == 0)


def move_to_bytearray(secret: bytes) -> bytearray:
    """Move *secret* into a bytearray: the ``bytes`` are zeroed and must not be used.

    Only for bytes without any other reference, such as a digest that a library has
    just returned.
    """
    moved = bytearray(len(secret))
    memoryview(moved)[:] = secret
    offset = bytes.__basicsize__ - 1
    ctypes.memset(id(secret) + offset, 0, len(secret))
    return moved
