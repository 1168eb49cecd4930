"""``millpond reports reconcile``: the site, its key, the shop's file, the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from config.errors import MillpondError
from config.settings import Settings, SiteSettings
from reports.period import Period, PeriodError, parse_period
from reports.problems import Problems, QueryError
from reports.query import Today
from reports.reconcile.compare import Reconciled, compare_orders
from reports.reconcile.shop_file import (
    DecimalMark,
    ListColumn,
    ListOptions,
    shop_orders,
)
from reports.reconcile.stored_orders import stored_orders
from reports.reconcile.text import print_reconciled, reconciled_csv, reconciled_json
from reports.terminal.text import Terminal, print_warnings
from warehouse.key_commitment import verified_key
from warehouse.keyed_hash import HashPurpose, KeyedHash, SiteKeyError, key_file
from warehouse.tables import Warehouse


class NoFileError(MillpondError):
    """The shop's file cannot be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRequest:
    """What the command line says."""

    site: str | None
    file: Path
    period: str | None
    decimal: str
    columns: Mapping[str, str]


def run(
    settings: Settings,
    asked: ReconcileRequest,
    today: Today,
    stdout: TextIO,
    form: str,
    width: int | None = None,
    warnings: tuple[str, ...] = (),
) -> bool:
    """Print how the shop's list and our orders agree; return whether they are equal.

    *warnings* are what is wrong behind our figures.
    """
    site = _site(settings, asked.site)
    found = _found(settings, asked, site, _period(asked.period, site, today))
    if form == "table":
        page = Terminal(stdout, width)
        print_warnings(page, warnings)
        print_reconciled(page, found)
    else:
        text = (
            reconciled_json(found, warnings)
            if form == "json"
            else reconciled_csv(found)
        )
        # Files are UTF-8 whatever the terminal speaks.
        stdout.flush()
        stdout.buffer.write(text.encode())
    return found.is_equal


def _found(
    settings: Settings,
    asked: ReconcileRequest,
    site: SiteSettings,
    period: Period | None,
) -> Reconciled:
    key_of = KeyedHash(_key(settings, site), HashPurpose.ORDER)
    reading = ListOptions(
        {ListColumn(name): text for name, text in asked.columns.items()},
        DecimalMark(asked.decimal),
    )
    ours = stored_orders(Warehouse(Path(settings.warehouse.uri)), site)
    try:
        # A line's own ends may be within a quoted cell, so they stay as they are.
        with asked.file.open(encoding="utf-8", newline="") as lines:
            theirs = shop_orders(lines, site, reading)
            return compare_orders(theirs, ours, key_of, site, period)
    except OSError as error:
        raise NoFileError(f"read the shop's orders: {error.strerror}") from None


def _site(settings: Settings, named: str | None) -> SiteSettings:
    problems = Problems()
    sites = {site.id: site for site in settings.sites}
    site = sites.get(named) if named else next(iter(settings.sites), None)
    if site is None:
        problems.add_unknown("site", "site", named, sites)
        raise QueryError(problems.items)
    return site


def _period(text: str | None, site: SiteSettings, today: Today) -> Period | None:
    if text is None:
        return None
    try:
        return parse_period(text, today(site))
    except PeriodError as problem:
        raise QueryError([("period", str(problem))]) from None


def _key(settings: Settings, site: SiteSettings) -> bytes:
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    try:
        return verified_key(key_dir, spool_dir, site.id)
    except OSError as error:
        path = key_file(key_dir, site.id)
        raise SiteKeyError(
            f"read site key {path}: {error.strerror}",
            hint="run this where the proxy runs, or give it the proxy's"
            " privacy.key_dir",
        ) from None
