"""An order counts once, whoever reported it before, with the figures of the list."""

import threading
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from config.settings import Settings
from proxy.history.orders.tally import Unfiled
from tests.proxy.history.orders.order_imports import (
    HEAD,
    KEY,
    TODAY,
    Figures,
    figures,
    live,
    live_refund,
    rows_of,
    run,
    store_live,
    write_list,
)
from tests.warehouse.day_frames import Row
from warehouse.key_commitment import key_commitment

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
SERVER: Row = {"server": True, "visitor": None}


class Case(NamedTuple):
    """Stored reports, a row of the list, and what then counts.

    *filed* are the orders and refunds that the import files.
    """

    stored: list[Row]
    row: str
    expected: dict[date, Figures]
    filed: tuple[int, int] = (0, 0)
    unfiled: str | None = None


CASES = {
    "nobody told it": Case(
        [], "7,10.00,,2026-11-20,,", {DAY: Figures(1, 1_000, 0, 0)}, (1, 0)
    ),
    "the server told it": Case(
        [live("7", DAY, value_minor=1_000, **SERVER)],
        "7,10.00,,2026-11-20,,",
        {DAY: Figures(1, 1_000, 0, 0)},
    ),
    "the server told it on another day": Case(
        [live("7", NEXT, value_minor=1_000, **SERVER)],
        "7,10.00,,2026-11-20,,",
        {NEXT: Figures(1, 1_000, 0, 0)},
    ),
    "the server told another amount": Case(
        [live("7", DAY, value_minor=900, **SERVER)],
        "7,10.00,,2026-11-20,,",
        {DAY: Figures(1, 900, 0, 0)},
        unfiled=Unfiled.DIFFERENT,
    ),
    "the server told another currency": Case(
        [live("7", DAY, value_minor=1_000, **SERVER)],
        "7,10.00,USD,2026-11-20,,",
        {DAY: Figures(1, 1_000, 0, 0)},
        unfiled=Unfiled.DIFFERENT,
    ),
    "a browser told it": Case(
        [live("7", DAY, value_minor=1_000)],
        "7,10.00,,2026-11-20,,",
        {DAY: Figures(1, 1_000, 0, 0)},
        (1, 0),
    ),
    "a browser told another amount": Case(
        [live("7", DAY, value_minor=1)],
        "7,10.00,,2026-11-20,,",
        {DAY: Figures(1, 1_000, 0, 0)},
        (1, 0),
    ),
    "a browser told it after midnight": Case(
        [live("7", NEXT, "00:01", value_minor=1)],
        "7,10.00,,2026-11-20,,",
        {NEXT: Figures(1, 1_000, 0, 0)},
        (1, 0),
    ),
    "browser and server told it": Case(
        [
            live("7", DAY, value_minor=1),
            live("7", DAY, value_minor=1_000, **SERVER),
        ],
        "7,10.00,,2026-11-20,,",
        {DAY: Figures(1, 1_000, 0, 0)},
    ),
    "the number sign is not sent": Case(
        [live("7", DAY, value_minor=1_000, **SERVER)],
        "#7,10.00,,2026-11-20,,",
        {DAY: Figures(1, 1_000, 0, 0)},
    ),
    "refunded in part": Case(
        [],
        "7,10.00,,2026-11-20,,4.00",
        {DAY: Figures(1, 1_000, 1, 400)},
        (1, 1),
    ),
    "refunded whole, by its word": Case(
        [],
        "7,10.00,,2026-11-20,refunded,",
        {DAY: Figures(1, 1_000, 1, 1_000)},
        (1, 1),
    ),
    "refunded more than its total": Case(
        [],
        "7,10.00,,2026-11-20,,12.00",
        {DAY: Figures(1, 1_000, 1, 1_000)},
        (1, 1),
    ),
    "refunded in part, nobody says how much": Case(
        [],
        "7,10.00,,2026-11-20,partially_refunded,",
        {DAY: Figures(1, 1_000, 0, 0)},
        (1, 0),
        Unfiled.UNKNOWN_REFUND,
    ),
    "the server told the refund": Case(
        [live("7", DAY, value_minor=1_000, **SERVER), live_refund("7", NEXT, 400)],
        "7,10.00,,2026-11-20,,4.00",
        {DAY: Figures(1, 1_000, 0, 0), NEXT: Figures(0, 0, 1, 400)},
    ),
    "the server told a part of the refund": Case(
        [live("7", DAY, value_minor=1_000, **SERVER), live_refund("7", DAY, 400)],
        "7,10.00,,2026-11-20,,7.00",
        {DAY: Figures(1, 1_000, 2, 700)},
        (0, 1),
    ),
    "the server told the rest": Case(
        [live("7", DAY, value_minor=1_000, **SERVER), live_refund("7", DAY, None)],
        "7,10.00,,2026-11-20,refunded,",
        {DAY: Figures(1, 1_000, 1, 1_000)},
    ),
    "the server told more": Case(
        [live("7", DAY, value_minor=1_000, **SERVER), live_refund("7", DAY, 400)],
        "7,10.00,,2026-11-20,,3.00",
        {DAY: Figures(1, 1_000, 1, 400)},
        unfiled=Unfiled.MORE_REFUNDED,
    ),
    "listed with the rest of its total": Case(
        [live("7", DAY, value_minor=1_000, **SERVER), live_refund("7", DAY, 400)],
        "7,6.00,,2026-11-20,,4.00",
        {DAY: Figures(1, 1_000, 1, 400)},
    ),
    "cancelled": Case([], "7,10.00,,2026-11-20,cancelled,", {}),
    "a test": Case([], "7,10.00,,2026-11-20,test,", {}),
    "failed, but counted": Case(
        [live("7", DAY, value_minor=1_000)],
        "7,10.00,,2026-11-20,failed,",
        {DAY: Figures(1, 1_000, 1, 1_000)},
        (0, 1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_order_counts_once_with_the_figures_of_the_list(
    settings: Settings, name: str
) -> None:
    case = CASES[name]
    file = write_list(settings, f"{HEAD}{case.row}\n")
    store_live(settings, case.stored)

    tally = run(settings, file).tally

    assert (tally.filed, tally.refunds) == case.filed
    assert tally.unfiled == ({case.unfiled: 1} if case.unfiled else {})
    assert figures(settings) == case.expected

    again = run(settings, file).tally

    assert (again.filed, again.refunds) == (0, 0)
    assert figures(settings) == case.expected


def test_an_id_of_another_column_is_the_same_order(settings: Settings) -> None:
    # The shop's events carry the number; most stored orders have the other id.
    text = "Order number,Id,Total,Date\n" + "".join(
        f"100{n},590{n},5.00,2026-11-20\n" for n in range(1, 5)
    )
    file = write_list(settings, text)
    reported = ("5901", "5902", "1003")
    store_live(settings, [live(n, DAY, value_minor=500, **SERVER) for n in reported])

    outcome = run(settings, file)

    assert outcome.readings == [("general", "Id")]
    assert (outcome.tally.stored_before, outcome.tally.filed) == (3, 1)
    assert figures(settings) == {DAY: Figures(4, 2_000, 0, 0)}


def test_numbers_of_two_columns_that_overlap_are_two_orders(
    settings: Settings,
) -> None:
    text = "Order number,Id,Total,Date\n7,3,5.00,2026-11-20\n3,9,6.00,2026-11-20\n"
    file = write_list(settings, text)
    store_live(settings, [live("3", DAY, value_minor=600, **SERVER)])

    tally = run(settings, file).tally

    assert (tally.filed, tally.stored_before) == (1, 1)
    assert figures(settings) == {DAY: Figures(2, 1_100, 0, 0)}


def test_a_newer_list_files_only_what_changed(settings: Settings) -> None:
    rows = "7,10.00,,2026-11-20,paid,{}\n8,6.00,,2026-11-20,{},\n"
    run(settings, write_list(settings, HEAD + rows.format("4.00", "paid")))
    newer = write_list(settings, HEAD + rows.format("9.00", "cancelled"), "newer.csv")

    tally = run(settings, newer).tally

    assert (tally.filed, tally.refunds) == (0, 2)
    assert tally.refunded_minor == {"EUR": 500 + 600}
    assert figures(settings) == {DAY: Figures(2, 1_600, 3, 1_500)}


def test_the_visit_of_a_browser_keeps_its_order(settings: Settings) -> None:
    visit: Row = {"source": "newsletter", "channel": "email", "visitor": 5}
    file = write_list(settings, f"{HEAD}7,10.00,,2026-11-20,,\n")
    store_live(settings, [live("7", DAY, value_minor=1, **visit)])

    run(settings, file)

    stored = rows_of(settings).sort("server")
    assert stored["source"].to_list() == ["newsletter", None]
    assert stored["visitor"].to_list() == [5, None]
    assert figures(settings) == {DAY: Figures(1, 1_000, 0, 0)}


@pytest.mark.parametrize("name", ["shop", "store"])
def test_a_renamed_site_has_its_orders_once_under_either_name(
    settings: Settings, name: str
) -> None:
    file = write_list(settings, f"{HEAD}1,5.00,EUR,{TODAY},,\n")
    run(settings, file)
    [site] = settings.sites
    renamed = replace(site, id="store", formerly=("shop",))

    outcome = run(replace(settings, sites=(renamed,)), file, site=name)

    assert outcome.tally.unfiled == {}
    assert figures(settings) == {TODAY: Figures(1, 500, 0, 0)}


def test_an_id_with_and_without_a_number_sign_is_one_id(settings: Settings) -> None:
    store_live(settings, [live("8003", TODAY, value_minor=5_000)])
    run(settings, write_list(settings, f"{HEAD}#8001,5.00,EUR,{TODAY},,\n"))

    newer = f"{HEAD}#8001,5.00,EUR,{TODAY},,\n#8003,55.00,EUR,{TODAY},,\n"
    run(settings, write_list(settings, newer))

    assert figures(settings) == {TODAY: Figures(2, 6_000, 0, 0)}


def seal_when_asked(lane: Lane) -> None:
    """Seal the open segment once another process asks for it, like a proxy."""
    while not lane.seal_if_due(0.0):
        pass


def test_what_a_proxy_has_just_acknowledged_is_known(settings: Settings) -> None:
    file = write_list(settings, f"{HEAD}2001,5.00,EUR,{TODAY},,\n")
    run(settings, file)
    lane = Lane.open(
        Spool(Path(settings.spool.dir)),
        "worker-0",
        settings.spool,
        keys={"shop": key_commitment(KEY)},
    )
    row = live("2002", TODAY, value_minor=700, **SERVER)
    lane.commit([msgspec.json.encode(row)], [])
    proxy = threading.Thread(target=seal_when_asked, args=(lane,))
    proxy.start()

    newer = write_list(settings, f"{HEAD}2002,7.00,EUR,{TODAY},,\n")
    outcome = run(settings, newer)

    proxy.join()
    lane.close()
    assert outcome.tally.stored_before == 1
    assert figures(settings) == {TODAY: Figures(2, 1_200, 0, 0)}
