"""An import stores history once, on its own days, without personal data."""

import gzip
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from batcher.salts.held import Salts, open_store
from batcher.salts.history import import_directory
from batcher.salts.secret_bytes import fill_random
from batcher.spool.spool import Spool
from config.settings import Settings, SiteSettings
from proxy.history.file_problems import UnknownFormatError
from proxy.history.log_file import LONGEST_LINE, UnreadableLogError
from proxy.history.log_line import SkipReason
from proxy.history.options import ImportOptions
from proxy.history.run import UnknownSiteError
from proxy.history.store import StillBusyError
from tests.proxy.history.in_process_import import (
    AGENT,
    BOT,
    NOON,
    accounted_views,
    drops,
    line,
    received,
    recorded_salts,
    run,
    stored,
    views,
    write_log,
)
from warehouse.locks import try_lock
from warehouse.schema import DAILY_STATS, SESSIONS

DAYS = ["20/Nov/2026", "21/Nov/2026", "22/Nov/2026"]


def day_lines(day: str, count: int = 10) -> list[str]:
    """Return page views of *day* by two visitors on two pages, with one bot."""
    plain = [
        line(
            f"/p/{n % 2}",
            at=f"{day}:10:{n:02}:00 +0000",
            address=f"198.51.100.{n % 2}",
        )
        for n in range(count)
    ]
    bot = line("/", at=f"{day}:11:00:00 +0000", agent=BOT)
    return [*plain, bot, line("/a.css", at=f"{day}:11:00:01 +0000")]


def test_an_import_stores_builds_and_accounts_for_every_line(
    settings: Settings, tmp_path: Path
) -> None:
    lines = [line for day in DAYS for line in day_lines(day)]
    outcome = run(settings, write_log(tmp_path / "log", lines))

    tally = outcome.tally
    assert (tally.lines, tally.events, outcome.duplicates) == (36, 30, 0)
    assert (tally.first, tally.last) == (date(2026, 11, 20), date(2026, 11, 22))
    assert (tally.skipped, tally.dropped) == ({SkipReason.ASSET: 3}, {"bot": 3})
    assert views(settings) == [("/p/0", 15), ("/p/1", 15)]
    assert drops(settings) == {"bot": 3}
    assert set(stored(settings)["hostname"]) == {"shop.example"}
    assert set(stored(settings)["late"]) == {False}
    assert stored(settings)["visitor"].n_unique() == 6
    assert stored(settings, SESSIONS).height == 6
    totals = stored(settings, DAILY_STATS).filter(dimension="total")
    assert totals["pageviews"].to_list() == [10, 10, 10]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_importing_a_log_twice_changes_no_count(
    settings: Settings, tmp_path: Path, *, packed: bool
) -> None:
    lines = [line for day in DAYS for line in day_lines(day)]
    first = run(settings, write_log(tmp_path / "log", lines))
    before = stored(settings).sort("event_id")
    again = run(settings, write_log(tmp_path / "again", lines, packed=packed))

    assert again.duplicates == 30
    assert stored(settings).sort("event_id").equals(before)
    assert received(settings) == accounted_views([first, again])


def test_overlapping_files_in_any_order_count_each_line_once(
    settings: Settings, tmp_path: Path
) -> None:
    days = [day_lines(day) for day in DAYS]
    late = write_log(tmp_path / "late", [*days[1], *days[2]])
    early = write_log(tmp_path / "early.gz", [*days[0], *days[1]], packed=True)
    outcome = run(settings, late, early, late)

    assert outcome.duplicates == 10
    assert views(settings) == [("/p/0", 15), ("/p/1", 15)]
    assert received(settings) == accounted_views([outcome])


def test_identical_views_in_one_second_are_all_counted(
    settings: Settings, tmp_path: Path
) -> None:
    same = line("/a")
    other = line("/a", address="198.51.100.8")
    log = write_log(tmp_path / "log", [same, other, same, same])
    run(settings, log)
    again = run(settings, write_log(tmp_path / "copy", [same, other, same, same]))

    assert views(settings) == [("/a", 4)]
    assert again.duplicates == 4


