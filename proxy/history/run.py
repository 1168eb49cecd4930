"""Runs an import: imports files, updates the tables, destroys the import's salts."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from batcher.salts.held import Salts, open_store
from batcher.salts.history import ABANDONED_S, ImportSalts, import_directory
from batcher.salts.locations import SaltLocations
from batcher.salts.secret_bytes import fill_random
from config.errors import MillpondError
from config.settings import ProxySettings, Settings
from proxy.client.client import ClientSource
from proxy.client.geo import Geo
from proxy.history.importer import HistoryKeys, Importer
from proxy.history.log_file import UnreadableLogError
from proxy.history.progress import ImportProgress, LineCounts
from proxy.history.store import Clock, ImportStore
from proxy.page.referrer import Referrers
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import DropReason
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sites import Site, Sites, build_sites
from proxy.user_agent.classifier import Classifier
from warehouse.sites.removed import import_progress

# Called with a file and the position, in bytes on the disk, up to which it is imported.
Show = Callable[[Path, int], None]


class UnknownSiteError(MillpondError):
    """The site is not configured."""

    exit_code = 2


class UnknownFormatError(MillpondError):
    """No line of a file could be read."""

    def __init__(self, paths: Sequence[Path]) -> None:
        names = ", ".join(map(str, paths))
        super().__init__(
            f"import {names}: no line is readable",
            hint="supported formats are common and combined, as nginx and Apache write"
            " them, plain or gzip",
        )


class Lists(NamedTuple):
    """The lists that the pipeline uses; loading them takes half a second."""

    classifier: Classifier
    referrers: Referrers


class ImportOutcome(NamedTuple):
    """The counts of an import, and the problems with its files."""

    tally: LineCounts
    duplicates: int
    problems: list[MillpondError]


def import_logs(
    settings: Settings,
    files: Sequence[Path],
    site_id: str,
    *,
    server: str = "",
    lists: Lists,
    clock: Clock,
    monotonic: Clock,
    sleep: Callable[[float], None],
    show: Show,
) -> ImportOutcome:
    """Import *files*, each as far as it is readable, and build the derived tables."""
    sites = build_sites(settings, os.urandom)
    site = _find_site(sites, site_id)
    store = ImportStore(
        settings,
        keys=sites.key_commitments(),
        clock=clock,
        monotonic=monotonic,
        sleep=sleep,
    )
    try:
        run = _ImportRun(settings, sites, site, store, clock)
        with run.importer(lists, server) as importer:
            problems = _import_files(importer, files, show)
        duplicates = run.finish()
        problems += store.problems
        return ImportOutcome(run.progress.state.tally, duplicates, problems)
    finally:
        store.close()


class _ImportRun:
    """The parts of one import."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        site: Site,
        store: ImportStore,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.site = site
        self.store = store
        self.clock = clock
        self._sites = sites
        self.progress = self._open_progress()

    def _open_progress(self) -> ImportProgress:
        path = import_progress(Path(self.settings.spool.dir), self.site.id)
        if not path.exists():
            # Load what an earlier import left in the spool: it must not count as ours.
            self.store.load()
        duplicates = self.store.duplicates(self.site.id)
        return ImportProgress(
            path, self.site.key, duplicates, is_durable=self.store.is_durable
        )

    @contextmanager
    def importer(self, lists: Lists, server: str) -> Iterator[Importer]:
        """Yield the importer; destroys its salts if the block ends without an error."""
        spool_dir = Path(self.settings.spool.dir)
        live = Salts(
            open_store(self.settings.privacy.salt_store, spool_dir), fill_random
        )
        past = ImportSalts(
            import_directory(spool_dir), fill_random, SaltLocations(spool_dir)
        )
        keys = HistoryKeys(past, live)
        calendars = Calendars({self.site.id: self.site.zone})
        clients = ClientSource(ProxySettings())
        try:
            yield Importer(
                _build_anonymizer(
                    self.settings, self._sites, clients, lists, keys, calendars
                ),
                self.site,
                clients=clients,
                store=self.store,
                keys=keys,
                calendars=calendars,
                progress=self.progress,
                clock=self.clock,
                server=server,
            )
        except BaseException:
            past.close()
            raise
        else:
            # If in doubt, keep the salts: another site's import may still need them.
            if self.store.is_clock_doubted or _others_unfinished(
                self.settings, self.site.id, self.clock()
            ):
                past.close()
            else:
                self.store.destroy(past, self.progress)
        finally:
            live.close()

    def finish(self) -> int:
        """Load, build, remove the progress file; return the number of duplicates."""
        self.store.load()
        duplicates = self.store.duplicates(self.site.id)
        self.store.build()
        self.progress.finish()
        return duplicates - self.progress.state.duplicates_before


def _import_files(
    importer: Importer, files: Sequence[Path], show: Show
) -> list[MillpondError]:
    """Import *files*, each as far as it is readable; return the problems."""
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


def _others_unfinished(settings: Settings, site_id: str, now_s: float) -> bool:
    """Whether another site's interrupted import still needs its salts."""
    own = import_progress(Path(settings.spool.dir), site_id)
    oldest_s = now_s - ABANDONED_S
    return any(
        path != own and path.stat().st_mtime > oldest_s
        for path in own.parent.glob("import-*.json")
    )


def _build_anonymizer(
    settings: Settings,
    sites: Sites,
    clients: ClientSource,
    lists: Lists,
    keys: HistoryKeys,
    calendars: Calendars,
) -> Anonymizer:
    database = settings.privacy.geo_database
    return Anonymizer(
        settings.privacy,
        sites=sites,
        clients=clients,
        classifier=lists.classifier,
        geo=Geo(Path(database) if database else None, settings.privacy.geo),
        referrers=lists.referrers,
        salts=keys,
        calendars=calendars,
        random_bytes=os.urandom,
    )


def _find_site(sites: Sites, site_id: str) -> Site:
    site = sites.find(site_id, None, None, None)
    if isinstance(site, DropReason):
        known = ", ".join(repr(site.id) for site in sites)
        raise UnknownSiteError(
            f"import: there is no site {site_id!r}", hint=f"one of {known}"
        )
    return site
