"""Durable single-event ingest: the whole chain and an fsync, against a bare server.

Both servers run at once and are loaded in turn, A B A B …, by wrk with keep-alive
connections; the figure is the median of the paired ratios of requests a second.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_TO_MS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}
_CONFIG = """
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
    """What wrk measured of one server in one turn."""

    rate: float
    p99_ms: float


def main() -> None:
    """Run the turns and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--window-ms", type=int, default=0)
    options.add_argument("--connections", type=int, default=64)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "millpond.toml"
        config.write_text(_CONFIG.format(port=9102, window=asked.window_ms))
        bare = [sys.executable, str(HERE / "bare_app.py"), "9101"]
        worker = ["-m", "millpond", "proxy", "worker", "0", "--config", str(config)]
        ours = [sys.executable, *worker]
        with subprocess.Popen(bare) as a, subprocess.Popen(ours) as b:
            try:
                _wait(9101)
                _wait(9102)
                _compare(asked.pairs, asked.seconds, asked.connections)
                print("peak resident of our worker:", _peak_mb(b.pid), "MB")
            finally:
                a.terminate()
                b.terminate()


def _compare(pairs: int, seconds: int, connections: int) -> None:
    ratios, tails = [], []
    load(9101, 1, connections)
    load(9102, 1, connections)
    for _ in range(pairs):
        bare = load(9101, seconds, connections)
        ours = load(9102, seconds, connections)
        ratios.append(ours.rate / bare.rate)
        tails.append(ours.p99_ms)
        print(
            f"bare {bare.rate:8.0f}/s p99 {bare.p99_ms:6.1f} ms"
            f"   ours {ours.rate:8.0f}/s p99 {ours.p99_ms:6.1f} ms"
            f"   ratio {ratios[-1]:.2f}"
        )
    print(
        f"ratio median {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f});"
        f" p99 median {statistics.median(tails):.1f} ms, worst {max(tails):.1f} ms"
    )


def load(port: int, seconds: int, connections: int) -> Load:
    """Load one server with wrk and return what it measured; no answer may fail."""
    printed = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            str(HERE / "event.lua"),
            f"http://127.0.0.1:{port}/v1/events",
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


def _peak_mb(parent: int) -> list[int]:
    peaks = []
    for status in Path("/proc").glob("[0-9]*/status"):
        text = status.read_text()
        if f"PPid:\t{parent}\n" in text or f"\nPid:\t{parent}\n" in text:
            found = re.search(r"VmHWM:\s+(\d+) kB", text)
            if found:
                peaks.append(int(found[1]) // 1024)
    return peaks


if __name__ == "__main__":
    main()
