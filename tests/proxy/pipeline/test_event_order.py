"""Events of one visitor get growing numbers within a second, in bounded memory."""

import gc
import random
import tracemalloc
from datetime import date
from pathlib import Path

import msgspec

from proxy.pipeline.event_order import PLACES, EventOrder
from proxy.pipeline.moment import Moment
from tests.warehouse.event_rows import event, frame
from warehouse.delta.data_files import write_data_file
from warehouse.schema import EVENTS, Hash64

DAY = date(2026, 11, 23)
NOON = 1_795_435_200
ADA, BEN = Hash64(-7), Hash64(9)


def moment(part: int = 0, at: int = NOON) -> Moment:
    """Return a moment at noon."""
    return Moment(at, DAY, part=part)


def test_the_number_grows_with_each_event_of_the_visitor() -> None:
    order = EventOrder()

    got = [order.next_seq(visitor, moment()) for visitor in (ADA, BEN, ADA, ADA, BEN)]

    assert got == [0, 0, 1, 2, 1]


def test_a_later_part_of_the_second_has_a_higher_number() -> None:
    order = EventOrder()

    late = order.next_seq(ADA, moment(part=31))
    early = [order.next_seq(ADA, moment(part=part)) for part in (0, 0, 1)]

    assert [*early, late] == [0, 1, PLACES, 31 * PLACES]


def test_each_second_starts_from_zero() -> None:
    order = EventOrder()

    got = [order.next_seq(ADA, moment(at=at)) for at in (NOON, NOON + 1, NOON)]

    assert got == [0, 0, 1]


def test_events_without_a_visitor_keep_their_order() -> None:
    order = EventOrder()

    assert [order.next_seq(None, moment()) for _ in range(3)] == [0, 1, 2]


def test_the_number_never_reaches_the_next_part() -> None:
    order = EventOrder()

    highest = max(order.next_seq(ADA, moment()) for _ in range(PLACES + 5))

    assert highest == PLACES - 1


def test_the_order_takes_at_most_a_byte_an_event(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    visitors = [Hash64(chance.getrandbits(63)) for _ in range(4_000)]
    moments = [moment(chance.randrange(32), NOON + n // 2) for n in range(20_000)]
    order = EventOrder()
    with_order = [
        event(at=at.at, visitor=visitor, seq=order.next_seq(visitor, at))
        for at in moments
        for visitor in [chance.choice(visitors)]
    ]
    without_order = [msgspec.structs.replace(row, seq=0) for row in with_order]

    sizes = [
        write_data_file(tmp_path, EVENTS, DAY, frame(rows)).size_bytes
        for rows in (with_order, without_order)
    ]

    assert sizes[0] - sizes[1] <= len(moments)


def test_many_other_visitors_of_a_second_do_not_disturb_the_order() -> None:
    order = EventOrder()
    ada = order.next_seq(ADA, moment())
    for number in range(200):
        order.next_seq(Hash64(number * 0x9E3779B97F4A7C15 % (1 << 63)), moment())

    assert (ada, order.next_seq(ADA, moment())) == (0, 1)


def test_the_memory_does_not_grow() -> None:
    order = EventOrder()
    for number in range(40_000):
        order.next_seq(Hash64(number), moment())
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(40_000, 120_000):
            order.next_seq(Hash64(number), moment())
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # One integer for each slot; the new ones replace integers made before the start.
    assert after - before < 1_000_000
