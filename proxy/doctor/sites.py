"""Checks that the sites are those which the web server in front serves."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from config.render import STARTER_DOMAINS
from config.settings import ProxySettings, Settings
from proxy.client.addresses import PRIVATE
from proxy.doctor.client_address import ABOUT as ADDRESS
from proxy.doctor.finding import Finding, finding, look
from proxy.doctor.nginx_file import Block
from proxy.page.host import OwnHosts

_ABOUT = "sites"
# A pattern or a wildcard names no single host, and `_` and `localhost` name none.
_HOST = re.compile(r"(?!localhost$)[\w.-]*[a-zA-Z][\w.-]*")
# Names that only an internal network knows (RFC 6762, RFC 8375, RFC 9476 and usage).
_INTERNAL = re.compile(
    r"([^.]+|.*\.(local|internal|intranet|corp|lan|home|localdomain|home\.arpa))"
)


def sites(settings: Settings) -> Iterator[Finding]:
    """Yield the sites that were not named yet, and those of an internal network."""
    for site in settings.sites:
        if site.domains == STARTER_DOMAINS:
            yield finding(
                _ABOUT,
                f"site {site.id!r} still has the example domains of `millpond init`:"
                " the events of your pages are dropped",
                "write your own hosts at `domains`",
            )
    yield from _internal_sites(settings)


def _internal_sites(settings: Settings) -> Iterator[Finding]:
    proxy = settings.proxy
    if proxy.client_ip == "peer" or proxy.private_clients:
        return
    for site in settings.sites:
        internal = [domain for domain in site.domains if _is_internal(domain)]
        if internal:
            yield look(
                ADDRESS,
                f"site {site.id!r} has the internal host {internal[0]}, and private"
                " addresses count as unknown: visitors of an intranet would not be"
                " counted",
                "set proxy.private_clients = true if visitors have private addresses",
            )


def _is_internal(domain: str) -> bool:
    host = domain.removeprefix("*.")
    try:
        return ip_address(host) in PRIVATE
    except ValueError:
        return _INTERNAL.fullmatch(host) is not None


def server_name_findings(
    blocks: Sequence[Block], proxy: ProxySettings, domains: Sequence[str]
) -> Iterator[Finding]:
    """Yield the servers that pass on requests but have the name of no site."""
    own_hosts = OwnHosts(domains)
    names_by_server = {block.server: block.server_names for block in blocks}
    for names in names_by_server.values():
        hosts = [name.lower().strip(".") for name in names if _HOST.fullmatch(name)]
        unknown = [host for host in hosts if host not in own_hosts]
        if not unknown:
            continue
        text = (
            f"server_name {', '.join(unknown)} passes requests to Millpond but is in"
            " the `domains` of no site"
        )
        hint = "add the host to the `domains` of its site"
        if len(unknown) < len(hosts) or not proxy.path_prefix:
            # A host of its own for Millpond, or a name that only redirects.
            yield look(_ABOUT, f"{text}; events of pages there are dropped", hint)
        else:
            yield finding(_ABOUT, f"{text}: events of its pages are dropped", hint)
