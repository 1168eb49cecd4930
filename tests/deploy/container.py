"""A root like a container's, in which the commands of docs/install.md really run.

    with running_container() as machine:
        machine.run("useradd --system millpond && id millpond")

Namespaces of its own for mounts, processes and the network: the ports are free, users
and files stay inside, and at the end nothing is left. It needs root.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.container_init import PROGRAMS
from tests.processes import ROOT
from tests.programs import need

_NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts")
_PATH = f"{PROGRAMS}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRON = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8"}
_PATIENCE_S = 240.0


class Machine:
    """A running container."""

    def __init__(self, prefix: tuple[str, ...], first_process: int) -> None:
        target = ("--target", str(first_process))
        self._enter = (*prefix, "nsenter", *target, *_NAMESPACES)

    def run(self, script: str, given: bytes = b"") -> str:
        """Run *script* as root, in a shell that stops at the first failure.

        Returns what it printed. It must succeed.
        """
        return self._shell(script, given).decode()

    def put(self, content: bytes, path: str) -> None:
        """Write a file."""
        self._shell(f"cat > {path}", content)

    def read(self, path: str) -> bytes:
        """Read a file."""
        return self._shell(f"cat {path}", b"")

    def _shell(self, script: str, given: bytes) -> bytes:
        done = self._attempt(script, given)
        if done.returncode:
            journal = self._attempt("tail -n 40 /run/service-manager/*.log", b"")
            said = (done.stdout[-2_000:], done.stderr[-2_000:], journal.stdout)
            pytest.fail("\n".join([script, *(text.decode() for text in said)]))
        return done.stdout

    def _attempt(
        self, script: str, given: bytes
    ) -> "subprocess.CompletedProcess[bytes]":
        environ = [f"{name}={value}" for name, value in _ENVIRON.items()]
        return subprocess.run(
            [*self._enter, "env", "-i", "-C", "/", *environ, "sh", "-euc", script],
            input=given,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )


@contextmanager
def running_container() -> Iterator[Machine]:
    """Run a container until the block ends."""
    prefix = _root_prefix()
    for name in ("unshare", "nsenter", "mount"):
        need(name)
    packages = sysconfig.get_path("purelib")
    isolated = ("unshare", *_NAMESPACES, "--fork", "--kill-child", "--mount-proc")
    program = Path(__file__).with_name("container_init.py")
    with subprocess.Popen(
        [*prefix, *isolated, sys.executable, program, ROOT, packages],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n", "the container did not start"
        yield Machine(prefix, _last_descendant(started.pid))
        # Its first process ends with its input, and with it all others.
        started.communicate()


def _root_prefix() -> tuple[str, ...]:
    """Return what runs a command as root; skip the test, or fail in CI, without it."""
    if os.geteuid() == 0:
        return ()
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    if asked.returncode == 0:
        return ("sudo", "-n")
    reason = "a container needs root, or sudo without a password"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _last_descendant(process: int) -> int:
    """Return the youngest of a line of only children: the container's first process."""
    path = Path(f"/proc/{process}/task/{process}/children")
    children = path.read_text(encoding="ascii").split()
    return _last_descendant(int(children[-1])) if children else process