def test_the_server_option_keeps_identical_lines_of_two_servers(
    settings: Settings, tmp_path: Path
) -> None:
    first = write_log(tmp_path / "first", [line("/a")])
    second = write_log(tmp_path / "second", [line("/a", address="198.51.100.8")])
    run(settings, first, options=ImportOptions(server="one"))
    run(settings, second, options=ImportOptions(server="two"))
    again = run(settings, second, options=ImportOptions(server="two"))

    assert views(settings) == [("/a", 2)]
    assert again.duplicates == 1


def test_an_event_id_does_not_depend_on_the_visitor(
    settings: Settings, tmp_path: Path
) -> None:
    other = replace(settings.warehouse, uri=str(tmp_path / "other"))
    person = line("/a?mail=a@b.example", referrer="https://a.example/?me=1")
    somebody = line("/a?mail=c@d.example", address="192.0.2.9", agent=f"{AGENT} x")
    run(settings, write_log(tmp_path / "log", [person]))
    # The second import uses other tables on purpose.
    (Path(settings.spool.dir) / "warehouse-id").unlink()
    run(replace(settings, warehouse=other), write_log(tmp_path / "b", [somebody]))

    ids = [
        stored(installation)["event_id"].to_list()
        for installation in (settings, replace(settings, warehouse=other))
    ]
    assert ids[0] == ids[1]


def test_the_salts_of_past_days_are_destroyed_on_record(
    settings: Settings, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log", day_lines(DAYS[0]))
    run(settings, log)
    visitors = set(stored(settings)["visitor"])
    fresh = replace(settings.warehouse, uri=str(tmp_path / "fresh"))
    (Path(settings.spool.dir) / "warehouse-id").unlink()
    run(replace(settings, warehouse=fresh), log)

    assert not import_directory(Path(settings.spool.dir)).exists()
    created, destroyed = recorded_salts(settings).values()
    assert (created, len(created)) == (destroyed, 1)
    again = set(stored(replace(settings, warehouse=fresh))["visitor"])
    assert (len(visitors), visitors & again) == (2, set())


def test_lines_of_today_use_the_salt_of_today(
    settings: Settings, tmp_path: Path
) -> None:
    today = [line("/a", at="23/Nov/2026:09:00:00 +0000")]
    run(settings, write_log(tmp_path / "log", today))
    before = stored(settings)["visitor"].to_list()
    live = Salts(
        open_store(settings.privacy.salt_store, Path(settings.spool.dir)), fill_random
    )
    try:
        assert live.key("UTC", date(2026, 11, 23), "shop", NOON) is not None
    finally:
        live.close()
    later = line("/b", at="23/Nov/2026:11:00:00 +0000")
    run(settings, write_log(tmp_path / "more", [*today, later]))

    assert stored(settings)["visitor"].to_list() == before * 2


def test_days_follow_the_zone_of_the_site(settings: Settings, tmp_path: Path) -> None:
    site = SiteSettings(
        id="shop", domains=("shop.example",), timezone="America/Los_Angeles"
    )
    lines = [
        line("/a", at=f"{at} +0000")
        for at in ("21/Nov/2026:07:59:59", "21/Nov/2026:08:00:00")
    ]
    run(replace(settings, sites=(site,)), write_log(tmp_path / "log", lines))

    assert stored(settings).sort("day")["day"].to_list() == [
        date(2026, 11, 20),
        date(2026, 11, 21),
    ]


def test_a_line_of_another_virtual_host_is_dropped(
    settings: Settings, tmp_path: Path
) -> None:
    hosts = ["shop.example:443 ", "www.shop.example ", "elsewhere.example ", ""]
    lines = [line("/a", vhost=host) for host in hosts]
    outcome = run(settings, write_log(tmp_path / "log", lines))

    names = sorted(stored(settings)["hostname"])
    assert names == ["shop.example", "shop.example", "www.shop.example"]
    assert outcome.tally.dropped == {"foreign_origin": 1}
    assert drops(settings) == {"foreign_origin": 1}


def test_a_wildcard_site_accepts_lines_without_a_host(
    settings: Settings, tmp_path: Path
) -> None:
    site = SiteSettings(id="shop", domains=("*.shop.example",))
    run(replace(settings, sites=(site,)), write_log(tmp_path / "log", [line("/a")]))

    assert stored(settings)["hostname"].to_list() == ["www.shop.example"]


def test_an_overlong_line_counts_as_one_unreadable_line(
    settings: Settings, tmp_path: Path
) -> None:
    lines = [line("/a"), line("/" + "x" * 3 * LONGEST_LINE), line("/b")]
    outcome = run(settings, write_log(tmp_path / "log", lines))

    assert outcome.tally.lines == 3
    assert outcome.tally.skipped == {SkipReason.UNREADABLE: 1}
    assert views(settings) == [("/a", 1), ("/b", 1)]


def test_a_truncated_gzip_log_keeps_its_readable_part(
    settings: Settings, tmp_path: Path
) -> None:
    lines = [line(f"/p/{n}", address=f"198.51.{n % 250}.7") for n in range(5_000)]
    whole = write_log(tmp_path / "whole.gz", lines, packed=True).read_bytes()
    cut = tmp_path / "cut.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    after = write_log(tmp_path / "after", [line("/after")])
    outcome = run(settings, cut, after)

    events = stored(settings)
    assert [type(problem) for problem in outcome.problems] == [UnreadableLogError]
    assert str(cut) in str(outcome.problems[0])
    assert 1_000 < events.height < 4_000
    assert events.filter(path="/after").height == 1
    assert received(settings) == accounted_views([outcome])


@pytest.mark.parametrize("keep", [0, 2, 12, 20], ids=lambda n: f"{n} bytes")
def test_a_nearly_empty_gzip_log_is_a_clear_error(
    settings: Settings, tmp_path: Path, keep: int
) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"x" * 100)[:keep])
    outcome = run(settings, path)

    expected = [UnreadableLogError] if keep else []
    assert [type(problem) for problem in outcome.problems] == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"some text\n", [UnknownFormatError]),
        (b"\0\0\0\0", [UnknownFormatError]),
        (b"PK\3\4 zip\n", [UnknownFormatError]),
        (f"{line(agent=BOT)}\ngarbage\n".encode(), []),
    ],
    ids=["empty", "text", "NULs", "other packer", "one line"],
)
def test_a_file_without_a_readable_line_is_an_error(
    settings: Settings, tmp_path: Path, content: bytes, expected: list[type]
) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    outcome = run(settings, path)

    assert [type(problem) for problem in outcome.problems] == expected


