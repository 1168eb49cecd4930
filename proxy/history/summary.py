"""The summary at the end of an import: counts of lines, and the next command."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from proxy.history.file_problems import ReadFile, formats, unreadable_lines
from proxy.history.log_line import SkipReason
from proxy.history.progress import LineCounts

# Page views that are left out; all other reasons mean that a line is no page view.
_LEFT_OUT = (SkipReason.MEASURED, SkipReason.PERIOD)
_MOST_DAYS = 5


def summary(
    tally: LineCounts,
    duplicates: int,
    site_id: str,
    files: Sequence[ReadFile] = (),
    measured: Mapping[date, int] | None = None,
) -> str:
    """Return the counts, the range of days, and the command that reports them."""
    rows = [
        ("lines", tally.lines),
        ("page views stored", tally.events - duplicates),
        ("duplicates, stored before", duplicates),
        *_unknown_senders(tally),
        *_most_first("dropped: ", tally.dropped),
        *_most_first("left out: ", _pick(tally.skipped, is_left_out=True)),
        *_most_first("no page view: ", _pick(tally.skipped, is_left_out=False)),
    ]
    lines = [*formats(files), *(f"{count:>12,}  {name}" for name, count in rows)]
    lines += unreadable_lines(files)
    if tally.measured:
        lines.append(_measured_line(tally.measured, measured or {}))
    if tally.first is not None and tally.last is not None:
        days = f"{tally.first}..{tally.last}"
        lines += [
            f"days {tally.first} to {tally.last}",
            f"next: millpond reports show --site {site_id} --period {days} --by page",
        ]
    return "\n".join(lines)


def _pick(skipped: Mapping[str, int], *, is_left_out: bool) -> dict[str, int]:
    return {
        reason: count
        for reason, count in skipped.items()
        if (reason in _LEFT_OUT) is is_left_out
    }


def _measured_line(days: Sequence[date], measured: Mapping[date, int]) -> str:
    """Return which days are measured already, with their recorded page views."""
    named = [f"{day} ({measured.get(day, 0):,} recorded)" for day in days[:_MOST_DAYS]]
    if len(days) > _MOST_DAYS:
        named.append(f"{len(days) - _MOST_DAYS} more days until {days[-1]}")
    listed = ", ".join(named)
    return f"measured already: {listed}; --also-measured imports them too"


def _unknown_senders(tally: LineCounts) -> list[tuple[str, int]]:
    """Return what the log does not say about the senders of page views, if any."""
    # One address of 256 ends with zero, so only a majority shows that they are masked.
    is_masked = 2 * tally.masked > tally.events
    rows = [
        ("without an address: these count without a visitor", tally.no_address),
        ("of these with a private address", tally.private),
        (
            "with a masked address: a network counts as one visitor",
            tally.masked if is_masked else 0,
        ),
        ("without a User-Agent in the log: bots count too", tally.no_agent),
    ]
    return [row for row in rows if row[1]]


def retention_note(tally: LineCounts, keep_days: int, now_s: float) -> str | None:
    """Return a warning if imported days are older than the retention period."""
    if not keep_days or tally.first is None:
        return None
    first_kept = _date(now_s) - timedelta(days=keep_days)
    if tally.first >= first_kept:
        return None
    return (
        f"note: the next retention run removes events before {first_kept};"
        " raise warehouse.keep_events_days to keep them"
    )


def _date(now_s: float) -> date:
    return datetime.fromtimestamp(now_s, UTC).date()


def _most_first(prefix: str, counts: Mapping[str, int]) -> list[tuple[str, int]]:
    names = sorted(counts, key=lambda name: (-counts[name], name))
    return [(prefix + name, counts[name]) for name in names]
