"""The contents of the tables and the states of the jobs as lines of text."""

from collections.abc import Sequence

from warehouse.info import TableInfo
from warehouse.job_states import JobState, JobStates, late_jobs, lateness, utc_text


def table_lines(infos: Sequence[TableInfo]) -> list[str]:
    """Return a head line and a line of columns for each table."""
    head = f"{'table':<12} {'days':>6} {'first':<10} {'last':<10}"
    lines = [f"{head} {'files':>6} {'rows':>12} {'bytes':>14} {'version':>8}"]
    for info in infos:
        first, last = info.first_day or "-", info.last_day or "-"
        lines.append(
            f"{info.table:<12} {info.days:>6} {first!s:<10} {last!s:<10}"
            f" {info.files:>6} {info.rows:>12,} {info.size_bytes:>14,}"
            f" {info.version:>8}"
        )
    return lines


def job_lines(states: JobStates, now_s: float) -> list[str]:
    """Return a line about each job, or one that says that none has run."""
    if not states:
        return ["no job has run yet; `millpond batcher run` runs them"]
    late = late_jobs(states, now_s)
    return [
        f"job {name:<14} {_job_line(state, is_late=name in late)}"
        for name, state in states.items()
    ]


def _job_line(state: JobState, *, is_late: bool) -> str:
    if state.failures or is_late:
        return f"{'FAILED' if state.failures else 'LATE'}: {lateness(state)}"
    last = state.last_success_at
    when = "never" if last is None else utc_text(last)
    return f"fine, last at {when}: {state.summary or '-'}"
