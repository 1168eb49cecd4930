"""``millpond import orders``: files the shop's own list of orders on their own days.

No progress is stored: each run compares the list with the tables and files only what is
missing, so an interrupted import is started again.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TextIO

import msgspec

from config.errors import MillpondError
from config.files import reason
from config.settings import Settings, SiteSettings
from config.site_names import sites_by_name
from proxy.history.orders.filing import Keep, OrderFiler
from proxy.history.orders.order_events import Lists, OrderEvents
from proxy.history.orders.stored import read_stored
from proxy.history.orders.tally import OrderTally, Unfiled
from proxy.history.store import Clock, ImportStore
from proxy.pipeline.hit import Hit, MalformedBodyError, decode_hits
from proxy.pipeline.sites import Site, Sites, build_sites, prepare_site
from warehouse.clock.local_dates import local_date
from warehouse.key_commitment import verified_key
from warehouse.keyed_hash import KEY_BYTES, key_file
from warehouse.schema import Event
from warehouse.shop_list.list_file import open_list
from warehouse.shop_list.list_forms import detect_forms
from warehouse.shop_list.shop_amounts import DecimalMark
from warehouse.shop_list.shop_dates import DateOrder
from warehouse.shop_list.shop_file import ListOptions, shop_orders
from warehouse.shop_list.shop_formats import ListColumn
from warehouse.tables import Warehouse

_ENCODER = msgspec.json.Encoder()
_GROUP_EVENTS = 20_000


class UnknownSiteError(MillpondError):
    """The site is not configured."""

    exit_code = 2


class UnreadableOrdersError(MillpondError):
    """A file of orders cannot be opened, or has no readable line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderImport:
    """The options of the command; without a form, the list shows it."""

    site: str
    files: Sequence[Path]
    decimal: str | None = None
    dates: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersOutcome:
    """The result: counts, the days that can be filed, and how each list was read.

    *readings* are the format and the column of ids of each list. *problems* are what
    the load had to leave in the spool.
    """

    tally: OrderTally
    keep: Keep
    readings: Sequence[tuple[str, str]]
    problems: Sequence[MillpondError]


class PutGroups:
    """Collects events and hands them to the store in groups."""

    def __init__(self, store: ImportStore) -> None:
        self._store = store
        self._lines: list[bytes] = []
        self._size_bytes = 0

    def add(self, event: Event) -> None:
        """Add *event*; a complete group becomes durable."""
        line = _ENCODER.encode(event)
        self._lines.append(line)
        self._size_bytes += len(line)
        is_large = self._size_bytes >= self._store.group_bytes
        if is_large or len(self._lines) >= _GROUP_EVENTS:
            self.flush()

    def flush(self) -> None:
        """Make the collected events durable."""
        self._store.put(self._lines, [])
        self._lines.clear()
        self._size_bytes = 0


def import_orders(
    settings: Settings,
    request: OrderImport,
    *,
    lists: Lists,
    clock: Clock,
    monotonic: Clock,
    sleep: Callable[[float], None],
) -> OrdersOutcome:
    """File the orders of the request's files, and build the derived tables.

    Nothing is filed from a list with a row that cannot be read.
    """
    site_settings = _site_settings(settings, request.site)
    if request.dry_run:
        sites = _sites_for_reading(settings, site_settings)
        importer = _Importer(settings, site_settings, sites, lists, clock(), _ignore)
        return importer.run(request)
    sites = build_sites(settings, os.urandom)
    with ExitStack() as held:
        store = ImportStore(
            settings,
            keys=sites.key_commitments(),
            clock=clock,
            monotonic=monotonic,
            sleep=sleep,
        )
        held.callback(store.close)
        # What an interrupted import left in the spool must not be filed again, nor what
        # a proxy has just acknowledged.
        store.load_acknowledged()
        groups = PutGroups(store)
        importer = _Importer(settings, site_settings, sites, lists, clock(), groups.add)
        outcome = importer.run(request)
        groups.flush()
        store.load()
        store.build()
        return OrdersOutcome(
            tally=outcome.tally,
            keep=outcome.keep,
            readings=outcome.readings,
            problems=store.problems,
        )


