"""``millpond reports reconcile``: compares the shop's file with the stored orders."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from config.errors import MillpondError
from config.settings import Settings, SiteSettings
from config.site_names import sites_by_name
from reports.period import Period, PeriodError, parse_period
from reports.problems import Problems, QueryError
from reports.query import Today
from reports.reconcile.compare import ListReading, Reconciled, compare_orders
from reports.reconcile.stored_orders import stored_orders
from reports.reconcile.text import print_reconciled, reconciled_csv, reconciled_json
from reports.terminal.text import Terminal, print_warnings
from warehouse.key_commitment import verified_key
from warehouse.keyed_hash import HashPurpose, KeyedHash, SiteKeyError, key_file
from warehouse.shop_list.list_file import open_list
from warehouse.shop_list.list_forms import detect_forms
from warehouse.shop_list.shop_amounts import DecimalMark
from warehouse.shop_list.shop_dates import DateOrder
from warehouse.shop_list.shop_file import ListHead, ListOptions, shop_orders
from warehouse.shop_list.shop_formats import ListColumn
from warehouse.tables import Warehouse


class NoFileError(MillpondError):
    """The shop's file cannot be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRequest:
    """The options of the command; None means that the list shows it."""

    site: str | None
    file: Path
    period: str | None
    decimal: str | None = None
    dates: str | None = None
    columns: Mapping[str, str]


def run(
    settings: Settings,
    request: ReconcileRequest,
    today: Today,
    stdout: TextIO,
    form: str,
    width: int | None = None,
    warnings: tuple[str, ...] = (),
) -> bool:
    """Print the comparison; return whether the shop's list and our orders are equal.

    *warnings* say what is currently wrong with our figures.
    """
    site = _site(settings, request.site)
    reconciled = _compare(settings, request, site, _period(request.period, site, today))
    if form == "table":
        terminal = Terminal(stdout, width)
        print_warnings(terminal, warnings)
        print_reconciled(terminal, reconciled)
    else:
        text = (
            reconciled_json(reconciled, warnings)
            if form == "json"
            else reconciled_csv(reconciled)
        )
        # Files are UTF-8, whatever the encoding of the terminal.
        stdout.flush()
        stdout.buffer.write(text.encode())
    return reconciled.is_equal


def _compare(
    settings: Settings,
    request: ReconcileRequest,
    site: SiteSettings,
    period: Period | None,
) -> Reconciled:
    key_of = KeyedHash(_key(settings, site), HashPurpose.ORDER)
    options = ListOptions(
        {ListColumn(key): name for key, name in request.columns.items()},
        DecimalMark(request.decimal) if request.decimal else None,
        DateOrder(request.dates) if request.dates else None,
    )
    stored = list(stored_orders(Warehouse(Path(settings.warehouse.uri)), site))
    keys = {order.key for order in stored}
    try:
        with open_list(request.file) as lines:
            head, options = detect_forms(
                lines, site, options, lambda order_id: key_of(order_id) in keys
            )
            lines.seek(0)
            shop = shop_orders(lines, site, options)
            found = compare_orders(shop, stored, key_of, site, period)
            return replace(found, reading=_reading(head, options))
    except OSError as error:
        raise NoFileError(f"read the shop's orders: {error.strerror}") from None


def _reading(head: ListHead, options: ListOptions) -> ListReading:
    place = options.id_reading.position if options.id_reading else 0
    return ListReading(
        head.format.name,
        head.names[place].strip(),
        options.mark.value if options.mark else None,
        options.order.value if options.order else None,
    )


def _site(settings: Settings, name: str | None) -> SiteSettings:
    problems = Problems()
    sites = sites_by_name(settings)
    site = sites.get(name) if name else next(iter(settings.sites), None)
    if site is None:
        problems.add_unknown("site", "site", name, sites)
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
            hint="run this command on the machine of the proxy, with the same"
            " privacy.key_dir",
        ) from None
