"""The warnings shown with all figures while jobs fail or the clock is in doubt."""

from pathlib import Path

from config.settings import Settings
from warehouse.clock.believed_clock import Clocks, doubt_of
from warehouse.job_states import figure_warnings, job_state_path, read_job_states
from warehouse.misplaced import find_misplaced


def caveats(settings: Settings, clocks: Clocks) -> tuple[str, ...]:
    """Return a sentence for each problem that affects the figures.

    Reads two small files and the names in the spool, and no table.
    """
    states = read_job_states(job_state_path(Path(settings.spool.dir)))
    warnings = figure_warnings(states, clocks.wall())
    warnings += map(str, find_misplaced(Path(settings.spool.dir)))
    doubt = doubt_of(Path(settings.warehouse.uri), clocks)
    return (*warnings, f"{doubt}; {doubt.hint}") if doubt else tuple(warnings)
