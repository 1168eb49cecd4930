"""Writes the states of the jobs, which ``warehouse.job_states`` defines and reads."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from warehouse.durable import write_durable
from warehouse.job_states import JobState


def write_job_states(path: Path, states: Mapping[str, JobState]) -> None:
    """Replace the content of the file with *states*."""
    write_durable(path, msgspec.json.format(msgspec.json.encode(states), indent=1))
