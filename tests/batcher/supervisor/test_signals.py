"""Every signal to stop sets the event, and repeated signals do not end the process."""

import signal

import pytest

from tests.batcher.module_processes import expect_line, running_module


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_stop_sets_the_event(number: signal.Signals) -> None:
    with running_module("tests.batcher.supervisor.stoppable") as process:
        expect_line(process, "waiting")
        process.send_signal(number)
        expect_line(process, "stopped")
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate("\n", timeout=20)

    assert (process.returncode, output) == (0, "")
