"""All that ``millpond proxy doctor`` looks at, in the order a request meets it."""

from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings
from proxy.doctor import storage
from proxy.doctor.client_address import client_address
from proxy.doctor.finding import Finding
from proxy.doctor.nginx import nginx
from proxy.doctor.running import running


def examine(settings: Settings, nginx_file: Path | None) -> Iterator[Finding]:
    """Yield what is found of this machine and these *settings*; changes nothing."""
    yield from nginx(settings.proxy, nginx_file)
    yield from client_address(settings.proxy)
    yield from storage.salts(settings.privacy, settings.spool)
    yield from storage.spool(settings.spool)
    yield from storage.site_keys(settings.privacy)
    yield from storage.countries(settings.privacy)
    yield from running(settings.proxy)
