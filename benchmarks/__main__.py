"""Run all benchmarks, one after the other; `make bench` calls this module.

Nothing else should run on the machine. The results are ratios within one run.
"""

import subprocess
import sys

BENCHMARKS = ("ingest", "batches", "resident", "load", "disk", "build", "query")


def main() -> int:
    """Run the benchmarks named on the command line, or all benchmarks."""
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        code = subprocess.run(command, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
