"""Renew the two lock files of the vendors' clients: python -m tests.vendors.lock.

A browser client is one built file of its package, so its dependencies are left out:
they would be ten times larger, and no test would load them.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_NPM = ("npm", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
_UV = ("uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes")
_COMMENT = ("--custom-compile-command", "python -m tests.vendors.lock")
# Addresses, and fields that only print messages in npm.
_LEFT_OUT = ("resolved", "funding", "deprecated", "optionalDependencies")


def main() -> None:
    """Write both lock files."""
    manifest = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    lock = _servers(manifest)
    packages = lock["packages"]
    packages[""] = manifest
    for name, version in manifest["devDependencies"].items():
        packages[f"node_modules/{name}"] = _browser(name, version)
    lock["packages"] = dict(sorted(packages.items()))
    text = json.dumps(lock, indent=2) + "\n"
    (FOLDER / "package-lock.json").write_text(text, encoding="utf-8")
    _python()


def _servers(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the lock of the Node clients with their dependencies."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "package.json")
        path.write_text(
            json.dumps(manifest | {"devDependencies": {}}), encoding="utf-8"
        )
        options = ("--package-lock-only", "--omit-lockfile-registry-resolved")
        subprocess.run([*_NPM, "install", *options], cwd=folder, check=True)
        lock: dict[str, Any] = json.loads(Path(folder, "package-lock.json").read_text())
    lock["packages"] = {
        name: {key: value for key, value in package.items() if key not in _LEFT_OUT}
        for name, package in lock["packages"].items()
        if not package.get("optional")
    }
    return lock


def _browser(name: str, version: str) -> dict[str, Any]:
    """Return the entry of a browser client, without its dependencies."""
    spec = version if version.startswith("npm:") else f"{name}@{version}"
    real, _, number = spec.removeprefix("npm:").rpartition("@")
    fields = ("version", "dist.integrity", "license")
    process = subprocess.run(
        [*_NPM, "view", f"{real}@{number}", *fields, "--json"],
        check=True,
        capture_output=True,
    )
    metadata = json.loads(process.stdout)
    aliased = {"name": real} if real != name else {}
    return {
        **aliased,
        "version": metadata["version"],
        "integrity": metadata["dist.integrity"],
        "dev": True,
        "license": metadata["license"],
    }


def _python() -> None:
    """Write the lock file of the Python clients."""
    options = ("--python-version", "3.11", "--output-file", "requirements.lock")
    subprocess.run(
        [*_UV, *_COMMENT, *options, "requirements.in"], cwd=FOLDER, check=True
    )


if __name__ == "__main__":
    main()
