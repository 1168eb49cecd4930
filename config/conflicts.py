"""Checks across settings: values that are valid alone but contradict each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from config.errors import Problem
from config.prop_keys import names_id
from config.settings import ProxySettings, Settings, SiteSettings

_LOCALHOST = {"localhost": "127.0.0.1"}
_ALL_ADDRESSES = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def conflicts(settings: Settings) -> Iterator[Problem]:
    """Yield every contradiction between values that are valid by themselves."""
    yield from _proxy(settings.proxy)
    yield from _ports(settings)
    if not settings.sites:
        yield Problem("sites", "must hold at least one [[sites]] table")
    yield from _sites(settings.sites)


def _proxy(proxy: ProxySettings) -> Iterator[Problem]:
    if proxy.client_ip != "peer" and not proxy.trusted_proxies:
        yield Problem(
            "proxy.trusted_proxies",
            f"client_ip = {proxy.client_ip!r} needs at least one trusted proxy;"
            " without one the header is ignored",
        )


def _ports(settings: Settings) -> Iterator[Problem]:
    """Yield a problem if both servers listen on one port of one address."""
    proxy, reports = settings.proxy, settings.reports
    # Port 0 lets the system choose, and a server on all addresses takes each of them.
    if proxy.port != reports.port or not proxy.port:
        return
    hosts = {_LOCALHOST.get(host, host) for host in (proxy.host, reports.host)}
    if len(hosts) == 1 or hosts & _ALL_ADDRESSES:
        yield Problem("reports.port", f"{reports.port} is already taken by proxy.port")


def _sites(sites: tuple[SiteSettings, ...]) -> Iterator[Problem]:
    for number, site in enumerate(sites):
        if not site.domains:
            yield Problem(f"sites[{number}].domains", "must name at least one host")
        yield from _id_props(f"sites[{number}].props_allow", site.props_allow)
    names = (*_values(sites, "id"), *_values(sites, "formerly"))
    yield from _duplicates("site id", names, is_quoted=True)
    yield from _duplicates("domain", _values(sites, "domains"), is_quoted=True)
    yield from _duplicates("key", _values(sites, "keys"), is_quoted=False)
    yield from _duplicates("secret key", _values(sites, "secret_keys"), is_quoted=False)


def _id_props(path: str, keys: tuple[str, ...]) -> Iterator[Problem]:
    for position, key in enumerate(keys):
        if names_id(key):
            yield Problem(
                f"{path}[{position}]",
                f"{key!r} names an id, which would be stored as it is sent; remove it,"
                " or move it to props_allow_ids to keep it on purpose",
            )


def _values(sites: tuple[SiteSettings, ...], name: str) -> Iterator[tuple[str, str]]:
    """Yield each value of the setting *name* after the path of its key."""
    for number, site in enumerate(sites):
        value: str | tuple[str, ...] = getattr(site, name)
        if isinstance(value, str):
            yield f"sites[{number}].{name}", value
        else:
            for position, item in enumerate(value):
                yield f"sites[{number}].{name}[{position}]", item


def _duplicates(
    kind: str, values: Iterable[tuple[str, str]], *, is_quoted: bool
) -> Iterator[Problem]:
    paths_by_value = defaultdict(list)
    for path, value in values:
        if value:
            paths_by_value[value].append(path)
    for value, (first, *others) in paths_by_value.items():
        quoted = f" {value!r}" if is_quoted else ""
        for path in others:
            yield Problem(path, f"{kind}{quoted} is already taken by {first}")
