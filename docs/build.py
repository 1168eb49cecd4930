"""Write every generated page, or with --check say which ones are stale."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Page: the function whose text it holds.
PAGES = {
    "config/reference.toml": "config.render:reference",
    "docs/configuration.md": "config.render:page",
    "docs/tables.md": "warehouse.describe:page",
    "docs/commerce.md": "proxy.protocols.describe:page",
    "docs/metrics.md": "reports.describe:page",
}


def render(source: str) -> str:
    """Return the text of the page that *source* writes."""
    module, _, name = source.partition(":")
    function: Callable[[], str] = getattr(import_module(module), name)
    return function()


def stale() -> list[str]:
    """Return the pages whose file differs from what the code says."""
    return [
        name
        for name, source in PAGES.items()
        if not (ROOT / name).is_file()
        or (ROOT / name).read_text(encoding="utf-8") != render(source)
    ]


def main(arguments: list[str]) -> int:
    """Write what is stale, or with --check only name it."""
    found = stale()
    for name in found:
        if arguments == ["--check"]:
            print(f"{name} is stale; run `make docs`", file=sys.stderr)
        else:
            (ROOT / name).write_text(render(PAGES[name]), encoding="utf-8")
    return 1 if found and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
