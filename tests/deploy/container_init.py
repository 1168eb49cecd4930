"""The first process of a container: closes it off, then reaps orphaned processes.

Started by ``tests.deploy.container`` in namespaces of its own, as root. Everything the
machine has stays visible, but nothing of it can be changed: the root is read-only, and
what may be written is in memory. It says ``ready``, and ends when its input ends.

There is no network, so pip cannot download: every new virtual environment gets a
``.pth`` file that names the libraries this test runs with, and pip finds what is locked
installed already.
"""

import fcntl
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.2
_SIOCSIFFLAGS, _UP = 0x8914, 0x1
# Memory in place of what the machine has there.
_EMPTY = {"/opt": "755", "/run": "755", "/srv": "755", "/dev/shm": "1777"}  # noqa: S108
# What is written to these stays in the container.
_LAYERED = ("/etc", "/var", "/usr/local")
PYTHON = Path(sys.base_prefix)
LIBRARIES = Path("/opt/libraries")
PROGRAMS = Path("/usr/local/bin")
SOURCE = Path("/usr/local/src/millpond")
_SOURCES = (
    *("config", "warehouse", "batcher", "proxy", "reports", "deploy"),
    *("millpond.py", "pyproject.toml", "README.md", "LICENSE", "requirements.lock"),
)


def main() -> None:
    """Set the container up, and look after it until the input ends."""
    repository, packages = Path(sys.argv[1]), Path(sys.argv[2])
    # What is mounted on is hidden: this lies in memory beside the rest.
    scratch = Path("/mnt")
    _mount("-t", "tmpfs", "tmpfs", scratch)
    for place in _LAYERED:
        _layer(scratch, Path(place), Path(place))
    for place, mode in _EMPTY.items():
        _mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", Path(place))
    _show(packages, LIBRARIES)
    _copy_source(repository)
    _install_python()
    _install_service_manager(repository)
    _hide_homes()
    for place in ("/", "/dev"):
        _mount("-o", "remount,bind,ro", Path(place))
    _enable_loopback()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], _POLL_S)[0]:
        _reap()


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def _show(original: Path, place: Path) -> None:
    """Show a directory at *place*, read-only."""
    place.mkdir(parents=True, exist_ok=True)
    _mount("--bind", original, place)
    _mount("-o", "remount,bind,ro", place)


def _hide_homes() -> None:
    """Empty the directories in which people keep things, but for Python itself.

    It stays where it is, because it may look for its libraries there; but everybody
    may read it, as they may where a distribution puts it.
    """
    kept = Path("/opt/python")
    _show(PYTHON, kept)
    for hidden, mode in (("/root", "755"), ("/tmp", "1777")):  # noqa: S108
        _mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", Path(hidden))
    if not PYTHON.exists():
        _show(kept, PYTHON)


def _layer(scratch: Path, lower: Path, target: Path) -> None:
    """Show *lower* at *target*, with a layer in memory for what is written."""
    name = str(target).strip("/").replace("/", "-")
    upper, work = scratch / name / "upper", scratch / name / "work"
    upper.mkdir(parents=True)
    work.mkdir()
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    _mount("-t", "overlay", "-o", layers, "overlay", target)


def _copy_source(repository: Path) -> None:
    """Put what a release holds where the page says that it is unpacked."""
    SOURCE.mkdir(parents=True)
    for name in _SOURCES:
        found = repository / name
        if found.is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(found, SOURCE / name, ignore=left_out)
        else:
            shutil.copy(found, SOURCE / name)


def _install_python() -> None:
    """Put a ``python3`` in the path that gives a new environment its libraries."""
    script = f"""\
#!/bin/sh
{PYTHON}/bin/python3 "$@"
case "$1 $2" in "-m venv")
    for packages in "$3"/lib/python3*/site-packages; do
        # An older one of Python's own would hide the one that is locked.
        rm -rf "$packages"/setuptools* "$packages"/*distutils* "$packages/pkg_resources"
        echo {LIBRARIES} > "$packages/libraries.pth"
    done
esac
"""
    _write_program("python3", script)


def _install_service_manager(repository: Path) -> None:
    program = Path("/usr/local/lib/service_manager.py")
    shutil.copy(repository / "tests" / "deploy" / "service_manager.py", program)
    for name in ("systemctl", "journalctl"):
        script = f'#!/bin/sh\nexec {PYTHON}/bin/python3 {program} {name} "$@"\n'
        _write_program(name, script)


def _write_program(name: str, script: str) -> None:
    path = PROGRAMS / name
    path.write_text(script)
    path.chmod(0o755)


def _enable_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
