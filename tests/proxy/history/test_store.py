"""An import checks whether its frame is durable, in any state of the segment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batcher.spool.segment import FrameId
from batcher.spool.spool import Spool
from config.settings import Settings
from proxy.history.store import ImportStore
from tests.warehouse.event_rows import event, lines


@pytest.fixture
def store(settings: Settings) -> Iterator[ImportStore]:
    """Return the store of an import after it has written three segments."""
    clock = iter(range(1_000_000)).__next__
    store = ImportStore(
        settings, keys={}, clock=lambda: 0.0, monotonic=clock, sleep=lambda _: None
    )
    for path in ("/a", "/b", "/c"):
        store.put(lines([event(path=path)]), [])
    yield store
    store.close()


def frame_after(store: ImportStore, change: int) -> FrameId:
    """Return the frame that is *change* sequences away from the next one."""
    following = store.next_frame([b"{}"], [])
    assert following is not None
    return replace_sequence(following, following.sequence + change)


def replace_sequence(frame: FrameId, sequence: int) -> FrameId:
    """Return *frame* with another sequence."""
    return FrameId(frame.incarnation, sequence)


def test_the_last_frame_of_a_group_decides(store: ImportStore) -> None:
    both = store.next_frame([b"{}"], [b"{}"])
    drop_frame = store.next_frame([], [b"{}"])

    assert both is not None
    assert drop_frame is not None
    assert (drop_frame.sequence, both.sequence) == (4, 5)
    assert store.next_frame([], []) is None


@pytest.mark.parametrize("where", ["spool", "quarantine", "table"])
def test_a_frame_is_found_in_every_segment_state(
    settings: Settings, store: ImportStore, where: str
) -> None:
    spool = Spool(Path(settings.spool.dir))
    if where == "quarantine":
        spool.quarantine.add_segment(spool.sealed()[-1], {})
    elif where == "table":
        store.load()

    assert store.is_durable(frame_after(store, -1))
    assert not store.is_durable(frame_after(store, 0))
    assert not store.is_durable(FrameId(bytes(16), 1))


def test_a_missing_frame_is_not_durable(settings: Settings, store: ImportStore) -> None:
    Spool(Path(settings.spool.dir)).sealed()[1].path.unlink()
    store.load()

    durable = [store.is_durable(frame_after(store, change)) for change in (-3, -2, -1)]
    assert durable == [True, False, True]
