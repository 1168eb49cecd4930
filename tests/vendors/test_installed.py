"""The lock files have hashes for all packages, known licences and no addresses."""

import json
import re
from pathlib import Path

import pytest

from tests.vendors.clients import BROWSER_CLIENTS, FOLDER

ROOT = Path(__file__).parents[2]
LOCKS = ("package-lock.json", "requirements.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_download_address(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")

    assert re.findall(r"https?:|file:|--index|--find-links|\"resolved\"", text) == []


def test_every_package_has_a_hash() -> None:
    packages = _packages()

    assert len(packages) > 50
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_a_browser_client_has_no_dependencies() -> None:
    of_browsers = {
        name: entry for name, entry in _packages().items() if entry.get("dev")
    }

    assert {"dependencies"} & {
        key for entry in of_browsers.values() for key in entry
    } == set()
    assert {_package(client.file) for client in BROWSER_CLIENTS} == of_browsers.keys()


def test_every_client_has_a_documented_licence() -> None:
    page = (ROOT / "docs/licenses.md").read_text(encoding="utf-8")
    manifest = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    required = (FOLDER / "requirements.in").read_text(encoding="utf-8").split()
    versions = manifest["dependencies"] | manifest["devDependencies"]
    clients = [name for name, version in versions.items() if "npm:" not in version]
    clients += [line.partition("==")[0] for line in required]

    assert [name for name in clients if f" {name}" not in page] == []


def _packages() -> dict[str, dict[str, object]]:
    """Return the packages of the lock file by name."""
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    return {
        path.removeprefix("node_modules/"): entry
        for path, entry in lock["packages"].items()
        if path
    }


def _package(file: str) -> str:
    """Return the package that a built file belongs to."""
    return "/".join(file.split("/")[: 2 if file.startswith("@") else 1])
