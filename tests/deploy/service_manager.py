"""Stands in for systemd in a container: does with a unit what its lines say.

``systemctl`` daemon-reload, enable --now, disable --now, start, stop, restart,
reload and is-active, and ``journalctl -u``. It knows the keys that shape where a
service may write, as whom it runs and how it ends; ``systemd-analyze verify`` reads
the rest.
"""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from configparser import RawConfigParser
from pathlib import Path

_UNITS = Path("/etc/systemd/system")
_STATE = Path("/run/service-manager")
_WRITABLE = ("/etc", "/var", "/opt", "/usr/local", "/srv", "/tmp", "/dev/shm")  # noqa: S108
_POLL_S = 0.05
_ENDED = 3


def main() -> int:
    """Run one command; return its exit code."""
    program, *words = sys.argv[1:]
    if program == "journalctl":
        sys.stdout.write(_log_path(words[words.index("-u") + 1]).read_text())
        return 0
    verb, *names = words
    now = "--now" in names
    units = [name for name in names if not name.startswith("-")]
    actions: dict[str, list[Callable[[str], int]]] = {
        "daemon-reload": [],
        "enable": [start] if now else [],
        "disable": [stop] if now else [],
        "start": [start],
        "stop": [stop],
        "restart": [stop, start],
        "reload": [reload],
        "is-active": [is_active],
    }
    codes = [action(unit) for unit in units for action in actions[verb]]
    return max(codes, default=0)


def start(unit: str) -> int:
    """Start the service as its unit says; return at once, as ``Type=exec`` does."""
    service = _service(unit)
    user = service["User"]
    state = _directory("/var/lib", service, "StateDirectory")
    runtime = _directory("/run", service, "RuntimeDirectory")
    _STATE.mkdir(exist_ok=True)
    # As ProtectSystem=strict: only the service's own directories can be written.
    shut = [f"mount --bind {place} {place}" for place in (state, runtime)]
    shut += [
        f"mount --rbind {place} {place} && mount -o remount,bind,ro {place}"
        for place in _WRITABLE
        if not str(state).startswith(place)
    ]
    shut.append("mount -o remount,bind,ro /run")
    drop = f"exec setpriv --reuid={user} --regid={service['Group']} --init-groups"
    drop += " --no-new-privs --bounding-set=-all --inh-caps=-all"
    script = [
        "set -e",
        *shut,
        f"ulimit -n {service['LimitNOFILE']}",
        f"ulimit -c {service['LimitCORE']}",
        f"umask {service['UMask']}",
        f"{drop} {shlex.join(shlex.split(service['ExecStart']))}",
    ]
    with _log_path(unit).open("ab") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", "\n".join(script)],
            cwd=service["WorkingDirectory"],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _pid_path(unit).write_text(str(process.pid))
    return 0


def stop(unit: str) -> int:
    """Stop the service as its unit says; return 1 if it had to be killed."""
    service, code = _service(unit), 0
    if is_active(unit) == 0:
        process = int(_pid_path(unit).read_text())
        # KillMode=mixed: the main process alone is asked.
        os.kill(process, signal.SIGTERM)
        end_s = time.monotonic() + float(service["TimeoutStopSec"])
        while is_active(unit) == 0:
            if time.monotonic() >= end_s:
                os.kill(process, signal.SIGKILL)
                code = 1
            time.sleep(_POLL_S)
    if service.get("RuntimeDirectoryPreserve", "no") == "no":
        shutil.rmtree(Path("/run") / service["RuntimeDirectory"])
    return code


def reload(unit: str) -> int:
    """Run the unit's own command for it, as the service's user."""
    service = _service(unit)
    drop = ["setpriv", f"--reuid={service['User']}", f"--regid={service['Group']}"]
    done = subprocess.run(
        [*drop, "--init-groups", *shlex.split(service["ExecReload"])],
        cwd=service["WorkingDirectory"],
        check=False,
    )
    return done.returncode


def is_active(unit: str) -> int:
    """Return 0 while the service's main process lives."""
    try:
        process = int(_pid_path(unit).read_text())
        os.kill(process, 0)
    except (FileNotFoundError, ProcessLookupError):
        return _ENDED
    return 0


def _service(unit: str) -> dict[str, str]:
    parser = RawConfigParser(strict=True)
    # Keys of a unit are case-sensitive.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((_UNITS / f"{unit}.service").read_text())
    return dict(parser["Service"])


def _directory(parent: str, service: dict[str, str], key: str) -> Path:
    path = Path(parent) / service[key]
    path.mkdir(exist_ok=True)
    path.chmod(int(service[f"{key}Mode"], 8))
    account = pwd.getpwnam(service["User"])
    os.chown(path, account.pw_uid, account.pw_gid)
    return path


def _log_path(unit: str) -> Path:
    return _STATE / f"{unit}.log"


def _pid_path(unit: str) -> Path:
    return _STATE / f"{unit}.pid"


if __name__ == "__main__":
    sys.exit(main())