def test_an_unknown_site_error_lists_the_known_sites(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(UnknownSiteError, match="'shop'") as caught:
        run(settings, write_log(tmp_path / "log", [line()]), site="blog")

    assert caught.value.exit_code == 2


def test_history_larger_than_the_spool_is_loaded_in_parts(
    settings: Settings, tmp_path: Path
) -> None:
    small = replace(settings.spool, max_bytes=1 << 20)
    lines = [
        line(f"/p/{n}", at=f"20/Nov/2026:1{n % 10}:00:00 +0000") for n in range(8_000)
    ]
    outcome = run(replace(settings, spool=small), write_log(tmp_path / "log", lines))

    assert (outcome.tally.events, outcome.duplicates) == (8_000, 0)
    assert stored(settings).height == 8_000


def test_an_import_waits_for_a_running_load(settings: Settings, tmp_path: Path) -> None:
    lock = try_lock(Spool(Path(settings.spool.dir)).load_lock)
    assert lock is not None
    waits = iter([0, 0, lock])

    def wait() -> None:
        if descriptor := next(waits):
            os.close(descriptor)

    run(settings, write_log(tmp_path / "log", [line()]), waited=wait)

    assert (next(waits, "over"), stored(settings).height) == ("over", 1)


def test_an_import_that_waited_too_long_can_be_resumed(
    settings: Settings, tmp_path: Path
) -> None:
    lock = try_lock(Spool(Path(settings.spool.dir)).load_lock)
    assert lock is not None
    log = write_log(tmp_path / "log", [line()])
    try:
        with pytest.raises(StillBusyError, match="another process"):
            run(settings, log)
    finally:
        os.close(lock)
    outcome = run(settings, log)

    assert (outcome.tally.lines, outcome.duplicates) == (1, 0)
    assert views(settings) == [("/", 1)]
