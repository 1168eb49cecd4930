"""A segment of another site key waits; all other segments are loaded."""

import json
import shutil
from pathlib import Path

import pytest

from batcher.load.load_result import OtherKeyError
from batcher.run import Batcher
from batcher.spool.segment import HEADER_BYTES, encode_header, read_frames
from batcher.spool.spool import Spool
from config.settings import Settings
from tests.batcher.load.spooled_events import spool_events, stored_events
from tests.batcher.test_key_records import key_records, ledger_entries, write_commitment
from tests.warehouse.event_rows import event
from warehouse.clock.believed_clock import Clocks
from warehouse.key_commitment import key_commitment
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

NOW_S = 1_795_348_800.0
KEY, OTHER, BLOG = b"k" * 32, b"o" * 32, b"b" * 32


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(Path(settings.warehouse.uri))


@pytest.fixture
def spool(settings: Settings) -> Spool:
    """Return the spool of an installation whose keys are recorded."""
    for site, key in (("shop", KEY), ("blog", BLOG)):
        write_commitment(settings.spool.dir, key, site)
    return Spool(Path(settings.spool.dir))


@pytest.fixture
def batcher(settings: Settings, spool: Spool) -> Batcher:
    del spool
    return Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))


def paths(warehouse: Warehouse) -> list[str | None]:
    return [row.path for row in stored_events(warehouse)]


def test_other_segments_are_loaded_and_each_load_names_the_waiting_ones(
    spool: Spool,
    batcher: Batcher,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spool_events(spool, [event(path="/1")], keys={"shop": KEY, "blog": BLOG})
    spool_events(spool, [event(path="/2")], keys={"shop": OTHER, "blog": BLOG})
    spool_events(spool, [event(path="/3")], keys={"blog": BLOG})
    for _ in range(2):
        with pytest.raises(OtherKeyError) as waits:
            batcher.load(NOW_S)

    assert waits.value.exit_code == 3
    assert waits.value.message.startswith(
        "load the spool: 1 segments have another key for 'shop';"
    )
    assert "millpond batcher accept-keys" in str(waits.value.hint)
    assert caplog.text.count("segments_of_other_key segments=1 sites=shop") == 2
    assert paths(warehouse) == ["/1", "/3"]
    assert len(spool.sealed()) == 1
    assert spool.quarantine.entries() == []


def test_accepted_segments_are_loaded_and_later_ones_wait_again(
    settings: Settings, spool: Spool, batcher: Batcher, warehouse: Warehouse
) -> None:
    spool_events(spool, [event(path="/1")], keys={"shop": OTHER})
    with pytest.raises(OtherKeyError):
        batcher.load(NOW_S)
    accepted = [str(key_records(settings, warehouse).accept(NOW_S)) for _ in range(2)]
    batcher.load(NOW_S)
    spool_events(spool, [event(path="/2")], keys={"shop": OTHER})
    with pytest.raises(OtherKeyError):
        batcher.load(NOW_S)
    last = ledger.read_entries(warehouse.view(LEDGER).scan().collect())[-1]

    assert accepted[0] == "1 segments"
    assert paths(warehouse) == ["/1"]
    assert last.kind == "segments_accepted"
    assert json.loads(last.detail) == {"keys": {"shop": key_commitment(OTHER)}}


def test_restored_segments_of_the_previous_key_wait(
    settings: Settings, spool: Spool, batcher: Batcher, warehouse: Warehouse
) -> None:
    batcher.load(NOW_S)
    write_commitment(settings.spool.dir, OTHER)
    key_records(settings, warehouse).accept(NOW_S)
    spool_events(spool, [event(path="/new")], keys={"shop": OTHER})
    spool_events(spool, [event(path="/restored")], keys={"shop": KEY})
    with pytest.raises(OtherKeyError):
        batcher.load(NOW_S)

    assert paths(warehouse) == ["/new"]


def test_one_command_accepts_a_new_key_and_the_segments_of_the_previous_key(
    settings: Settings, spool: Spool, batcher: Batcher, warehouse: Warehouse
) -> None:
    batcher.load(NOW_S)
    spool_events(spool, [event(path="/before")], keys={"shop": KEY})
    write_commitment(settings.spool.dir, OTHER)
    spool_events(spool, [event(path="/after")], keys={"shop": OTHER})
    accepted = key_records(settings, warehouse).accept(NOW_S)
    batcher.load(NOW_S)

    assert str(accepted) == "shop, 1 segments"
    assert paths(warehouse) == ["/after", "/before"]


@pytest.mark.parametrize("cause", ["an earlier version", "damaged"])
def test_a_segment_that_names_no_key_waits_until_it_is_accepted(
    settings: Settings,
    spool: Spool,
    batcher: Batcher,
    warehouse: Warehouse,
    cause: str,
) -> None:
    spool_events(spool, [event()], keys={"shop": KEY} if cause == "damaged" else None)
    [segment] = spool.sealed()
    content = bytearray(segment.path.read_bytes())
    if cause == "damaged":
        content[HEADER_BYTES + 50] ^= 1
    segment.path.write_bytes(content)
    with pytest.raises(OtherKeyError, match="1 segments name no key"):
        batcher.load(NOW_S)
    before = paths(warehouse)
    key_records(settings, warehouse).accept(NOW_S)
    batcher.load(NOW_S)

    assert before == []
    assert stored_events(warehouse) == [event()]
    # A damaged segment is kept in quarantine.
    assert len(spool.quarantined()) == (cause == "damaged")


def test_the_ledger_is_asked_also_where_the_spool_has_lost_its_commitments(
    settings: Settings, spool: Spool, batcher: Batcher, warehouse: Warehouse
) -> None:
    batcher.load(NOW_S)
    shutil.rmtree(spool.directory / "keys")
    spool_events(spool, [event()])
    started = Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))
    with pytest.raises(OtherKeyError):
        started.load(NOW_S)

    assert paths(warehouse) == []


