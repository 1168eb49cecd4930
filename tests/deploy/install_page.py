"""The commands of docs/install.md, section by section, in the order of the page."""

import re
import textwrap
from typing import NamedTuple

from tests.processes import ROOT

PAGE = ROOT / "docs" / "install.md"
_BLOCK = re.compile(r"(?ms)^( *)```sh\n(.*?)^\1```")
_HEADING = re.compile(r"(?m)^## (.+)\n")


class Block(NamedTuple):
    """One block of commands, and the heading it is under."""

    section: str
    commands: str


def blocks() -> list[Block]:
    """Return every block of commands on the page."""
    _, *parts = _HEADING.split(PAGE.read_text(encoding="utf-8"))
    return [
        Block(section, textwrap.dedent(found[2]))
        for section, text in zip(parts[::2], parts[1::2], strict=True)
        for found in _BLOCK.finditer(text)
    ]


def commands_of(section: str) -> str:
    """Return all commands of a section."""
    found = [block.commands for block in blocks() if block.section == section]
    assert found, section
    return "".join(found)
