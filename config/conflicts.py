"""What single values cannot show: settings that contradict each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from config.errors import Problem
from config.settings import ProxySettings, Settings, SiteSettings


def conflicts(settings: Settings) -> Iterator[Problem]:
    """Yield every contradiction between values that are sound by themselves."""
    yield from _proxy(settings.proxy)
    if not settings.sites:
        yield Problem("sites", "must hold at least one [[sites]] table")
    yield from _sites(settings.sites)


def _proxy(proxy: ProxySettings) -> Iterator[Problem]:
    if proxy.client_ip != "peer" and not proxy.trusted_proxies:
        yield Problem(
            "proxy.trusted_proxies",
            f"client_ip = {proxy.client_ip!r} needs at least one, or the header"
            " is never believed",
        )


def _sites(sites: tuple[SiteSettings, ...]) -> Iterator[Problem]:
    for number, site in enumerate(sites):
        if not site.domains:
            yield Problem(f"sites[{number}].domains", "must name at least one host")
    yield from _claimed("site id", _paths(sites, "id"), quoted=True)
    yield from _claimed("domain", _paths(sites, "domains"), quoted=True)
    yield from _claimed("key", _paths(sites, "keys"), quoted=False)
    yield from _claimed("secret key", _paths(sites, "secret_keys"), quoted=False)


def _paths(sites: tuple[SiteSettings, ...], name: str) -> Iterator[tuple[str, str]]:
    for number, site in enumerate(sites):
        value: str | tuple[str, ...] = getattr(site, name)
        if isinstance(value, str):
            yield f"sites[{number}].{name}", value
        else:
            for place, item in enumerate(value):
                yield f"sites[{number}].{name}[{place}]", item


def _claimed(
    what: str, claims: Iterable[tuple[str, str]], *, quoted: bool
) -> Iterator[Problem]:
    claimants = defaultdict(list)
    for path, value in claims:
        if value:
            claimants[value].append(path)
    for value, (first, *others) in claimants.items():
        shown = f" {value!r}" if quoted else ""
        for path in others:
            yield Problem(path, f"{what}{shown} is already taken by {first}")
