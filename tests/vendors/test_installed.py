"""What installs the vendors' clients: hashes for all, licences, no addresses."""

import json
import re
from pathlib import Path

import pytest

from tests.vendors.clients import BROWSER_CLIENTS, FOLDER

ROOT = Path(__file__).parents[2]
LOCKS = ("package-lock.json", "requirements.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place_to_download_from(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")

    assert re.findall(r"https?:|file:|--index|--find-links|\"resolved\"", text) == []


def test_every_package_has_its_hash() -> None:
    packages = _packages()

    assert len(packages) > 50
    assert [name for name, told in packages.items() if "integrity" not in told] == []


def test_a_browsers_client_brings_nothing_along() -> None:
    of_browsers = {name: told for name, told in _packages().items() if told.get("dev")}

    assert {"dependencies"} & {
        key for told in of_browsers.values() for key in told
    } == set()
    assert {_package(client.file) for client in BROWSER_CLIENTS} == of_browsers.keys()


def test_every_client_has_its_licence() -> None:
    page = (ROOT / "docs/licenses.md").read_text(encoding="utf-8")
    asked = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    required = (FOLDER / "requirements.in").read_text(encoding="utf-8").split()
    versions = asked["dependencies"] | asked["devDependencies"]
    clients = [name for name, version in versions.items() if "npm:" not in version]
    clients += [line.partition("==")[0] for line in required]

    assert [name for name in clients if f" {name}" not in page] == []


def _packages() -> dict[str, dict[str, object]]:
    """Return what the lock installs, by name."""
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    return {
        path.removeprefix("node_modules/"): told
        for path, told in lock["packages"].items()
        if path
    }


def _package(file: str) -> str:
    """Return the package that a built file belongs to."""
    return "/".join(file.split("/")[: 2 if file.startswith("@") else 1])
