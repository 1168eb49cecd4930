"""What clients were told, held against what is stored.

A client notes each hit it sends and what it heard about it. Afterwards the tables must
hold every acknowledged message once, nothing that was not sent, and the counts of what
was received must lie between what was answered and what was sent.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.testing import assert_frame_equal

from proxy.pipeline.site_keys import HashPurpose, keyed_hash, site_key
from tests.processes import Installation
from warehouse.build import build, rules_of
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import Warehouse

STORED = "stored or duplicate"
_DUPLICATE = "duplicate"


class Sent(NamedTuple):
    """One hit as its sender knows it: *fate* is a drop reason, or ``STORED``."""

    site: str
    message: str
    fate: str = STORED


class Answer(StrEnum):
    """What a sender heard of a request."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    NONE = "none"


class Account:
    """Every hit that was sent, by any thread, and the answer to it."""

    def __init__(self) -> None:
        # Every address hits were sent from: each is one visitor.
        self.addresses: set[str] = set()
        self._lock = threading.Lock()
        self._hits: dict[Answer, Counter[Sent]] = {each: Counter() for each in Answer}

    def note(self, hits: Sequence[Sent], answer: Answer) -> None:
        """Note the answer to one request."""
        with self._lock:
            self._hits[answer].update(hits)

    def heard(self, answer: Answer) -> Counter[Sent]:
        """Return how often each hit got that answer."""
        with self._lock:
            return Counter(self._hits[answer])

    def count(self, answer: Answer) -> int:
        """Return how many hits got that answer."""
        return self.heard(answer).total()

    def messages(self, *answers: Answer) -> set[tuple[str, str]]:
        """Return the (site, message) of the hits to be stored with these answers."""
        found = (self.heard(answer) for answer in answers)
        return {
            (hit.site, hit.message)
            for hits in found
            for hit in hits
            if hit.fate == STORED
        }

    def fates(self, answer: Answer) -> Counter[tuple[str, str]]:
        """Return how many hits of each (site, fate) got that answer."""
        counts: Counter[tuple[str, str]] = Counter()
        for hit, count in self.heard(answer).items():
            counts[hit.site, hit.fate] += count
        return counts


def check_stored(account: Account, installation: Installation) -> None:
    """Hold the tables, after a drain, to what the clients were told."""
    warehouse = Warehouse(installation.data / "warehouse")
    hashed = event_ids(installation)
    events = warehouse.view(EVENTS).read(columns=["site", "event_id"])
    times = Counter(events.rows())

    acknowledged = {
        (site, hashed(site, message))
        for site, message in account.messages(Answer.ACKNOWLEDGED)
    }
    sent = acknowledged | {
        (site, hashed(site, message)) for site, message in account.messages(Answer.NONE)
    }
    lost, invented = acknowledged - times.keys(), times.keys() - sent
    twice = [key for key, count in times.items() if count > 1]
    found = (len(lost), len(invented), len(twice))
    assert found == (0, 0, 0), f"lost, invented, twice: {found}"
    check_counts(account, received(warehouse))


def event_ids(installation: Installation) -> Callable[[str, str], int]:
    """Return what turns a site and a message id into the stored event id."""

    def no_new_key(_: int) -> bytes:
        raise AssertionError("the site has no key")

    spool_dir = Path(installation.settings.spool.dir)
    keys = {
        site.id: site_key(installation.key_dir, spool_dir, site.id, no_new_key)
        for site in installation.settings.sites
    }
    return lambda site, message: keyed_hash(keys[site], HashPurpose.EVENT, message)


def received(warehouse: Warehouse) -> Counter[tuple[str, str]]:
    """Return how many hits the tables account for, by site and fate."""
    counts: Counter[tuple[str, str]] = Counter()
    stored = warehouse.view(EVENTS).read(columns=["site"])
    for site, count in stored.group_by("site").len().iter_rows():
        counts[site, STORED] += count
    drops = warehouse.view(DROPS).read(columns=["site", "reason", "count"])
    summed = drops.group_by("site", "reason").agg(pl.col("count").sum())
    for site, reason, count in summed.iter_rows():
        counts[site, STORED if reason == _DUPLICATE else reason] += count
    return counts


def check_counts(account: Account, counted: Counter[tuple[str, str]]) -> None:
    """Hold the counts to what was answered, and to that and what got no answer."""
    answered = account.fates(Answer.ACKNOWLEDGED)
    unanswered = account.fates(Answer.NONE)
    wrong = {
        fate: (answered[fate], counted[fate], answered[fate] + unanswered[fate])
        for fate in answered.keys() | unanswered.keys() | counted.keys()
        if not 0 <= counted[fate] - answered[fate] <= unanswered[fate]
    }
    assert wrong == {}, f"answered, counted, at most: {wrong}"


def check_figures(installation: Installation) -> None:
    """Hold sessions and daily_stats to one full build of the same events, shuffled."""
    stored = Warehouse(installation.data / "warehouse")
    clean = Warehouse(installation.folder / "clean")
    events = stored.view(EVENTS).read()
    clean.open(EVENTS).append(events.sample(fraction=1.0, shuffle=True, seed=7))
    build(clean, rules_of(installation.settings), 0.0, full=True)
    for table in (SESSIONS, DAILY_STATS):
        order = list(table.key)
        found, expected = (
            each.view(table).read().sort(order) for each in (stored, clean)
        )

        assert not expected.is_empty(), f"no {table.name} to compare"
        assert_frame_equal(found, expected)


def check_visitors(account: Account, installation: Installation) -> None:
    """Hold the visitors of a day to the addresses: a restart must not make new ones."""
    events = Warehouse(installation.data / "warehouse").view(EVENTS).read()
    counts = events.group_by("site", "day").agg(pl.col("visitor").n_unique())
    too_many = counts.filter(pl.col("visitor") > len(account.addresses))

    assert too_many.is_empty(), f"of {len(account.addresses)}: {too_many.rows()}"
