"""The commands ``millpond warehouse site …``: what is done to the data of one site."""

import sys
import time
from difflib import get_close_matches
from pathlib import Path

import click

from config.cli import writer_option
from config.errors import MillpondError
from config.logs import configure
from config.settings import Settings
from config.site_names import sites_by_name
from config.site_zones import recorded_zone
from warehouse.register import check_bound
from warehouse.sites.removed import removed_sites

_CLOCK = time.time  # noqa: TID251 - a command reads the clock


class SiteCommandError(MillpondError):
    """The command cannot be run for this site."""

    exit_code = 2


@click.group(epilog="\b\nExample:\n  millpond warehouse site remove old-shop")
def site() -> None:
    """Change the stored data of one site."""


@site.command(epilog="\b\nExample:\n  millpond warehouse site remove old-shop --yes")
@click.argument("site_id", metavar="SITE")
@click.option("--yes", is_flag=True, help="Do not ask.")
@writer_option
def remove(settings: Settings, site_id: str, *, yes: bool) -> None:
    """Remove all data of SITE: rows, their bytes, its key, and its import progress.

    Take SITE out of the configuration and restart Millpond first. Nothing brings the
    data back. The ledger records what was removed.
    """
    from warehouse.sites import removal  # noqa: PLC0415 - Polars takes 0.6 s
    from warehouse.tables import Warehouse  # noqa: PLC0415 - as above

    configure(sys.stderr)
    _refuse_configured(settings, site_id)
    root = Path(settings.warehouse.uri)
    check_bound(root, Path(settings.spool.dir))
    tables = Warehouse(root)
    stored = removal.stored_sites(tables)
    files = removal.site_files(settings, site_id)
    if not (site_id in stored or files or site_id in removed_sites(root)):
        near = get_close_matches(site_id, stored, 1)
        raise SiteCommandError(
            f"remove site {site_id!r}: nothing is stored of it",
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    if not yes:
        _ask(f"remove {stored.get(site_id, 0):,} rows of {site_id!r} for good?")
    outcome = removal.remove_site(tables, settings, site_id, _CLOCK())
    for table, rows in outcome.rows.items():
        click.echo(f"{table}  {rows:,} rows")
    for name in outcome.files:
        click.echo(name)
    click.echo("removed" if outcome else "nothing was left to remove")


@site.command(epilog="\b\nExample:\n  millpond warehouse site refile shop --yes")
@click.argument("site_id", metavar="SITE")
@click.option("--yes", is_flag=True, help="Do not ask.")
@writer_option
def refile(settings: Settings, site_id: str, *, yes: bool) -> None:
    """File the stored events of SITE on their days in its configured time zone.

    Set `timezone`, stop Millpond, and run this. Visitors of the hours between both
    midnights may count on two days.
    """
    from warehouse.sites.refile import refile_site  # noqa: PLC0415 - Polars takes 0.6 s
    from warehouse.tables import Warehouse  # noqa: PLC0415 - as above

    configure(sys.stderr)
    root = Path(settings.warehouse.uri)
    check_bound(root, Path(settings.spool.dir))
    configured = sites_by_name(settings).get(site_id)
    if configured is None:
        known = ", ".join(repr(each.id) for each in settings.sites)
        raise SiteCommandError(
            f"refile site {site_id!r}: it is not configured", hint=f"one of {known}"
        )
    former = recorded_zone(root, configured)
    if former in (None, configured.timezone):
        click.echo(f"nothing to do: the stored days are in {configured.timezone}")
        return
    if not yes:
        _ask(f"move all events from days in {former} to days in {configured.timezone}?")
    refile_site(Warehouse(root), settings, configured, _CLOCK())
    click.echo(f"refiled from {former} to {configured.timezone}")


def _ask(question: str) -> None:
    try:
        click.confirm(question, abort=True)
    except click.Abort:
        click.echo("nothing was changed; without a terminal use --yes", err=True)
        raise


def _refuse_configured(settings: Settings, site_id: str) -> None:
    for configured in settings.sites:
        if site_id == configured.id:
            raise SiteCommandError(
                f"remove site {site_id!r}: the configuration still has it",
                hint="remove its [[sites]] table, restart Millpond, then try again",
            )
        if site_id in configured.formerly:
            raise SiteCommandError(
                f"remove site {site_id!r}: it is a former name of {configured.id!r},"
                " and its data belongs to that site",
                hint="remove the name from `formerly`, restart, then try again",
            )
