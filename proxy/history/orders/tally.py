"""The counts of an import of orders, and the reasons why an order is not filed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Unfiled(StrEnum):
    """Why an order or a refund of the list is not filed."""

    NO_DATE = "it has no date"
    FUTURE = "its date is in the future"
    TOO_OLD = "its day is before the retention of events"
    CLOSED_DAY = "the events of its day were removed"
    NEGATIVE = "its total is negative"
    NO_ID = "it has no order id"
    OTHER_SITE = "it names another site"
    NO_ORDER = "it is not an order or a refund"
    UNREADABLE = "the line is unreadable"
    DIFFERENT = "stored before, with another amount or currency"
    MORE_REFUNDED = "more of it is refunded here than in the list"
    UNKNOWN_REFUND = "refunded in part, but the list does not say how much"


@dataclass(slots=True)
class OrderTally:
    """The counts of one import; amounts are sums in minor units by currency."""

    read: int = 0
    filed: int = 0
    refunds: int = 0
    stored_before: int = 0
    void: int = 0
    unfiled: Counter[str] = field(default_factory=Counter)
    filed_minor: Counter[str] = field(default_factory=Counter)
    refunded_minor: Counter[str] = field(default_factory=Counter)
    first: date | None = None
    last: date | None = None

    def count_order(self, day: date, minor: int | None, currency: str) -> None:
        """Count a filed order."""
        self.filed += 1
        self.filed_minor[currency] += minor or 0
        self._count_day(day)

    def count_refund(self, day: date, minor: int | None, currency: str) -> None:
        """Count a filed refund."""
        self.refunds += 1
        self.refunded_minor[currency] += minor or 0
        self._count_day(day)

    def _count_day(self, day: date) -> None:
        self.first = day if self.first is None else min(day, self.first)
        self.last = day if self.last is None else max(day, self.last)
