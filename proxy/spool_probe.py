"""Finds out whether the spool would take an event, without one."""

from batcher.durable import remove_durable, write_durable
from batcher.spool import Spool

# As much as a busy second brings; a full disk still has room for a few bytes.
_PROBE_BYTES = 1 << 20


def takes_writes(spool: Spool, most_bytes: int) -> bool:
    """Write and remove a file of some size beside the lanes; say whether that worked.

    *most_bytes* is the spool's bound.
    """
    path = spool.directory / "probe"
    try:
        has_room = spool.size_bytes() < most_bytes
        if has_room:
            write_durable(path, bytes(_PROBE_BYTES))
            remove_durable(path)
    except OSError:
        return False
    return has_room
