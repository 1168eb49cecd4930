"""The benchmark of the build is also a second computation of every figure."""

import subprocess
import sys
from pathlib import Path


def test_duckdb_counts_what_the_build_counts(tmp_path: Path) -> None:
    """The benchmark fails if a row of ``sessions`` or ``daily_stats`` differs."""
    small = ["--events", "20000", "--days", "2", "--pairs", "1"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.build", *small, "--folder", str(tmp_path)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "millpond/duckdb wall" in run.stdout
