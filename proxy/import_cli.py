"""``millpond import access-log``: history through the anonymizing chain, to the tables.

The only part of the proxy that loads the data libraries: it is a command of its own,
not a server.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from batcher.dates import local_date
from batcher.import_salts import ImportSalts, import_directory
from batcher.salts import Salts, open_store
from batcher.secret_bytes import fill_random
from batcher.spool import Lane, Spool
from config.cli import settings_option
from config.errors import MillpondError
from config.logs import configure
from config.settings import ProxySettings, Settings
from proxy.anonymize import Anonymizer
from proxy.client import ClientSource
from proxy.drops import DropReason
from proxy.geo import Geo
from proxy.import_progress import ImportProgress
from proxy.importer import HistoryKeys, Importer, Tally
from proxy.moment import Calendars
from proxy.referrer import Referrers
from proxy.sites import Site, Sites, build_sites
from proxy.user_agent import Classifier

_LANE = "import"


class UnknownSiteError(MillpondError):
    """The site is not configured."""

    exit_code = 2


_EXAMPLE = (
    "\b\nExample:\n  millpond import access-log /var/log/nginx/access.log* --site shop"
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
@settings_option
def access_log(files: tuple[Path, ...], site_id: str, settings: Settings) -> None:
    """Import FILES, common or combined format, packed or not, as page views.

    Importing a line again changes nothing; an interrupted import goes on where it
    stopped.
    """
    configure(sys.stderr)
    now_s = time.time()  # noqa: TID251 - a command reads the clock once
    with _importer(settings, site_id, now_s) as importer:
        with _progress(files) as show:
            for path in files:
                importer.run(path, lambda at, path=path: show(path, at))  # type: ignore[misc]
        tally = importer.tally
    click.echo(_summary(tally))


@contextmanager
def _importer(settings: Settings, site_id: str, now_s: float) -> Iterator[Importer]:
    """Put an importer together; its salts are destroyed when it got to the end."""
    spool_dir = Path(settings.spool.dir)
    sites = build_sites(settings, os.urandom)
    site = _find(sites, site_id)
    live = Salts(open_store(settings.privacy.salt_store, spool_dir), fill_random)
    past = ImportSalts(import_directory(spool_dir), fill_random)
    keys = HistoryKeys(past, live, lambda zone: local_date(zone, now_s), now_s)
    progress = ImportProgress(spool_dir, site.id, site.key)
    calendars = Calendars({site.id: site.zone})
    lane = Lane.open(Spool(spool_dir), _LANE, settings.spool)
    try:
        anonymizer = _anonymizer(settings, sites, keys, calendars)
        yield Importer(anonymizer, lane, site, calendars, progress)
    except BaseException:
        past.close()
        raise
    else:
        lane.seal()
        past.destroy()
        progress.finish()
    finally:
        lane.close()
        live.close()


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
def _progress(files: tuple[Path, ...]) -> Iterator[Callable[[Path, int], None]]:
    """Show how much of *files* is done, on a terminal; yield what hears it."""
    sizes = {path: path.stat().st_size for path in files}
    done = dict.fromkeys(files, 0)
    with click.progressbar(
        length=sum(sizes.values()), label="importing", file=sys.stderr
    ) as bar:

        def show(path: Path, at: int) -> None:
            bar.update(at - done[path])
            done[path] = at

        yield show


def _summary(tally: Tally) -> str:
    rows = [
        ("lines", tally.lines),
        ("page views", tally.events),
        *((f"no page view: {name}", n) for name, n in tally.skipped.most_common()),
        *((f"dropped: {name}", n) for name, n in tally.dropped.most_common()),
    ]
    return "\n".join(f"{count:>12,}  {name}" for name, count in rows)
