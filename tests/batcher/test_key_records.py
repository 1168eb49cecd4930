"""The tables know the key of their orders; with another key nothing is loaded."""

import json
import threading
from pathlib import Path

import pytest

from batcher.key_records import (
    CommitmentDamagedError,
    KeyChangedError,
    KeyRecords,
)
from batcher.run import Batcher
from batcher.spool.spool import Spool
from config.errors import Retryable
from config.settings import Settings
from tests.batcher.load.loads import left_over, spool_events, stored_events
from tests.flips import flips
from tests.processes import install
from tests.warehouse.event_rows import event
from warehouse.clock.believed_clock import Clocks
from warehouse.key_commitment import (
    encode_commitment,
    key_commitment,
    spool_commitment,
)
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

NOW_S = 1_795_348_800.0
KEY, OTHER = b"k" * 32, b"o" * 32
CONFIG = """\
[privacy]
salt_store = "data/salts"

[[sites]]
id = "shop"
domains = ["shop.example"]
"""


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(Path(settings.warehouse.uri))


def commit_to(spool_dir: str, key: bytes, site: str = "shop") -> Path:
    """Leave the copy of a commitment that a proxy leaves in the spool."""
    path = spool_commitment(Path(spool_dir), site)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_commitment(site, key_commitment(key)))
    return path


def records(settings: Settings, warehouse: Warehouse) -> KeyRecords:
    return KeyRecords(warehouse, Path(settings.spool.dir), ["shop", "blog"])


def recorded(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """Return kind, site and commitment of the entries, the oldest first."""
    entries = ledger.read_entries(warehouse.view(LEDGER).scan().collect())
    return [
        (each.kind, each.subject, json.loads(each.detail)["commitment"])
        for each in entries
    ]


def test_a_key_is_recorded_once(settings: Settings, warehouse: Warehouse) -> None:
    for site, key in (("shop", KEY), ("blog", OTHER)):
        commit_to(settings.spool.dir, key, site)
    ours = records(settings, warehouse)
    ours.check(NOW_S)
    ours.check(NOW_S)
    records(settings, warehouse).check(NOW_S)

    assert recorded(warehouse) == [
        ("key_created", "blog", key_commitment(OTHER)),
        ("key_created", "shop", key_commitment(KEY)),
    ]


def test_without_a_proxy_yet_nothing_is_recorded(
    settings: Settings, warehouse: Warehouse
) -> None:
    records(settings, warehouse).check(NOW_S)

    assert recorded(warehouse) == []


def test_batchers_that_race_record_a_key_once(
    settings: Settings, warehouse: Warehouse
) -> None:
    commit_to(settings.spool.dir, KEY)
    racers = [
        threading.Thread(target=records(settings, warehouse).check, args=(NOW_S,))
        for _ in range(4)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    assert recorded(warehouse) == [("key_created", "shop", key_commitment(KEY))]


@pytest.mark.parametrize("seen_before", [True, False])
def test_with_another_key_nothing_is_loaded_and_nothing_removed(
    settings: Settings, warehouse: Warehouse, *, seen_before: bool
) -> None:
    def begin() -> Batcher:
        return Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))

    commit_to(settings.spool.dir, KEY)
    batcher = begin()
    batcher.load(NOW_S)
    spool = Spool(Path(settings.spool.dir))
    spool_events(spool, [event(path="/a")], keys={"shop": OTHER})
    commit_to(settings.spool.dir, OTHER)
    waiting = left_over(spool)
    batcher = batcher if seen_before else begin()

    for _ in range(2):
        with pytest.raises(KeyChangedError) as caught:
            batcher.load(NOW_S)

    assert caught.value.message == (
        "load the spool: the key of 'shop' is not the recorded key; known orders"
        " would count again, and nothing was loaded"
    )
    assert caught.value.exit_code == 3
    assert not isinstance(caught.value, Retryable)
    assert left_over(spool) == waiting != []
    assert stored_events(warehouse) == []


def test_an_operator_may_accept_a_new_key(
    settings: Settings, warehouse: Warehouse
) -> None:
    commit_to(settings.spool.dir, KEY)
    running = records(settings, warehouse)
    running.check(NOW_S)
    commit_to(settings.spool.dir, OTHER)
    with pytest.raises(KeyChangedError):
        running.check(NOW_S)
    accepted = [str(records(settings, warehouse).accept(NOW_S)) for _ in range(2)]
    # One that runs sees what another process recorded.
    running.check(NOW_S)
    commit_to(settings.spool.dir, KEY)
    with pytest.raises(KeyChangedError):
        running.check(NOW_S)

    assert accepted == ["shop", "no key has changed"]
    assert recorded(warehouse) == [
        ("key_created", "shop", key_commitment(KEY)),
        ("key_replaced", "shop", key_commitment(OTHER)),
    ]


def test_no_bit_of_the_spools_copy_flips_in_silence(
    settings: Settings, warehouse: Warehouse
) -> None:
    path = commit_to(settings.spool.dir, KEY)
    ours = records(settings, warehouse)
    ours.check(NOW_S)
    for flipped in flips(path.read_bytes()):
        path.write_bytes(flipped)

        with pytest.raises(CommitmentDamagedError, match=str(path)):
            ours.check(NOW_S)


def test_the_commands_refuse_and_accept(tmp_path: Path) -> None:
    here = install(tmp_path, text=CONFIG)
    spool = Spool(Path(here.settings.spool.dir))
    commit_to(here.settings.spool.dir, KEY)
    first = here.run("batcher", "drain")
    spool_events(spool, [event(path="/a")], keys={"shop": OTHER})
    commit_to(here.settings.spool.dir, OTHER)
    refused = here.run("batcher", "drain")
    unsure = here.run("batcher", "accept-keys", given="n\n")
    accepted = here.run("batcher", "accept-keys", "--yes")
    again = here.run("batcher", "accept-keys", "--yes")
    drained = here.run("batcher", "drain")

    assert first.returncode == 0
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "the key of 'shop' is not the recorded key" in refused.stderr
    assert "millpond batcher accept-keys" in refused.stderr
    assert unsure.returncode != 0
    assert (accepted.returncode, accepted.stdout) == (0, "accepted: shop\n")
    assert again.stdout == "accepted: no key has changed\n"
    assert drained.stdout.startswith("drained: 1 received, 1 loaded,")


def test_a_damaged_ledger_stops_no_load(
    settings: Settings, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    commit_to(settings.spool.dir, KEY)
    ledger.append(warehouse, [ledger.NewEntry("test", "nothing")], NOW_S)
    [entry] = (warehouse.root / "ledger" / "_delta_log").glob("*1.json")
    entry.write_bytes(entry.read_bytes().replace(b"test", b"tesu") + b"\n")
    spool_events(Spool(Path(settings.spool.dir)), [event()])
    records(settings, warehouse).check(NOW_S)

    assert "keys_not_checked" in caplog.text
    batcher = Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))
    assert batcher.load(NOW_S) == "1 events of 1 segments"
