"""A time without doubt, for jobs that remove data."""

from datetime import UTC, date, datetime, time

from warehouse.clock.clock_doubt import Believed


def believed_on(day: date) -> Believed:
    """Return midday of *day* in UTC."""
    return Believed(at_s=datetime.combine(day, time(12), UTC).timestamp())
