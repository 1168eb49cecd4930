"""How the scheduled jobs are doing: a small file the batcher writes and others read.

It holds no more than job names, times, counts and our own error texts. Reading it
needs no scheduler and no Polars: the proxy shows it on ``/readyz``.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from batcher.durable import write_durable

# A job is overdue once it has missed this many runs, and a minute on top.
_MISSED_RUNS = 3
_SLACK_S = 60


class JobState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last runs of one job; times are UTC seconds."""

    every_s: float
    last_run_at: float | None = None
    last_success_at: float | None = None
    took_s: float = 0.0
    summary: str | None = None
    failures: int = 0
    error: str | None = None
    problem: str | None = None
    retry_at: float | None = None

    def is_overdue(self, now_s: float) -> bool:
        """Say whether the job should have succeeded long ago."""
        patience_s = _MISSED_RUNS * self.every_s + _SLACK_S
        since = self.last_success_at
        return since is None or now_s - since > patience_s


def job_state_path(spool_dir: Path) -> Path:
    """Return where the batcher of this spool keeps its jobs' states."""
    return spool_dir / "jobs.json"


def read_job_states(path: Path) -> dict[str, JobState]:
    """Return the states by job; none where the file is missing or unreadable.

    It is a memory aid: without it every job simply runs at once.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, JobState])
    except (OSError, msgspec.MsgspecError):
        return {}


def write_job_states(path: Path, states: Mapping[str, JobState]) -> None:
    """Replace the file by *states*."""
    write_durable(path, msgspec.json.format(msgspec.json.encode(states), indent=1))
