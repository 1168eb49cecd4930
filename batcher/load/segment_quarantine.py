"""Segments that a load sets aside, because no plan may remove them."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from batcher.load.chosen_frames import ChosenFrames
from batcher.load.load_plan import spans_by_incarnation
from batcher.load.read_segments import SegmentContent, SegmentLoss
from batcher.spool.quarantine import Quarantine
from config.logs import log_event

_LOGGER = logging.getLogger(__name__)
_ALREADY_LOADED = "already_loaded"


def set_segments_aside(
    quarantine: Quarantine,
    contents: Iterable[SegmentContent],
    chosen: ChosenFrames,
    now_s: float,
) -> int:
    """Move segments with losses, or without new frames, to *quarantine*.

    Returns the number of these segments.
    """
    count = 0
    for content in contents:
        if not chosen.is_loaded_whole(content):
            _set_aside(quarantine, content, chosen.losses(content), now_s)
            count += 1
    return count


def _set_aside(
    quarantine: Quarantine,
    content: SegmentContent,
    losses: list[SegmentLoss],
    now_s: float,
) -> None:
    problems = sorted({loss.problem for loss in losses}) or [_ALREADY_LOADED]
    now = datetime.fromtimestamp(now_s, UTC)
    reason = {
        "problems": problems,
        "lost": losses,
        "frames": spans_by_incarnation(content.frames),
        "at": now.isoformat(timespec="seconds"),
    }
    quarantine.add_segment(content.segment, reason)
    log_event(
        _LOGGER,
        "segment_quarantined",
        level=logging.ERROR,
        lane=content.segment.lane,
        segment=content.segment.number,
        reason=",".join(problems),
    )
