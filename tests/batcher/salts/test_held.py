"""A process uses one salt per date, only until its grace period ends."""

import itertools
from datetime import date
from pathlib import Path

import pytest

from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.held import KEY_BYTES, LEAD_S, Salts, open_store, site_day_key
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import SaltDamagedError, SaltEndedError
from config.mounts import is_in_memory
from tests.batcher.salts.salt_cases import (
    DAY,
    DAY_AFTER,
    DAY_BEFORE,
    ZONE,
    at,
    counting_randomness,
    salt_of,
)

NOON = at("2026-11-22T12:00")
MIDNIGHT = at("2026-11-23T00:00")
GRACE_S = 30 * 60


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    return DirectorySalts(tmp_path / "salts")


@pytest.fixture
def salts(store: DirectorySalts) -> Salts:
    return Salts(store, fill_random)


def copy_of(key: bytearray | None) -> bytes | None:
    """Return a copy of *key*, which is wiped in place later."""
    return None if key is None else bytes(key)


def stored_days(store: DirectorySalts) -> list[date]:
    return [mark.day for mark in store.live()]


def test_the_key_of_a_site_is_derived_from_the_salt(store: DirectorySalts) -> None:
    got = Salts(store, counting_randomness()).key(ZONE, DAY, "shop", NOON)

    assert got == site_day_key(salt_of(1), "shop")
    assert got is not None
    assert len(got) == KEY_BYTES


def test_keys_differ_by_site_zone_and_date(salts: Salts) -> None:
    now_s = MIDNIGHT - 1
    got = [
        copy_of(salts.key(zone, day, site, now_s))
        for zone, day, site in itertools.product(
            (ZONE, "Europe/Paris"), (DAY, DAY_AFTER), ("shop", "blog")
        )
    ]

    assert len(set(got)) == 8
    assert None not in got


def test_the_marker_has_no_part_in_the_key() -> None:
    marked = salt_of(1)
    marked[:8] = b"\xff" * 8

    assert site_day_key(marked, "shop") == site_day_key(salt_of(1), "shop")


def test_two_processes_use_the_same_key(store: DirectorySalts) -> None:
    first, second = Salts(store, fill_random), Salts(store, fill_random)

    assert first.key(ZONE, DAY, "shop", NOON) == second.key(ZONE, DAY, "shop", NOON)


def test_a_restart_within_the_day_keeps_its_key(
    salts: Salts, store: DirectorySalts
) -> None:
    before = copy_of(salts.key(ZONE, DAY, "shop", NOON))
    salts.close()

    after = Salts(store, fill_random).key(ZONE, DAY, "shop", NOON + 60)

    assert copy_of(after) == before


@pytest.mark.parametrize(
    ("now_s", "day", "created"),
    [
        pytest.param(NOON, DAY, True, id="today"),
        pytest.param(NOON, DAY_BEFORE, False, id="yesterday"),
        pytest.param(NOON, DAY_AFTER, False, id="tomorrow"),
        pytest.param(MIDNIGHT - LEAD_S, DAY_AFTER, True, id="tomorrow, shortly before"),
        pytest.param(MIDNIGHT - LEAD_S - 1, DAY_AFTER, False, id="tomorrow, too early"),
        pytest.param(MIDNIGHT, DAY, False, id="the second after the date"),
        pytest.param(MIDNIGHT, DAY_AFTER, True, id="the first second of the date"),
        pytest.param(NOON, date(2016, 11, 22), False, id="ten years ago"),
    ],
)
def test_a_salt_is_created_for_the_current_date_only(
    salts: Salts, store: DirectorySalts, now_s: int, day: date, *, created: bool
) -> None:
    got = salts.key(ZONE, day, "shop", now_s)

    assert (got is not None) == created
    assert stored_days(store) == ([day] if created else [])


@pytest.mark.parametrize(
    ("since_midnight_s", "is_live"),
    [
        pytest.param(0, True, id="at midnight"),
        pytest.param(GRACE_S - 1, True, id="the last second of the grace period"),
        pytest.param(GRACE_S, False, id="after the grace period"),
        pytest.param(-86_400, True, id="a day earlier"),
        pytest.param(86_400, False, id="a day later"),
    ],
)
def test_a_date_is_usable_until_its_grace_period_ends(
    salts: Salts, store: DirectorySalts, since_midnight_s: int, *, is_live: bool
) -> None:
    salts.key(ZONE, DAY, "shop", NOON)
    now_s = MIDNIGHT + since_midnight_s

    held = salts.key_if_live(ZONE, DAY, "shop", now_s)
    stored = Salts(store, fill_random).key(ZONE, DAY, "shop", now_s)

    assert (held is not None, stored is not None) == (is_live, is_live)