class _Importer:
    """Reads files of orders and files each order."""

    def __init__(
        self,
        settings: Settings,
        site: SiteSettings,
        sites: Sites,
        lists: Lists,
        now_s: float,
        put: Callable[[Event], None],
    ) -> None:
        self._site = site
        own = _own_site(sites, site.id)
        self._keep = _keep(settings, site, now_s)
        warehouse = Warehouse(Path(settings.warehouse.uri))
        self._filer = OrderFiler(
            own,
            OrderEvents(settings, sites, own, lists),
            read_stored(warehouse, site.id, site.currency),
            self._keep,
            put,
        )
        self._readings: list[tuple[str, str]] = []

    def run(self, request: OrderImport) -> OrdersOutcome:
        options = ListOptions(
            {ListColumn(key): name for key, name in request.columns.items()},
            DecimalMark(request.decimal) if request.decimal else None,
            DateOrder(request.dates) if request.dates else None,
        )
        for path in request.files:
            with _open(path) as lines:
                if _is_json(lines):
                    self._file_lines(lines, path)
                else:
                    self._file_list(lines, options)
        return OrdersOutcome(
            tally=self._filer.tally,
            keep=self._keep,
            readings=self._readings,
            problems=[],
        )

    def _file_list(self, lines: TextIO, options: ListOptions) -> None:
        head, options = detect_forms(lines, self._site, options, self._filer.is_stored)
        lines.seek(0)
        for _ in shop_orders(lines, self._site, options):
            # Read once without filing: an unreadable row must stop the whole list.
            pass
        lines.seek(0)
        for order in shop_orders(lines, self._site, options):
            self._filer.file_order(order)
        place = options.id_reading.position if options.id_reading else 0
        self._readings.append((head.format.name, head.names[place].strip()))

    def _file_lines(self, lines: TextIO, path: Path) -> None:
        readable = 0
        for line in lines:
            if not line.strip():
                continue
            hit = _decode(line)
            if hit is None:
                self._filer.tally.read += 1
                self._filer.tally.unfiled[Unfiled.UNREADABLE] += 1
            else:
                readable += 1
                self._filer.file_event(hit)
        if not readable:
            raise UnreadableOrdersError(
                f"import {path}: no line is a native event",
                hint='docs/http.md, "Events", lists the fields of an event',
            )


def _decode(line: str) -> Hit | None:
    try:
        [hit] = decode_hits(line.encode(), 1)
    except (MalformedBodyError, UnicodeError, ValueError):
        return None
    return hit if isinstance(hit, Hit) else None


def _is_json(lines: TextIO) -> bool:
    """Return whether the first line is a JSON object; *lines* then start anew."""
    try:
        first = next((line for line in lines if line.strip("\ufeff \t\r\n")), "")
    except UnicodeError:
        # The reader of lists reports it.
        first = ""
    lines.seek(0)
    return first.lstrip("\ufeff \t").startswith("{")


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    try:
        with open_list(path) as lines:
            yield lines
    except OSError as error:
        raise UnreadableOrdersError(f"read {path}: {reason(error)}") from None


def _keep(settings: Settings, site: SiteSettings, now_s: float) -> Keep:
    keep_days = settings.warehouse.keep_events_days
    today = local_date(site.timezone, now_s)
    first = today - timedelta(days=keep_days) if keep_days else date.min
    return Keep(first, now_s)


def _site_settings(settings: Settings, site_id: str) -> SiteSettings:
    site = sites_by_name(settings).get(site_id)
    if site is not None:
        return site
    known = ", ".join(repr(site.id) for site in settings.sites)
    raise UnknownSiteError(
        f"import: there is no site {site_id!r}", hint=f"one of {known}"
    )


def _own_site(sites: Sites, site_id: str) -> Site:
    return next(site for site in sites if site.id == site_id)


def _sites_for_reading(settings: Settings, site: SiteSettings) -> Sites:
    """Return *site* with its key, or with any key if nothing is stored yet."""
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    key = (
        verified_key(key_dir, spool_dir, site.id)
        if key_file(key_dir, site.id).exists()
        else os.urandom(KEY_BYTES)
    )
    return Sites([prepare_site(site, settings.privacy, key)])


def _ignore(_event: Event) -> None:
    """Store nothing: a dry run."""
