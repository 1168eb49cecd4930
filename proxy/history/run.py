"""Runs an import: imports files, updates the tables, destroys the import's salts."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from batcher.salts.held import Salts, open_store
from batcher.salts.history import ABANDONED_S, ImportSalts, import_directory
from batcher.salts.locations import SaltLocations
from batcher.salts.secret_bytes import fill_random
from config.errors import MillpondError
from config.settings import Settings
from proxy.client.client import ClientSource
from proxy.client.geo import Geo
from proxy.history.file_problems import ReadFile, file_problems
from proxy.history.history_keys import HistoryKeys
from proxy.history.importer import Importer
from proxy.history.log_file import UnreadableLogError
from proxy.history.options import ImportOptions
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


class Lists(NamedTuple):
    """The lists that the pipeline uses; loading them takes half a second."""

    classifier: Classifier
    referrers: Referrers


class ImportOutcome(NamedTuple):
    """The counts of an import, its files, and the problems with them.

    *measured* has the number of page views that the site itself reported on each day.
    """

    tally: LineCounts
    duplicates: int
    problems: list[MillpondError]
    files: list[ReadFile]
    measured: Mapping[date, int]


def import_logs(
    settings: Settings,
    files: Sequence[Path],
    site_id: str,
    *,
    options: ImportOptions,
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
        with run.importer(lists, options) as importer:
            read, problems = _import_files(importer, files, show)
        duplicates = run.finish()
        problems = [*problems, *file_problems(read), *store.problems]
        tally = run.progress.state.tally
        return ImportOutcome(tally, duplicates, problems, read, run.measured)
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
        self.measured = self.store.measured_days(site.id)

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
    def importer(self, lists: Lists, options: ImportOptions) -> Iterator[Importer]:
        """Yield the importer; destroys its salts if the block ends without an error."""
        spool_dir = Path(self.settings.spool.dir)
        live = Salts(
            open_store(self.settings.privacy.salt_store, spool_dir), fill_random
        )
        past = ImportSalts(
            import_directory(spool_dir), fill_random, SaltLocations(spool_dir)
        )
        keys = HistoryKeys(past, live, self.clock)
        calendars = Calendars({self.site.id: self.site.zone})
        clients = ClientSource(self.settings.proxy)
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
                options=options,
                measured=self.measured,
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
) -> tuple[list[ReadFile], list[MillpondError]]:
    """Import *files*, each as far as it is readable; return the problems too."""
    read: list[ReadFile] = []
    problems: list[MillpondError] = []
    for path in files:
        try:
            file = importer.run(path, partial(show, path))
        except UnreadableLogError as problem:
            problems.append(problem)
        else:
            read.append(file)
    return read, problems


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
