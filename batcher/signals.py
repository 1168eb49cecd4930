"""Signals as an event a program can wait for."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that a signal to stop sets; further ones change nothing.

    Enter it before threads start, native libraries' too: they must not receive the
    signals themselves. A thread waits for them, because setting an event from a
    signal handler can deadlock with the wait it interrupts.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    stop = threading.Event()

    def heed() -> None:
        # More than one may come: some who stop a group signal its members twice.
        while True:
            signal.sigwait(STOPPING)
            stop.set()

    threading.Thread(target=heed, name="signals", daemon=True).start()
    try:
        yield stop
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
