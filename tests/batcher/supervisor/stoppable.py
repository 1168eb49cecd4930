"""A program for tests: report a signal to stop, then wait for a line of input."""

import sys

from batcher.supervisor.signals import stop_on_signals


def print_line(word: str) -> None:
    """Print *word*."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    stop = stop_on_signals()
    print_line("waiting")
    stop.wait()
    print_line("stopped")
    sys.stdin.readline()
