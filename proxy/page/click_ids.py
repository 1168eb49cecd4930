"""The query keys that hold click ids, with the sender and channel of each key."""

from typing import NamedTuple

from proxy.lists import read_list


class ClickId(NamedTuple):
    """One key: its rank, its sender, and its channel if the key determines one.

    If a URL has several keys, the one with the lowest rank counts.
    """

    rank: int
    sender: str
    channel: str | None


def _load() -> dict[str, ClickId]:
    click_ids = {}
    for rank, entry in enumerate(read_list("click_ids.txt")):
        key, sender, channel = entry.split()
        click_ids[key] = ClickId(rank, sender, None if channel == "-" else channel)
    return click_ids


CLICK_IDS = _load()
