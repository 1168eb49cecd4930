"""Lists of sources, of other vendors and of ours, to measure the shipped table."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "referer"
_MATOMO = {
    "search": "matomo_SearchEngines.yml",
    "social": "matomo_Socials.yml",
    "ai": "matomo_AIAssistants.yml",
}
# A host pattern may end with any suffix or begin with any country.
_SUFFIXES = ("com", "de", "co.uk", "com.br")


_OURS = Path(__file__).with_name("data") / "hosts_by_channel.txt"


def our_hosts() -> Iterator[tuple[str, str]]:
    """Yield the channel and host of each entry of our own list."""
    for line in _OURS.read_text(encoding="utf-8").splitlines():
        channel, _, hosts = line.partition(":")
        if not line.startswith("#"):
            yield from ((channel, host) for host in hosts.split())


def need() -> None:
    """Skip the test if the lists are not on this machine."""
    if not FOLDER.is_dir():
        pytest.skip("the reference lists are not on this machine")


def matomo_hosts() -> Iterator[tuple[str, str]]:
    """Yield the hosts of Matomo with their class; patterns are expanded."""
    for kind, name in _MATOMO.items():
        text = (FOLDER / name).read_text(encoding="utf-8")
        for pattern in _host_patterns(text):
            host = pattern.removeprefix("android-app//").partition("/")[0]
            for spelled in _spelled(host):
                yield spelled, kind


def _host_patterns(text: str) -> Iterator[str]:
    listed = "urls"
    for line in text.splitlines():
        if section := re.match(r" +(?:- )?(\w+):\s*$", line):
            listed = section[1]
        elif line[:1].strip():
            listed = "urls"
        elif listed == "urls" and (entry := re.match(r" +- '?([^'\s]+)'?\s*$", line)):
            yield entry[1]


def _spelled(host: str) -> list[str]:
    if host.endswith("{}"):
        return [host.replace("{}", suffix) for suffix in _SUFFIXES]
    return [host.replace("{}", "fr")]


def ga4_sources() -> list[tuple[str, str]]:
    """Return the sources of Google Analytics (hosts and names) with their class."""
    with (FOLDER / "ga4_source_categories.csv").open(encoding="utf-8") as file:
        return [
            (row["source"].strip(), row["source_category"].rpartition("_")[2].lower())
            for row in csv.DictReader(file)
        ]


def spam_hosts() -> list[str]:
    """Return the hosts in the referrer spam list of Matomo."""
    return (FOLDER / "matomo_spammers.txt").read_text(encoding="utf-8").split()
