"""Invoices line by line: generated ones, and a real retailer's if available."""

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from tests.test_docs import ROOT

_COUNT = 40
_RETAILER = ROOT.parent / "shared/data/ecommerce/uci_online_retail_sample.csv.gz"
_FIRST = datetime(2010, 12, 1, 8, 26)  # noqa: DTZ001 - shops write times without a zone

Line = Mapping[str, str]


def generated() -> Iterator[Line]:
    """Yield lines with returned items, odd prices, and many lines per invoice."""
    random = Random(536_365)  # noqa: S311 - invoices, not secrets
    for number in range(_COUNT):
        placed_at = _FIRST + timedelta(minutes=7 * number)
        pieces = [random.randint(1, 600) for _ in range(random.choice((1, 2, 9, 70)))]
        for line, quantity in enumerate(pieces):
            # Only the cheapest items are returned, so that every total is positive.
            returned = line % 7 == 6
            cents = 1 if returned else random.randint(601, 29_999)
            yield {
                "InvoiceNo": str(536_365 + number),
                "Quantity": str(-quantity if returned else quantity),
                "InvoiceDate": f"{placed_at:%Y-%m-%d %H:%M:%S}",
                "UnitPrice": str(Decimal(cents).scaleb(-2)),
            }


def rows(file: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of the retailer's *file*."""
    yield from csv.DictReader(file)


def from_retailer() -> Iterator[Line]:
    """Yield the first invoices of a real retailer; skip the test without the file."""
    if not _RETAILER.is_file():
        pytest.skip("the retailer's invoices are not on this machine")
    numbers: set[str] = set()
    with gzip.open(_RETAILER, "rt", encoding="utf-8", newline="") as file:
        for row in rows(file):
            numbers.add(row["InvoiceNo"])
            if len(numbers) > _COUNT:
                return
            yield row
