"""Run every benchmark, one after another; `make bench` calls this.

The figures are ratios within a run: the machine should do nothing else meanwhile.
"""

import subprocess
import sys

BENCHMARKS = ("ingest", "batches", "resident", "load", "disk", "build", "query")


def main() -> int:
    """Run the benchmarks named on the command line, or all."""
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}", flush=True)
        ran = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
        if ran.returncode:
            return ran.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
