"""The frames that one commit loads, with their rows and the record of them."""

from collections.abc import Sequence

import msgspec

from batcher.load.missing_frames import FrameRecord
from batcher.load.read_segments import Batch, SegmentContent, SegmentLoss, read_rows
from batcher.load.selection import FrameSelection, select_frames
from batcher.spool.lane_files import Segment
from warehouse.tables import TableView


class ChosenFrames(msgspec.Struct, frozen=True):
    """The frames to load, their rows, the record of the frames, and their segments."""

    selection: FrameSelection
    batch: Batch
    record: FrameRecord
    segments: frozenset[Segment]

    def losses(self, content: SegmentContent) -> list[SegmentLoss]:
        """Return all losses of *content*: damaged frames and unreadable rows."""
        return [*content.losses, *self.batch.losses.get(content.segment, [])]

    def is_loaded_whole(self, content: SegmentContent) -> bool:
        """Return whether this load takes frames of *content*, and none of it is lost.

        Its other frames are in the table already.
        """
        return content.segment in self.segments and not self.losses(content)


def choose_frames(
    contents: Sequence[SegmentContent],
    events: TableView,
    before: ChosenFrames | None = None,
) -> ChosenFrames:
    """Return the frames of *contents* that the table *events* does not have.

    The rows of *before* are used again if the frames are the same.
    """
    selection = select_frames(contents, events)
    if before is not None and selection.has_same_frames(before.selection):
        batch = before.batch
    else:
        batch = read_rows(selection.groups)
    return ChosenFrames(
        selection,
        batch,
        selection.record(batch.unreadable),
        selection.segments(batch.unreadable),
    )
