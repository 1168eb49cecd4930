"""Reload a running Millpond: the supervisor's side, and ``millpond up --reload``."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from batcher.supervisor.child import Process
from batcher.supervisor.rolling_restart import RefusedSettingsError
from batcher.supervisor.single_instance import holder, single_instance
from config.errors import MillpondError
from config.load import load
from config.settings import Settings
from config.site_zones import check_zones
from config.snapshot import VARIABLE, copy_to_memory
from warehouse.durable import write_durable
from warehouse.sites.removed import check_removals

# Where data lies and where Millpond listens. Two workers that disagree about these
# would write to two places, so they change only while nothing runs.
FIXED = (
    ("proxy", "host"),
    ("proxy", "port"),
    ("proxy", "workers"),
    ("privacy", "salt_store"),
    ("privacy", "key_dir"),
    ("spool", "dir"),
    ("warehouse", "uri"),
    ("reports", "host"),
    ("reports", "port"),
)
_POLL_S = 0.1
# Longer than any reload takes: 40 s for each worker that hangs, and the other roles.
_WORKER_S, _OTHERS_S = 45.0, 60.0
_TOKEN_BYTES = 16

ProcessBuilder = Callable[[Settings, Mapping[str, str], Sequence[int]], list[Process]]


class ReloadError(MillpondError):
    """A reload was refused, or nobody can be asked for one."""


class FixedSettingsError(MillpondError):
    """The new configuration changes settings that a running Millpond must keep."""

    exit_code = 2

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"reload: {', '.join(names)} cannot change while Millpond runs",
            hint="set the old values, or stop Millpond and start it again",
        )


class Outcome(msgspec.Struct, frozen=True):
    """How a reload ended: *problem* is None if everything runs with the new settings.

    *token* differs for each reload.
    """

    token: str
    problem: str | None = None
    hint: str | None = None
    exit_code: int = 0


class ConfigReload:
    """Builds the processes from the file at *path*, at the start and on each reload.

    The processes get a copy of the checked file. *build* gets the settings, variables
    and descriptors for the processes. *settings* are those that the supervisor
    reserved its port and directories for. *report* prints why a reload was refused.
    """

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        build: ProcessBuilder,
        settings: Settings,
        report: Callable[[str], None],
    ) -> None:
        self._path = path
        self._environ = environ
        self._build = build
        self._settings = settings
        self._report = report
        self._newest: tuple[int, Settings] | None = None
        self._copies: list[int] = []

    def start(self) -> list[Process]:
        """Return the processes to start with."""
        processes = self.processes()
        self._accept()
        return processes

    def processes(self) -> list[Process]:
        """Return the processes of the file as it is now; raises if it is refused."""
        copy = self._copy()
        try:
            variables = {VARIABLE: str(copy)}
            settings = load(self._path, {**self._environ, **variables})
            _check_fixed(self._settings, settings)
            check_zones(settings)
            check_removals(settings)
            processes = self._build(settings, variables, [copy])
        except BaseException:
            os.close(copy)
            raise
        self._newest = copy, settings
        return processes

    def _copy(self) -> int:
        try:
            return copy_to_memory(self._path)
        except OSError:
            # Raises the error that describes the problem.
            load(self._path, self._environ)
            raise

    def finish(self, error: MillpondError | None) -> None:
        """Report *error*, and leave the outcome for ``millpond up --reload``."""
        if error is None:
            self._accept()
        else:
            self._refuse(error)
            self._report(f"millpond: {error}")
        _write_outcome(Path(self._settings.spool.dir), error)

    def _accept(self) -> None:
        if self._newest is not None:
            copy, self._settings = self._newest
            for former in self._copies:
                os.close(former)
            self._copies, self._newest = [copy], None

    def _refuse(self, error: MillpondError) -> None:
        if self._newest is None:
            return
        copy, settings = self._newest
        self._newest = None
        if isinstance(error, RefusedSettingsError):
            # Some processes run with the new copy, others with the former one.
            self._copies.append(copy)
            self._settings = settings
        else:
            os.close(copy)


def _check_fixed(old: Settings, new: Settings) -> None:
    changed = [
        f"{section}.{name}"
        for section, name in FIXED
        if getattr(getattr(old, section), name) != getattr(getattr(new, section), name)
    ]
    if changed:
        raise FixedSettingsError(changed)


def _outcome_path(spool_dir: Path) -> Path:
    return spool_dir / "reload.json"


def _write_outcome(spool_dir: Path, error: MillpondError | None) -> None:
    token = secrets.token_hex(_TOKEN_BYTES)
    outcome = (
        Outcome(token)
        if error is None
        else Outcome(token, error.message, error.hint, error.exit_code)
    )
    try:
        write_durable(_outcome_path(spool_dir), msgspec.json.encode(outcome))
    except OSError:
        # A full disk must not end the supervisor. The command will say that it got no
        # answer, and the log has the outcome.
        return


def _read_outcome(spool_dir: Path) -> Outcome | None:
    try:
        content = _outcome_path(spool_dir).read_bytes()
        return msgspec.json.decode(content, type=Outcome)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def ask_for_reload(settings: Settings) -> None:
    """Have the supervisor on the spool of *settings* reload; return once it has.

    Raises ``ReloadError`` if the reload was refused or nobody can do it.
    """
    spool_dir = Path(settings.spool.dir)
    timeout_s = settings.proxy.workers * _WORKER_S + _OTHERS_S
    # One command at a time, so that each gets the outcome of its own reload.
    with single_instance("reload", [spool_dir], wait_s=timeout_s):
        before = _read_outcome(spool_dir)
        _send_signal(spool_dir)
        outcome = _wait_for_outcome(spool_dir, before, timeout_s)
    if outcome.problem is not None:
        error = ReloadError(outcome.problem, hint=outcome.hint)
        error.exit_code = outcome.exit_code
        raise error


def _supervisor(spool_dir: Path) -> int:
    pid = holder("proxy run", spool_dir)
    if pid is None:
        raise ReloadError(
            f"reload: no millpond up or proxy run works on {spool_dir}",
            hint="start it, name its configuration with --config, or set spool.dir"
            " back: it cannot change while Millpond runs",
        )
    return pid


def _send_signal(spool_dir: Path) -> None:
    pid = _supervisor(spool_dir)
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        raise ReloadError(
            f"reload: process {pid} cannot be signalled: {error.strerror}",
            hint="run the command as the user that runs Millpond",
        ) from None


def _wait_for_outcome(
    spool_dir: Path, before: Outcome | None, timeout_s: float
) -> Outcome:
    end_s = time.monotonic() + timeout_s
    while True:
        outcome = _read_outcome(spool_dir)
        if outcome is not None and outcome != before:
            return outcome
        _supervisor(spool_dir)
        if time.monotonic() >= end_s:
            raise ReloadError(
                f"reload: no outcome after {timeout_s:g} s",
                hint="see the log of Millpond",
            )
        time.sleep(_POLL_S)