def test_each_writer_of_a_segment_counts(
    spool: Spool, batcher: Batcher, warehouse: Warehouse
) -> None:
    for path, key in (("/1", KEY), ("/2", OTHER)):
        spool_events(spool, [event(path=path)], keys={"shop": key})
    first, second = spool.sealed()
    first.path.write_bytes(first.path.read_bytes() + second.path.read_bytes())
    second.path.unlink()
    with pytest.raises(OtherKeyError):
        batcher.load(NOW_S)

    assert paths(warehouse) == []


def test_a_copy_of_a_loaded_segment_is_set_aside_whatever_its_key(
    settings: Settings, spool: Spool, batcher: Batcher, warehouse: Warehouse
) -> None:
    spool_events(spool, [event()], keys={"shop": KEY})
    [segment] = spool.sealed()
    content = segment.path.read_bytes()
    batcher.load(NOW_S)
    write_commitment(settings.spool.dir, OTHER)
    key_records(settings, warehouse).accept(NOW_S)
    segment.path.write_bytes(content)
    batcher.load(NOW_S)

    assert [spool.sealed(), len(spool.quarantined())] == [[], 1]


def test_the_first_key_that_a_segment_names_is_recorded(
    settings: Settings, warehouse: Warehouse
) -> None:
    spool = Spool(Path(settings.spool.dir))
    for path, key in (("/1", KEY), ("/2", OTHER)):
        spool_events(spool, [event(path=path)], keys={"shop": key})
    batcher = Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))
    with pytest.raises(OtherKeyError):
        batcher.load(NOW_S)

    assert paths(warehouse) == ["/1"]
    assert ledger_entries(warehouse) == [("key_created", "shop", key_commitment(KEY))]


def test_a_damaged_ledger_does_not_stop_the_load_of_segments(
    settings: Settings,
    spool: Spool,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger.append(warehouse, [ledger.NewEntry("test", "nothing")], NOW_S)
    [entry] = (warehouse.root / "ledger" / "_delta_log").glob("*1.json")
    entry.write_bytes(entry.read_bytes().replace(b"test", b"tesu") + b"\n")
    for path in ("/1", "/2"):
        spool_events(spool, [event(path=path)], keys={"shop": KEY})
    batcher = Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))
    caplog.clear()
    batcher.load(NOW_S)

    assert paths(warehouse) == ["/1", "/2"]
    # Logged once for all keys, and once for all segments.
    assert caplog.text.count("keys_not_checked") == 2


def test_the_keys_of_a_segment_are_no_frame_of_rows(spool: Spool) -> None:
    spool_events(spool, [event()], keys={"shop": KEY})
    [segment] = spool.sealed()
    content = read_frames(segment.path.read_bytes())
    [writer] = content.keys

    assert segment.path.read_bytes().startswith(encode_header())
    assert [frame.sequence for frame in content.frames] == [1]
    assert content.keys == {writer: {"shop": key_commitment(KEY)}}
