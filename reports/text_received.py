"""What became of everything received, in words and aligned counts."""

from reports.received import Received
from reports.text import BOLD, Cells, Page, print_cells
from reports.text_overview import days_text


def print_received(page: Page, received: Received) -> None:
    """Print the counts by reason, and that they add up."""
    days = days_text(received.period, page)
    page.line((received.site.id, BOLD), f"  {days}  {received.site.timezone}")
    page.line()
    page.line(received_text(received))
    if received.reasons:
        page.line()
        rows = [([reason], [f"{count:,}"]) for reason, count in received.reasons]
        counts = [float(count) for _, count in received.reasons]
        print_cells(page, Cells(["reason"], ["hits"], rows, counts))
    if received.suspect_sessions:
        page.line()
        page.line(suspect_text(received))
    page.line()
    page.note("objections (opt-out, GPC, DNT) leave no trace, so no count")


def received_text(received: Received) -> str:
    """Return the sum that always holds, in one line."""
    return (
        f"received {received.total:,} = stored {received.stored:,}"
        f" + duplicate {received.duplicate:,} + dropped {received.dropped:,}"
    )


def suspect_text(received: Received) -> str:
    """Return what is stored but kept out of every figure."""
    sessions = received.suspect_sessions
    return (
        f"{sessions:,} suspect session{'s' if sessions != 1 else ''}"
        f" ({received.suspect_events:,} events) kept out of every figure"
    )
