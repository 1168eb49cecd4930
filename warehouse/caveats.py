"""The warnings shown with all figures while jobs fail or the clock is in doubt."""

from pathlib import Path

from config.settings import Settings
from config.site_names import renames
from config.site_zones import changed_zones
from warehouse.clock.believed_clock import Clocks, doubt_of
from warehouse.job_states import figure_warnings, job_state_path, read_job_states
from warehouse.misplaced import find_misplaced
from warehouse.register import Register
from warehouse.sites.renamed import is_renamed


def caveats(settings: Settings, clocks: Clocks) -> tuple[str, ...]:
    """Return a sentence for each problem that affects the figures.

    Reads four small files and the names in the spool, and no table.
    """
    states = read_job_states(job_state_path(Path(settings.spool.dir)))
    warnings = figure_warnings(states, clocks.wall())
    warnings += map(str, find_misplaced(Path(settings.spool.dir)))
    warnings += _unfinished_renames(settings)
    warnings += map(str, changed_zones(settings))
    doubt = doubt_of(Path(settings.warehouse.uri), clocks)
    return (*warnings, f"{doubt}; {doubt.hint}") if doubt else tuple(warnings)


def _unfinished_renames(settings: Settings) -> list[str]:
    root, names = Path(settings.warehouse.uri), renames(settings)
    if is_renamed(root, names) or not names or Register(root).id is None:
        return []
    former = ", ".join(sorted(names))
    return [f"the figures of {former} have their former name until the next load"]
