"""The query keys that mark a click, and what each says of who sent it."""

from typing import NamedTuple

from proxy.lists import read_list


class ClickId(NamedTuple):
    """One key: its rank among others, who uses it, the channel if it names one."""

    rank: int
    sender: str
    channel: str | None


def _load() -> dict[str, ClickId]:
    found = {}
    for rank, entry in enumerate(read_list("click_ids.txt")):
        key, sender, channel = entry.split()
        found[key] = ClickId(rank, sender, None if channel == "-" else channel)
    return found


CLICK_IDS = _load()
