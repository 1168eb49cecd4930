"""A process that says when it is told to stop, and then waits for a line of input."""

import sys

from batcher.supervisor.signals import stop_on_signals


def say(word: str) -> None:
    """Print *word*."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    stop = stop_on_signals()
    say("waiting")
    stop.wait()
    say("stopped")
    sys.stdin.readline()
