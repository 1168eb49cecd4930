"""``millpond import access-log``: history through the anonymizing chain, to the tables.

The only part of the proxy that loads the data libraries: it is a command of its own,
not a server.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from batcher.import_salts import ABANDONED_S, ImportSalts, import_directory
from batcher.salts import Salts, open_store
from batcher.secret_bytes import fill_random
from config.cli import settings_option
from config.errors import MillpondError
from config.logs import configure
from config.settings import ProxySettings, Settings
from proxy.anonymize import Anonymizer
from proxy.client import ClientSource
from proxy.drops import DropReason
from proxy.geo import Geo
from proxy.import_progress import ImportProgress
from proxy.import_store import ImportStore
from proxy.import_summary import retention_note, summary
from proxy.importer import HistoryKeys, Importer
from proxy.log_file import UnreadableLogError
from proxy.moment import Calendars
from proxy.referrer import Referrers
from proxy.sites import Site, Sites, build_sites
from proxy.user_agent import Classifier

_CLOCK = time.time  # noqa: TID251 - a command reads the clock

_EXAMPLE = (
    "\b\nExample:\n  millpond import access-log /var/log/nginx/access.log* --site shop"
)


class UnknownSiteError(MillpondError):
    """The site is not configured."""

    exit_code = 2


class UnknownFormatError(MillpondError):
    """No line of a file could be read."""

    def __init__(self, paths: list[Path]) -> None:
        names = ", ".join(map(str, paths))
        super().__init__(
            f"import {names}: no line could be read",
            hint="known formats are common and combined, as nginx and Apache write"
            " them, plain or packed by gzip",
        )


@click.group(epilog=_EXAMPLE)
def import_() -> None:
    """Take in history from access logs."""


@import_.command("access-log", epilog=_EXAMPLE)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--site", "site_id", required=True, help="Site the log belongs to.")
@click.option(
    "--server",
    default="",
    help="Name of the web server, where several serve the same pages.",
)
@settings_option
def access_log(
    files: tuple[Path, ...], site_id: str, server: str, settings: Settings
) -> None:
    """Import FILES, common or combined format, packed or not, as page views.

    Importing a line again changes no figure; an interrupted import goes on where it
    stopped when it is started again.
    """
    configure(sys.stderr, level=logging.WARNING)
    sites = build_sites(settings, os.urandom)
    site = _find(sites, site_id)
    store = ImportStore(
        settings, clock=_CLOCK, monotonic=time.monotonic, sleep=time.sleep
    )
    try:
        _run(_Import(settings, sites, site, store), files, server)
    finally:
        store.close()


class _Import:
    """The parts of one import, put together."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        site: Site,
        store: ImportStore,
    ) -> None:
        self.settings = settings
        self.site = site
        self.store = store
        self._sites = sites
        self.progress = self._progress()

    def _progress(self) -> ImportProgress:
        path = _progress_path(self.settings, self.site.id)
        newest = self.store.newest()
        if not path.exists():
            # What an earlier import left in the spool is not this one's.
            self.store.load()
        duplicates = self.store.duplicates(self.site.id)
        return ImportProgress(path, self.site.key, newest, duplicates)

    @contextmanager
    def importer(self, server: str) -> Iterator[Importer]:
        """Yield the importer; its own salts are destroyed if it gets to the end."""
        spool_dir = Path(self.settings.spool.dir)
        live = Salts(
            open_store(self.settings.privacy.salt_store, spool_dir), fill_random
        )
        past = ImportSalts(import_directory(spool_dir), fill_random)
        keys = HistoryKeys(past, live)
        calendars = Calendars({self.site.id: self.site.zone})
        try:
            yield Importer(
                _anonymizer(self.settings, self._sites, keys, calendars),
                self.site,
                store=self.store,
                keys=keys,
                calendars=calendars,
                progress=self.progress,
                clock=_CLOCK,
                server=server,
            )
        except BaseException:
            past.close()
            raise
        else:
            if _others_unfinished(self.settings, self.site.id):
                past.close()
            else:
                self.store.destroy(past, self.progress)
        finally:
            live.close()

    def end(self) -> int:
        """Load, build, forget the progress; return the number of duplicates."""
        self.store.load()
        duplicates = self.store.duplicates(self.site.id)
        self.store.build()
        self.progress.finish()
        return duplicates - self.progress.state.duplicates_before


def _run(whole: _Import, files: tuple[Path, ...], server: str) -> None:
    with whole.importer(server) as importer, _bar(files) as show:
        problems = _read(importer, files, show)
    duplicates = whole.end()
    tally = whole.progress.state.tally
    if tally.lines or not problems:
        click.echo(summary(tally, duplicates, whole.site.id))
    note = retention_note(tally, whole.settings.warehouse.keep_events_days, _CLOCK())
    if note:
        click.echo(note, err=True)
    for problem in problems[:-1]:
        click.echo(f"millpond: {problem}", err=True)
    if problems:
        raise problems[-1]


def _read(
    importer: Importer, files: tuple[Path, ...], show: Callable[[Path, int], None]
) -> list[MillpondError]:
    """Import *files*, each as far as it can be read; return what was wrong."""
    problems: list[MillpondError] = []
    unknown: list[Path] = []
    for path in files:
        try:
            file = importer.run(path, partial(show, path))
        except UnreadableLogError as problem:
            problems.append(problem)
        else:
            if file.lines and not file.readable:
                unknown.append(path)
    return [*problems, UnknownFormatError(unknown)] if unknown else problems


def _progress_path(settings: Settings, site_id: str) -> Path:
    return Path(settings.spool.dir) / f"import-{site_id}.json"


def _others_unfinished(settings: Settings, site_id: str) -> bool:
    """Say whether another site's interrupted import still needs its salts."""
    own = _progress_path(settings, site_id)
    oldest_s = _CLOCK() - ABANDONED_S
    return any(
        path != own and path.stat().st_mtime > oldest_s
        for path in own.parent.glob("import-*.json")
    )


def _anonymizer(
    settings: Settings, sites: Sites, keys: HistoryKeys, calendars: Calendars
) -> Anonymizer:
    database = settings.privacy.geo_database
    return Anonymizer(
        settings.privacy,
        sites=sites,
        # A log names the client itself; no proxy stands in front of a file.
        clients=ClientSource(ProxySettings(private_clients=True)),
        classifier=Classifier(),
        geo=Geo(Path(database) if database else None, settings.privacy.geo),
        referrers=Referrers(),
        salts=keys,
        calendars=calendars,
    )


def _find(sites: Sites, site_id: str) -> Site:
    site = sites.find(site_id, None, None, None)
    if isinstance(site, DropReason):
        known = ", ".join(repr(each.id) for each in sites)
        raise UnknownSiteError(
            f"import: there is no site {site_id!r}", hint=f"one of {known}"
        )
    return site


@contextmanager
def _bar(files: tuple[Path, ...]) -> Iterator[Callable[[Path, int], None]]:
    """Show how much of *files* is done, on a terminal; yield what hears it."""
    sizes = {path: path.stat().st_size for path in files}
    done = dict.fromkeys(files, 0)
    with click.progressbar(
        length=sum(sizes.values()),
        label="importing",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def show(path: Path, at: int) -> None:
            bar.update(at - done[path])
            done[path] = at

        yield show
