"""Check the stored rows against the responses that the clients got.

A client records each hit that it sends, and the response. Afterwards the tables must
hold every acknowledged message once and nothing that was not sent. The counts of
received hits must lie between the number acknowledged and the number sent.
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
    """One hit that was sent: *fate* is a drop reason, or ``STORED``."""

    site: str
    message: str
    fate: str = STORED


class Answer(StrEnum):
    """The response to a request, as its sender sees it."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    NONE = "none"


class Account:
    """Every hit that any thread sent, and the response to it."""

    def __init__(self) -> None:
        # The addresses that hits were sent from: each is one visitor.
        self.addresses: set[str] = set()
        self._lock = threading.Lock()
        self._hits: dict[Answer, Counter[Sent]] = {
            answer: Counter() for answer in Answer
        }

    def record(self, hits: Sequence[Sent], answer: Answer) -> None:
        """Record the response to one request."""
        with self._lock:
            self._hits[answer].update(hits)

    def hits_with(self, answer: Answer) -> Counter[Sent]:
        """Return how often each hit got *answer*."""
        with self._lock:
            return Counter(self._hits[answer])

    def count(self, answer: Answer) -> int:
        """Return how many hits got *answer*."""
        return self.hits_with(answer).total()

    def messages(self, *answers: Answer) -> set[tuple[str, str]]:
        """Return the (site, message) of the hits with *answers* that must be stored."""
        counters = (self.hits_with(answer) for answer in answers)
        return {
            (hit.site, hit.message)
            for hits in counters
            for hit in hits
            if hit.fate == STORED
        }

    def fates(self, answer: Answer) -> Counter[tuple[str, str]]:
        """Return how many hits of each (site, fate) got *answer*."""
        counts: Counter[tuple[str, str]] = Counter()
        for hit, count in self.hits_with(answer).items():
            counts[hit.site, hit.fate] += count
        return counts


def check_stored(account: Account, installation: Installation) -> None:
    """Check the tables, after a drain, against the responses to the clients."""
    warehouse = Warehouse(installation.data / "warehouse")
    hash_id = event_ids(installation)
    events = warehouse.view(EVENTS).read(columns=["site", "event_id"])
    times = Counter(events.rows())

    acknowledged = {
        (site, hash_id(site, message))
        for site, message in account.messages(Answer.ACKNOWLEDGED)
    }
    sent = acknowledged | {
        (site, hash_id(site, message))
        for site, message in account.messages(Answer.NONE)
    }
    lost, invented = acknowledged - times.keys(), times.keys() - sent
    twice = [key for key, count in times.items() if count > 1]
    counts = (len(lost), len(invented), len(twice))
    assert counts == (0, 0, 0), f"lost, invented, twice: {counts}"
    check_counts(account, received(warehouse))


def event_ids(installation: Installation) -> Callable[[str, str], int]:
    """Return a function from a site and a message id to the stored event id."""

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
    """Check that all acknowledged hits are counted, and none that was not sent."""
    acknowledged = account.fates(Answer.ACKNOWLEDGED)
    unanswered = account.fates(Answer.NONE)
    wrong = {
        fate: (acknowledged[fate], counted[fate], acknowledged[fate] + unanswered[fate])
        for fate in acknowledged.keys() | unanswered.keys() | counted.keys()
        if not 0 <= counted[fate] - acknowledged[fate] <= unanswered[fate]
    }
    assert wrong == {}, f"acknowledged, counted, at most: {wrong}"


def check_figures(installation: Installation) -> None:
    """Compare the derived tables with a full build of the same events, shuffled."""
    stored = Warehouse(installation.data / "warehouse")
    clean = Warehouse(installation.folder / "clean")
    events = stored.view(EVENTS).read()
    clean.open(EVENTS).append(events.sample(fraction=1.0, shuffle=True, seed=7))
    build(clean, rules_of(installation.settings), 0.0, full=True)
    for table in (SESSIONS, DAILY_STATS):
        order = list(table.key)
        got, expected = (
            warehouse.view(table).read().sort(order) for warehouse in (stored, clean)
        )

        assert not expected.is_empty(), f"no {table.name} to compare"
        assert_frame_equal(got, expected)


def check_visitors(account: Account, installation: Installation) -> None:
    """Check that a day has no more visitors than addresses, despite restarts."""
    events = Warehouse(installation.data / "warehouse").view(EVENTS).read()
    counts = events.group_by("site", "day").agg(pl.col("visitor").n_unique())
    too_many = counts.filter(pl.col("visitor") > len(account.addresses))

    assert too_many.is_empty(), f"of {len(account.addresses)}: {too_many.rows()}"
