"""Complete frames, as a lane writes them."""

from batcher.spool.segment import FrameId, FrameKind, encode_frame_header


def encode_frame(kind: FrameKind, frame: FrameId, rows: int, payload: bytes) -> bytes:
    """Return a complete frame of *rows* JSON lines."""
    return encode_frame_header(kind, frame, rows, payload) + payload
