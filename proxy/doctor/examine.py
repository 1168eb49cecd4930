"""All checks of ``millpond proxy doctor``, in the order of a request's way."""

from collections.abc import Iterator
from pathlib import Path

from config.files import reason, remedy
from config.settings import Settings
from proxy.doctor import storage
from proxy.doctor.client_address import client_address
from proxy.doctor.descriptors import descriptors
from proxy.doctor.finding import Finding, finding, look
from proxy.doctor.nginx import nginx
from proxy.doctor.running import running
from proxy.doctor.sites import sites
from proxy.doctor.space import warehouse_space
from proxy.doctor.unknown_sites import unknown_sites


def examine(
    settings: Settings, nginx_file: Path | None, now_s: float
) -> Iterator[Finding]:
    """Yield all findings about this machine and *settings*; changes nothing."""
    for findings in (
        nginx(settings.proxy, nginx_file, _domains(settings)),
        client_address(settings.proxy),
        sites(settings),
        unknown_sites(settings.spool, now_s),
        storage.salts(settings.privacy, settings.spool),
        storage.ended_salts(settings.privacy, settings.spool, now_s),
        storage.spool(settings.spool),
        warehouse_space(settings),
        storage.site_keys(settings.privacy),
        storage.key_commitments(settings),
        storage.countries(settings.privacy),
        descriptors(settings.proxy),
        running(settings.proxy),
    ):
        try:
            yield from findings
        except IsADirectoryError as error:
            yield finding("this machine", reason(error), remedy(error) or "")
        except PermissionError as error:
            yield look(
                "this user",
                f"no permission to read {error.filename}",
                "run this as the user the proxy runs as",
            )


def _domains(settings: Settings) -> list[str]:
    return [domain for site in settings.sites for domain in site.domains]
