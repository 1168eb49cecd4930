"""What to say when there is nothing to show: what is missing, and what to do next."""

from reports.counting.queries import SiteState
from reports.overview import Overview


def advice(overview: Overview, state: SiteState) -> tuple[str, ...]:
    """Return why *overview* is empty and the next thing to do, a sentence each."""
    site = overview.query.site.id
    if state.loaded is None:
        return (
            "No event has been loaded yet.",
            "Is the batcher running? Start it with: millpond batcher run",
        )
    loaded = f"The last load was at {state.loaded.at()}."
    if state.built is None:
        return (
            "Events are loaded, but no figures are built yet.",
            loaded,
            "Build them with: millpond warehouse build",
        )
    if state.first_day is None or state.last_day is None:
        return (
            f"Nothing is stored for {site} yet.",
            loaded,
            "Is the tag on its pages? docs/tag.md says how to put it there.",
        )
    days = f"{state.first_day}..{state.last_day}"
    return (
        "Nothing was counted in this period.",
        f"Stored days of {site}: {state.first_day} to {state.last_day}.",
        f"Look at them with: --period {days}",
    )
