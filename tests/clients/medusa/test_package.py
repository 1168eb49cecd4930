"""The package contains the intended files, and its lock names no download address."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.medusa.provider_package import CLIENT, built, run

# The first test of a process also compiles the provider and loads Medusa.
pytestmark = pytest.mark.timeout(300)

SERVER = Path(__file__).parent / "server"
README = (CLIENT / "README.md").read_text(encoding="utf-8")


def package(folder: Path) -> Any:
    """Return a folder's package.json."""
    return json.loads((folder / "package.json").read_text(encoding="utf-8"))


def test_the_package_contains_only_its_build() -> None:
    listed = run("npm", "pack", "--dry-run", "--json", "--ignore-scripts",
                 folder=built())  # fmt: skip
    (packed,) = json.loads(listed)
    names = {file["path"] for file in packed["files"]}
    built_from = {
        f"dist/{source.relative_to(CLIENT / 'src').with_suffix(suffix)}"
        for source in (CLIENT / "src").rglob("*.ts")
        for suffix in (".js", ".d.ts")
    }

    assert names == built_from | {"LICENSE", "README.md", "package.json"}


def test_every_package_export_exists() -> None:
    script = """
      const names = ["", "/storefront", ...process.argv.slice(1)];
      for (const name of names) require("millpond-medusa" + name);
    """
    subscribers = [
        f"/subscribers/{source.stem}"
        for source in (CLIENT / "src" / "subscribers").glob("*-*.ts")
    ]

    assert len(subscribers) == 6
    assert run("node", "-e", script, *subscribers, folder=built()) == ""


def test_the_storefront_module_loads_no_server_code() -> None:
    text = (built() / "dist" / "storefront.js").read_text(encoding="utf-8")

    assert "require(" not in text


@pytest.mark.parametrize("folder", [CLIENT, SERVER], ids=["client", "server"])
def test_the_lock_file_names_no_download_address(folder: Path) -> None:
    text = (folder / "package-lock.json").read_text(encoding="utf-8")

    assert re.findall(r"https?:|git[+:]|file:|\"resolved\"", text) == []


@pytest.mark.parametrize("folder", [CLIENT, SERVER], ids=["client", "server"])
def test_the_lock_file_matches_package_json(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))

    for kind in ("dependencies", "devDependencies", "peerDependencies"):
        assert lock["packages"][""].get(kind) == package(folder).get(kind)


@pytest.mark.parametrize("folder", [CLIENT, SERVER], ids=["client", "server"])
def test_every_dependency_version_is_exact(folder: Path) -> None:
    manifest = package(folder)
    kinds = ("dependencies", "devDependencies", "peerDependencies")
    versions = [
        version for kind in kinds for version in manifest.get(kind, {}).values()
    ]

    assert versions
    assert [
        version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)
    ] == []


def test_every_medusa_package_has_the_same_version() -> None:
    client, server = package(CLIENT), package(SERVER)
    (version,) = client["peerDependencies"].values()
    kinds = (client["devDependencies"], server["dependencies"])
    medusas = [kind[name] for kind in kinds for name in kind if "@medusajs" in name]

    assert set(medusas) == {version}


def test_the_licence_is_that_of_the_repository() -> None:
    ours = CLIENT.parents[1] / "LICENSE"

    assert (CLIENT / "LICENSE").read_bytes() == ours.read_bytes()
    assert package(CLIENT)["license"] == "Apache-2.0"


def test_the_readme_names_every_option_with_its_default() -> None:
    source = (CLIENT / "src" / "options.ts").read_text(encoding="utf-8")
    standards = re.findall(r"(\w+): \{ defaultValue: ([\d_]+)", source)
    documented = dict(re.findall(r"(?m)^\| `(\w+)` \| (\d+) \|", README))

    assert documented == {name: number.replace("_", "") for name, number in standards}
    assert [
        name for name in ("host", "site", "secretKey") if f"`{name}`" not in README
    ] == []


def test_the_readme_lists_every_subscriber() -> None:
    documented = re.findall(r"(?m)^\| `([\w-]+-[\w-]+)` \| `", README)
    subscribers = sorted(
        path.stem for path in (CLIENT / "src" / "subscribers").glob("*-*.ts")
    )

    assert sorted(documented) == subscribers
