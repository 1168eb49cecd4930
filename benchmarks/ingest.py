"""Durable single-event ingest: the whole chain and an fsync, against a bare server.

Both servers run at once and are loaded in turn, A B A B …, by wrk with keep-alive
connections; the figure is the median of the paired ratios of requests a second. The
processor time of each server a request is printed beside it: neighbours on the machine
move it less. With --fsync-delay-ms every fdatasync of ours takes so much longer.
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
    """What one turn measured of one server; *cpu_us* is its own time a request."""

    rate: float
    p99_ms: float
    cpu_us: float = 0.0

    def __str__(self) -> str:
        """Return it as it is printed."""
        return f"{self.rate:7.0f}/s {self.cpu_us:4.0f} us p99 {self.p99_ms:6.1f} ms"


def main() -> None:
    """Run the turns and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--window-ms", type=int, default=0)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--fsync-delay-ms", type=int, default=0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "millpond.toml"
        config.write_text(CONFIG.format(port=9102, window=asked.window_ms))
        bare = [sys.executable, str(HERE / "bare_app.py"), "9101"]
        slow = slow_disk(asked.fsync_delay_ms, Path(folder))
        ours = worker_command(config)
        with running(bare, 9101) as a, running(ours, 9102, slow) as b:
            _compare(asked.pairs, asked.seconds, asked.connections, a, b)
            print(f"peak resident of our worker: {resident(b.pid):.0f} MB")


def worker_command(config: Path) -> list[str]:
    """Return what starts one worker alone."""
    worker = ["-m", "millpond", "proxy", "worker", "0", "--config", str(config)]
    return [sys.executable, *worker]


def slow_disk(delay_ms: int, folder: Path) -> dict[str, str]:
    """Return the environment in which every fdatasync of a process takes longer."""
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
    """Run a server until the block ends; it answers on *port* when it begins."""
    around = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=around) as process:
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
    our_process: "subprocess.Popen[bytes]",
) -> None:
    ratios, tails, added = [], [], []
    load(9101, 1, connections)
    load(9102, 1, connections)
    for _ in range(pairs):
        bare = measured(9101, seconds, connections, bare_process.pid)
        ours = measured(9102, seconds, connections, our_process.pid)
        ratios.append(ours.rate / bare.rate)
        tails.append(ours.p99_ms)
        added.append(ours.cpu_us / bare.cpu_us)
        print(f"bare {bare}   ours {ours}   ratio {ratios[-1]:.2f}", flush=True)
    print(
        f"ratio median {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f});"
        f" processor time a request {statistics.median(added):.2f} of the bare one's"
        f" ({min(added):.2f} to {max(added):.2f});"
        f" p99 median {statistics.median(tails):.1f} ms, worst {max(tails):.1f} ms"
    )


def measured(port: int, seconds: int, connections: int, pid: int) -> Load:
    """Load one server, and say what it took of the processor a request."""
    before = _cpu_s(pid)
    got = load(port, seconds, connections)
    cpu_us = (_cpu_s(pid) - before) / (got.rate * seconds) * 1e6
    return got._replace(cpu_us=cpu_us)


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
    """Load one server with wrk and return what it measured; no answer may fail."""
    printed = subprocess.run(
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
    rate, tail = _RATE.search(printed), _P99.search(printed)
    if rate is None or tail is None or "Non-2xx" in printed:
        raise SystemExit("wrk: some answers were not 2xx\n" + printed)
    return Load(float(rate[1]), float(tail[1]) * _TO_MS[tail[2]])


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
    raise SystemExit(f"nothing listens on port {port}")


def resident(pid: int) -> float:
    """Return the most memory a process ever had, in MB."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1_024 if found else 0.0


if __name__ == "__main__":
    main()
