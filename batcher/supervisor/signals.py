"""Signals as an event a program can wait for."""

import signal
import threading

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_on_signals() -> threading.Event:
    """Return an event that a signal to stop sets; further ones change nothing.

    For programs that end once it is set: the signals stay blocked. Call it before
    threads start, native libraries' too, for they must not receive the signals
    themselves. A thread waits for them, because setting an event from a signal
    handler can deadlock with the wait it interrupts.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    stop = threading.Event()

    def handle_signal() -> None:
        # More than one may come: some who stop a group signal its members twice.
        while True:
            signal.sigwait(STOPPING)
            stop.set()

    threading.Thread(target=handle_signal, name="signals", daemon=True).start()
    return stop