def test_prefetched_keys_need_no_store(salts: Salts, store: DirectorySalts) -> None:
    salts.prefetch([ZONE, "UTC"], NOON)
    store.remove()

    assert salts.key_if_live(ZONE, DAY, "shop", NOON) is not None
    assert salts.key_if_live("UTC", DAY, "shop", NOON) is not None
    assert salts.key_if_live("Asia/Tokyo", DAY, "shop", NOON) is None


@pytest.mark.parametrize(
    ("now_s", "ready"),
    [
        pytest.param(NOON, [DAY], id="at noon"),
        pytest.param(MIDNIGHT - LEAD_S - 1, [DAY], id="too early for tomorrow"),
        pytest.param(MIDNIGHT - LEAD_S, [DAY, DAY_AFTER], id="today and tomorrow"),
        pytest.param(
            MIDNIGHT + GRACE_S - 1, [DAY, DAY_AFTER], id="yesterday in its grace period"
        ),
        pytest.param(
            MIDNIGHT + GRACE_S, [DAY_AFTER], id="yesterday after its grace period"
        ),
    ],
)
def test_prefetching_loads_the_dates_of_the_next_minutes(
    store: DirectorySalts, now_s: int, ready: list[date]
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    salts = Salts(store, fill_random)

    salts.prefetch([ZONE], now_s)

    days = (DAY_BEFORE, DAY, DAY_AFTER)
    got = [day for day in days if salts.key_if_live(ZONE, day, "shop", now_s)]
    assert got == ready


def test_a_store_that_lost_its_salts_gets_them_from_the_process(
    salts: Salts, store: DirectorySalts
) -> None:
    salts.prefetch([ZONE], NOON)
    key = salts.key_if_live(ZONE, DAY, "shop", NOON)
    store.remove()

    salts.prefetch([ZONE], NOON + 60)

    assert salts.key_if_live(ZONE, DAY, "shop", NOON + 60) is key
    assert Salts(store, fill_random).key(ZONE, DAY, "shop", NOON + 60) == key


def test_all_processes_switch_to_the_salt_in_the_store(
    salts: Salts, store: DirectorySalts
) -> None:
    salts.prefetch([ZONE], NOON)
    old = salts.key_if_live(ZONE, DAY, "shop", NOON)
    store.remove()
    other = Salts(store, fill_random)
    other.prefetch([ZONE], NOON)

    salts.prefetch([ZONE], NOON)
    got = salts.key_if_live(ZONE, DAY, "shop", NOON)
    salts.forget_ended(NOON)

    assert got == other.key_if_live(ZONE, DAY, "shop", NOON)
    assert copy_of(old) == bytes(KEY_BYTES)


def test_forgetting_wipes_ended_keys_in_place(salts: Salts) -> None:
    salts.prefetch([ZONE], MIDNIGHT - 1)
    ended = salts.key_if_live(ZONE, DAY, "shop", MIDNIGHT)
    live = salts.key_if_live(ZONE, DAY_AFTER, "shop", MIDNIGHT)

    salts.forget_ended(MIDNIGHT + GRACE_S)

    assert copy_of(ended) == bytes(KEY_BYTES)
    assert copy_of(live) != bytes(KEY_BYTES)
    assert salts.key_if_live(ZONE, DAY, "shop", NOON) is None


def test_no_key_is_forgotten_in_its_grace_period(salts: Salts) -> None:
    salts.prefetch([ZONE], NOON)

    salts.forget_ended(MIDNIGHT + GRACE_S - 1)

    assert salts.key_if_live(ZONE, DAY, "shop", MIDNIGHT) is not None


def test_closing_wipes_all_keys(salts: Salts) -> None:
    key = salts.key(ZONE, DAY, "shop", NOON)

    salts.close()

    assert copy_of(key) == bytes(KEY_BYTES)
    assert salts.key_if_live(ZONE, DAY, "shop", NOON) is None


@pytest.mark.parametrize(
    "jump_s",
    [
        pytest.param(-86_400, id="a day back"),
        pytest.param(86_400, id="a day forward"),
        pytest.param(25 * 3_600, id="25 hours forward"),
        pytest.param(-3_600, id="an hour back"),
    ],
)
def test_a_clock_jump_and_back_keeps_the_salt(salts: Salts, jump_s: int) -> None:
    before = copy_of(salts.key(ZONE, DAY, "shop", NOON))

    salts.forget_ended(NOON + jump_s)
    salts.prefetch([ZONE], NOON + jump_s)
    salts.forget_ended(NOON)
    salts.prefetch([ZONE], NOON)

    after = salts.key_if_live(ZONE, DAY, "shop", NOON)
    assert copy_of(after) == before


def test_a_late_clock_does_not_restore_a_destroyed_date(
    salts: Salts, store: DirectorySalts
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    store.destroy(ZONE, DAY)

    with pytest.raises(SaltEndedError, match="check this machine's clock"):
        salts.prefetch([ZONE, "UTC"], NOON)

    assert salts.key_if_live(ZONE, DAY, "shop", NOON) is None
    assert salts.key_if_live("UTC", DAY, "shop", NOON) is not None


def test_ten_crossings_of_midnight_create_two_salts(
    salts: Salts, store: DirectorySalts
) -> None:
    keys = set()
    for crossing in range(10):
        for now_s in (MIDNIGHT - 1 - crossing, MIDNIGHT + crossing):
            day = DAY if now_s < MIDNIGHT else DAY_AFTER
            keys.add((day, copy_of(salts.key(ZONE, day, "shop", now_s))))
            salts.forget_ended(now_s)

    assert len(keys) == 2
    assert stored_days(store) == [DAY, DAY_AFTER]


@pytest.mark.parametrize(
    ("day", "last", "hours"),
    [
        pytest.param(date(2026, 3, 29), "2026-03-29T23:59:59", 23, id="23 hours"),
        pytest.param(date(2026, 10, 25), "2026-10-25T23:59:59", 25, id="25 hours"),
    ],
)
def test_a_date_of_any_length_has_one_salt(
    salts: Salts, store: DirectorySalts, day: date, last: str, hours: int
) -> None:
    end_s = at(last) + 1
    keys = {
        copy_of(salts.key(ZONE, day, "shop", end_s - hour * 3_600 + 1))
        for hour in range(1, hours + 1)
    }

    assert len(keys) == 1
    assert None not in keys
    assert day in stored_days(store)
    assert salts.key_if_live(ZONE, day, "shop", end_s + GRACE_S) is None


def test_a_damaged_salt_is_an_error_and_never_a_key(
    salts: Salts, store: DirectorySalts
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    (file,) = store.directory.glob("*.salt")
    file.write_bytes(bytes(72))

    with pytest.raises(SaltDamagedError):
        salts.prefetch([ZONE], NOON)

    assert salts.key_if_live(ZONE, DAY, "shop", NOON) is None


def test_no_key_is_derived_from_a_salt_that_is_wiped_meanwhile(salts: Salts) -> None:
    salts.prefetch([ZONE], NOON)

    class InterruptingSite(str):
        """A site id whose lookup makes another caller forget the date."""

        __slots__ = ("looked_up",)

        def __hash__(self) -> int:
            if not hasattr(self, "looked_up"):
                self.looked_up = True
                salts.forget_ended(MIDNIGHT + GRACE_S)
            return super().__hash__()

    got = salts.key_if_live(ZONE, DAY, InterruptingSite("shop"), NOON)

    assert got is None


def test_the_default_store_is_in_a_memory_file_system_if_available(
    tmp_path: Path,
) -> None:
    spool = tmp_path / "data" / "spool"
    memory = Path("/dev/shm")  # noqa: S108 - the directory under test

    got = default_directory(spool, memory)

    if is_in_memory(memory):
        assert got.parent == memory
        assert got != default_directory(tmp_path / "other" / "spool", memory)
    else:
        assert got == tmp_path / "data" / "salts"


def test_the_default_store_is_beside_the_spool_without_a_memory_file_system(
    tmp_path: Path,
) -> None:
    got = default_directory(tmp_path / "data" / "spool", Path("/proc"))

    assert got == tmp_path / "data" / "salts"


def test_a_named_directory_is_used(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "mine"), tmp_path / "spool")
    store.get_or_create(ZONE, DAY, fill_random)

    assert len(list((tmp_path / "mine").glob("*.salt"))) == 1


def test_reprs_contain_no_secret(store: DirectorySalts) -> None:
    salts = Salts(store, counting_randomness())
    salts.prefetch([ZONE], NOON)
    key = salts.key_if_live(ZONE, DAY, "shop", NOON)
    shown = f"{salts!r} {salts._held!r} {store!r}"  # noqa: SLF001 - nested reprs too

    assert key is not None
    for secret in (key, salt_of(1)):
        assert secret.hex() not in shown
        assert repr(bytes(secret))[2:-1] not in shown
