"""Write every generated page, or name the stale ones with --check."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Each page with the function that returns its text.
PAGES = {
    "config/reference.toml": "config.render:reference",
    "docs/configuration.md": "config.render:page",
    "docs/tables.md": "warehouse.describe:page",
    "docs/commerce.md": "proxy.protocols.describe:page",
    "docs/metrics.md": "reports.describe:page",
}


def render(source: str) -> str:
    """Return the text of a page; *source* is its function as ``module:name``."""
    module, _, name = source.partition(":")
    function: Callable[[], str] = getattr(import_module(module), name)
    return function()


def stale() -> list[str]:
    """Return the pages whose file differs from the text the code returns."""
    return [
        name
        for name, source in PAGES.items()
        if not (ROOT / name).is_file()
        or (ROOT / name).read_text(encoding="utf-8") != render(source)
    ]


def main(arguments: list[str]) -> int:
    """Write the stale pages, or only name them with --check."""
    names = stale()
    for name in names:
        if arguments == ["--check"]:
            print(f"{name} is stale; run `make docs`", file=sys.stderr)
        else:
            (ROOT / name).write_text(render(PAGES[name]), encoding="utf-8")
    return 1 if names and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
