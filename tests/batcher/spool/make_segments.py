"""Write the corpus of damaged segments.

python -m tests.batcher.spool.make_segments

Each file has one kind of damage. The files are checked in, so that a later version of
the format is tested with them too.
"""

from pathlib import Path

import msgspec

from batcher.spool.segment import (
    HEADER_BYTES,
    FrameId,
    FrameKind,
    encode_header,
    encode_keys,
)
from tests.batcher.spool.frames import encode_frame
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.schema import Drop, Hash64

WRITER = bytes(range(16, 32))
FOLDER = Path(__file__).parents[2] / "data" / "segments"


def frames() -> list[bytes]:
    """Return three frames: two events, a drop count, one event."""
    stored = lines(
        event(path=f"/{number}", event_id=Hash64(number)) for number in range(3)
    )
    drop = Drop(site="shop", day=DAY, hour=12, reason="bot", protocol="native", count=2)
    contents = [
        (FrameKind.EVENTS, 2, b"\n".join(stored[:2])),
        (FrameKind.DROPS, 1, msgspec.json.encode(drop)),
        (FrameKind.EVENTS, 1, stored[2]),
    ]
    return [
        encode_frame(kind, FrameId(WRITER, sequence), rows, payload)
        for sequence, (kind, rows, payload) in enumerate(contents, 1)
    ]


def corpus() -> dict[str, bytes]:
    """Return the segments of the corpus by name."""
    ok = encode_header() + b"".join(frames())
    keys = encode_keys(WRITER, {"blog": "b" * 64, "shop": "5" * 64})
    flipped = bytearray(ok)
    flipped[HEADER_BYTES + len(frames()[0]) + 50] ^= 0x04
    return {
        "ok": ok,
        "keys": encode_header() + keys + ok[HEADER_BYTES:],
        "torn-tail": ok[:-7],
        "bad-checksum": bytes(flipped),
        "unknown-version": ok[:8] + b"\x63" + ok[9:],
        "empty": b"",
    }


def main() -> None:
    """Write all segments of the corpus."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in corpus().items():
        (FOLDER / f"{name}.segment").write_bytes(content)


if __name__ == "__main__":
    main()
