"""The states of the scheduled jobs: a small file that the batcher writes.

The file contains only job names, times, counts and Millpond's own error texts. Reading
it needs neither the scheduler nor Polars: the proxy shows the states on ``/readyz``,
the reports show them with every figure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

# A job is late once it has missed this many runs, plus the time of all other jobs.
_MISSED_RUNS = 2
_SLACK_S = 10.0
# The figures do not change while one of these two jobs fails.
_FIGURES_NEED = {"load": "loading", "build": "building"}
_HINT = 'see docs/operations.md, "Loading or building fails"'


class JobState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last runs of one job; times are UTC seconds."""

    every_s: float
    last_run_at: float | None = None
    last_success_at: float | None = None
    took_s: float = 0.0
    summary: str | None = None
    failures: int = 0
    failing_since: float | None = None
    error: str | None = None
    problem: str | None = None
    retry_at: float | None = None

    def since(self) -> float | None:
        """Return the time of the last success; without one, of the first failure."""
        if self.last_success_at is None:
            return self.failing_since
        return self.last_success_at

    def reason(self) -> str:
        """Return why the last run failed, in one line; empty without a failure."""
        text = self.problem or self.error or ""
        return text.partition("\n")[0]


JobStates = Mapping[str, JobState]


def job_state_path(spool_dir: Path) -> Path:
    """Return the file in which the batcher of this spool stores its job states."""
    return spool_dir / "jobs.json"


def read_job_states(path: Path) -> dict[str, JobState]:
    """Return the states by job; an empty dict if the file is missing or unreadable.

    Nothing is lost without the file: every job then runs at once.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, JobState])
    except (OSError, msgspec.MsgspecError):
        return {}


def late_jobs(states: JobStates, now_s: float) -> dict[str, JobState]:
    """Return the jobs that have not succeeded for more than twice their interval.

    Jobs run one after another, so the run time of all other jobs is added.
    """
    others_s = _SLACK_S + sum(state.took_s for state in states.values())
    return {
        name: state
        for name, state in states.items()
        if _is_late(state, now_s, others_s)
    }


def _is_late(state: JobState, now_s: float, others_s: float) -> bool:
    patience_s = _MISSED_RUNS * state.every_s
    failing_since = state.failing_since
    if failing_since is not None and now_s - failing_since > patience_s:
        return True
    since = state.since()
    return since is None or now_s - since > patience_s + others_s


def figure_warnings(states: JobStates, now_s: float) -> list[str]:
    """Return a sentence for each late job that the figures need, with the reason."""
    late = late_jobs(states, now_s)
    return [
        f"{doing} {lateness(late[job])}; the figures stand still: {_HINT}"
        for job, doing in _FIGURES_NEED.items()
        if job in late
    ]


def lateness(state: JobState) -> str:
    """Return the text after a job's name: since when it has not succeeded, and why."""
    since = state.since()
    when = "yet" if since is None else f"since {utc_text(since)}"
    reason = state.reason()
    if state.failures:
        times = "once" if state.failures == 1 else f"{state.failures} times"
        return f"has not succeeded {when}, failed {times}: {reason or 'no reason'}"
    return f"has not succeeded {when}: {reason or 'is the batcher running?'}"


def utc_text(at_s: float) -> str:
    """Return a time in ISO 8601, which people and programs can read."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
