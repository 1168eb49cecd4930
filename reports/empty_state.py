"""The text of an empty report: what is missing, and what to do next."""

from reports.counting.queries import SiteState
from reports.overview import Overview


def explain_empty(overview: Overview, state: SiteState) -> tuple[str, ...]:
    """Return sentences: why *overview* is empty, and what to do next."""
    site = overview.query.site.id
    if state.loaded is None:
        return (
            "No data has been loaded yet.",
            "Start the batcher if it is not running: millpond batcher run",
        )
    loaded = f"The last load was at {state.loaded.text()}."
    if state.built is None:
        return (
            "Data is loaded, but the reports are not built yet.",
            loaded,
            "Build them with: millpond warehouse build",
        )
    if state.first_day is None or state.last_day is None:
        return (
            f"There is no data for {site} yet.",
            loaded,
            "Check that its pages have the Millpond tag, as docs/tag.md explains.",
        )
    days = f"{state.first_day}..{state.last_day}"
    return (
        "There is no data for this period.",
        f"There is data for {site} from {state.first_day} to {state.last_day}.",
        f"To see it, choose the period {days}.",
    )
