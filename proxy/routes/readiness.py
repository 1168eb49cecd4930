"""Whether a worker is ready, and the problems seen in the batcher's job states."""

import msgspec

from batcher.spool.quota import SpoolFullError
from warehouse.job_states import JobStates, late_jobs, lateness


class Readiness(msgspec.Struct, frozen=True):
    """Whether the worker accepts events; *problems* may also exist when it does."""

    ready: bool
    problems: dict[str, str]


def job_problems(states: JobStates, now_s: float) -> dict[str, str]:
    """Return the problem of each job that fails or is late."""
    late = late_jobs(states, now_s)
    return {
        f"job {name}": lateness(state)
        for name, state in states.items()
        if state.failures or name in late
    }


def write_problem(
    problem: BaseException | None, states: JobStates, now_s: float
) -> str:
    """Return why the last write failed; for a full spool, why nothing is loaded."""
    if not isinstance(problem, SpoolFullError):
        return "the last write did not reach the disk"
    load = states.get("load")
    if load is None:
        return "full (spool.max_bytes): no batcher has run on this spool yet"
    if load.failures or "load" in late_jobs(states, now_s):
        return f"full (spool.max_bytes): loading {lateness(load)}"
    return "full (spool.max_bytes): events arrive faster than they are loaded"
