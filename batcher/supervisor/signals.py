"""Signals to stop, as an event that a program can wait for."""

import signal
import threading

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_on_signals() -> threading.Event:
    """Return an event that a signal to stop sets; further signals change nothing.

    The signals stay blocked, so the program must end once the event is set. Call this
    before any thread starts, also threads of native libraries: threads inherit the
    blocked signals. A thread waits for the signals, because a signal handler that sets
    an event can deadlock with the wait that it interrupts.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    stop = threading.Event()

    def handle_signal() -> None:
        # A service manager may send a signal twice: to the process and to its group.
        while True:
            signal.sigwait(STOPPING)
            stop.set()

    threading.Thread(target=handle_signal, name="signals", daemon=True).start()
    return stop
