"""Durable ingest of single events: Millpond with an fsync, and a bare server.

Both servers run at the same time. wrk loads them in turn, A B A B …, over keep-alive
connections. The result is the median of the ratios of requests per second, pair by
pair. The CPU time of each server for each request is printed too, because other
processes on the machine influence it less. With --fsync-delay-ms, every fdatasync of
Millpond takes that much longer.
"""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_TO_MS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}
CONFIG = """
[proxy]
port = {port}
workers = 1
[privacy]
salt_store = "salts"
[spool]
max_bytes = 100_000_000_000
fsync_window_ms = {window}
[[sites]]
id = "shop"
domains = ["shop.example"]
"""


class Load(NamedTuple):
    """The result of one turn; *cpu_us* is the server's CPU time for each request."""

    rate: float
    p99_ms: float
    cpu_us: float = 0.0

    def __str__(self) -> str:
        """Return the result as text for the report."""
        return f"{self.rate:7.0f}/s {self.cpu_us:4.0f} us p99 {self.p99_ms:6.1f} ms"


def main() -> None:
    """Run the turns and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--window-ms", type=int, default=0)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--fsync-delay-ms", type=int, default=0)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "millpond.toml"
        config.write_text(CONFIG.format(port=9102, window=arguments.window_ms))
        bare_command = [sys.executable, str(HERE / "bare_app.py"), "9101"]
        delay = slow_fdatasync(arguments.fsync_delay_ms, Path(folder))
        with (
            running(bare_command, 9101) as bare,
            running(worker_command(config), 9102, delay) as worker,
        ):
            pairs, seconds = arguments.pairs, arguments.seconds
            _compare(pairs, seconds, arguments.connections, bare, worker)
            print(f"peak memory of the worker: {peak_memory_mb(worker.pid):.0f} MB")


def worker_command(config: Path) -> list[str]:
    """Return the command that starts one worker without a supervisor."""
    worker = ["-m", "millpond", "proxy", "worker", "0", "--config", str(config)]
    return [sys.executable, *worker]


def slow_fdatasync(delay_ms: int, folder: Path) -> dict[str, str]:
    """Return an environment that makes every fdatasync of a process slower."""
    if not delay_ms:
        return {}
    library = folder / "slow_fdatasync.so"
    source = HERE / "slow_fdatasync.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library), "SLOW_FDATASYNC_US": str(delay_ms * 1_000)}


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server during the block, which starts when *port* answers."""
    merged = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=merged) as process:
        try:
            _wait(port)
            yield process
        finally:
            process.terminate()


def _compare(
    pairs: int,
    seconds: int,
    connections: int,
    bare_process: "subprocess.Popen[bytes]",
    worker_process: "subprocess.Popen[bytes]",
) -> None:
    ratios, p99s_ms, cpu_ratios = [], [], []
    load(9101, 1, connections)
    load(9102, 1, connections)
    for _ in range(pairs):
        bare = _load_and_measure(9101, seconds, connections, bare_process.pid)
        millpond = _load_and_measure(9102, seconds, connections, worker_process.pid)
        ratios.append(millpond.rate / bare.rate)
        p99s_ms.append(millpond.p99_ms)
        cpu_ratios.append(millpond.cpu_us / bare.cpu_us)
        print(f"bare {bare}   millpond {millpond}   ratio {ratios[-1]:.2f}", flush=True)
    print(
        f"ratio median {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f});"
        f" CPU time for each request {statistics.median(cpu_ratios):.2f} times that of"
        f" the bare server ({min(cpu_ratios):.2f} to {max(cpu_ratios):.2f});"
        f" p99 median {statistics.median(p99s_ms):.1f} ms, worst {max(p99s_ms):.1f} ms"
    )


def _load_and_measure(port: int, seconds: int, connections: int, pid: int) -> Load:
    """Load one server with wrk, and add its CPU time for each request."""
    cpu_before_s = _cpu_s(pid)
    result = load(port, seconds, connections)
    cpu_us = (_cpu_s(pid) - cpu_before_s) / (result.rate * seconds) * 1e6
    return result._replace(cpu_us=cpu_us)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(
    port: int,
    seconds: int,
    connections: int,
    *,
    script: str = "event.lua",
    arguments: Sequence[str | Path] = (),
) -> Load:
    """Load one server with wrk; stop if any response is an error."""
    output = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            str(HERE / script),
            f"http://127.0.0.1:{port}/v1/events",
            "--",
            *arguments,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rate, p99 = _RATE.search(output), _P99.search(output)
    if rate is None or p99 is None or "Non-2xx" in output:
        raise SystemExit("wrk: some responses were not 2xx\n" + output)
    return Load(float(rate[1]), float(p99[1]) * _TO_MS[p99[2]])


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"no server listens on port {port}")


def peak_memory_mb(pid: int) -> float:
    """Return the peak resident memory of a process."""
    match = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) / 1_024 if match else 0.0


if __name__ == "__main__":
    main()
