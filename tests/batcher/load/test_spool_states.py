"""Writes, kills, copies, restores and loads in any order store each event once."""

import contextlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import hypothesis
import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batcher.load.load import load
from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.segment import FrameKind, read_frames
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import SETTINGS
from tests.batcher.spool.segment_files import SETTINGS as SPOOL_SETTINGS
from tests.hypothesis_settings import few_examples
from tests.warehouse.event_rows import event, lines
from warehouse.schema import EVENTS, Event
from warehouse.tables import Warehouse

LANE = "lane-000"
_WHICH = st.integers(0, 9)


class Host:
    """A spool and its writer."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder)
        self.lane = Lane.open(self.spool, LANE, SPOOL_SETTINGS)

    def restart(self) -> None:
        """Kill the writer with its open segment, and start another."""
        if self.lane._segment is not None:  # noqa: SLF001 - a kill seals nothing
            self.lane._segment.close()  # noqa: SLF001
            self.lane._segment = None  # noqa: SLF001
        self.lane.close()
        self.lane = Lane.open(self.spool, LANE, SPOOL_SETTINGS)


def events_in(folder: Path) -> set[str]:
    """Return the paths of all events in the files of a spool."""
    files = [*folder.glob("lanes/*/*"), *folder.glob("quarantine/*")]
    return {
        str(msgspec.json.decode(line, type=Event).path)
        for file in files
        for frame in read_frames(file.read_bytes()).frames
        if frame.kind is FrameKind.EVENTS
        for line in bytes(frame.payload).split(b"\n")
    }


class SpoolMachine(RuleBasedStateMachine):
    """Hosts that load into one warehouse, and copies of their spools."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="millpond-spool-"))
        self._warehouse = Warehouse(self._folder / "warehouse")
        self._hosts = [Host(self._folder / "host-0")]
        self._copies: list[Path] = []
        self._event_count = 0
        self._acknowledged: set[str] = set()
        # Events that cannot be stored any more: their only file was overwritten.
        self._destroyed: set[str] = set()

    def _host(self, which: int) -> Host:
        return self._hosts[which % len(self._hosts)]

    @rule(which=_WHICH, groups=st.integers(1, 3))
    def commit(self, which: int, groups: int) -> None:
        """Commit groups of one event."""
        for _ in range(groups):
            self._event_count += 1
            path = f"/{self._event_count}"
            with contextlib.suppress(SpoolBrokenError):
                self._host(which).lane.commit(lines([event(path=path)]), [])
                self._acknowledged.add(path)

    @rule(which=_WHICH)
    def seal(self, which: int) -> None:
        """Seal the open segment."""
        with contextlib.suppress(SpoolBrokenError):
            self._host(which).lane.seal()

    @rule(which=_WHICH)
    def die(self, which: int) -> None:
        """Kill the writer, and start another."""
        self._host(which).restart()

    @rule(which=_WHICH)
    def copy(self, which: int) -> None:
        """Copy a spool in its current state."""
        copy = self._folder / f"copy-{len(self._copies)}"
        shutil.copytree(self._host(which).spool.directory, copy)
        self._copies.append(copy)

    @precondition(lambda self: self._copies)
    @rule(which=_WHICH, copy=_WHICH)
    def restore(self, which: int, copy: int) -> None:
        """Replace a spool by a copy while its writer runs."""
        spool = self._host(which).spool.directory
        lost = events_in(spool)
        shutil.rmtree(spool)
        shutil.copytree(self._copies[copy % len(self._copies)], spool)
        self._destroyed |= lost.difference(
            *(events_in(host.spool.directory) for host in self._hosts)
        )

    @precondition(lambda self: self._copies and len(self._hosts) < 3)
    @rule(copy=_WHICH)
    def start(self, copy: int) -> None:
        """Start another host with a copy."""
        folder = self._folder / f"host-{len(self._hosts)}"
        shutil.copytree(self._copies[copy % len(self._copies)], folder)
        self._hosts.append(Host(folder))

    @rule(which=_WHICH)
    def load(self, which: int) -> None:
        """Load the sealed segments."""
        load(self._host(which).spool, self._warehouse, SETTINGS, 0.0)

    @invariant()
    def no_event_is_stored_twice(self) -> None:
        """Check the stored paths."""
        assert [path for path, times in self._stored().items() if times > 1] == []

    def _stored(self) -> Counter[str]:
        view = self._warehouse.view(EVENTS)
        return Counter(view.read(columns=["path"])["path"].to_list())

    def teardown(self) -> None:
        """Load everything, and compare the table with the acknowledged events."""
        for host in self._hosts:
            host.restart()
            load(host.spool, self._warehouse, SETTINGS, 0.0)
            host.lane.close()
        stored = set(self._stored())
        set_aside = set()
        for host in self._hosts:
            for path in host.spool.quarantined():
                reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())
                assert reason["problems"] == ["already_loaded"]
            set_aside |= events_in(host.spool.directory)
        lost = self._acknowledged - stored - set_aside
        self.no_event_is_stored_twice()
        shutil.rmtree(self._folder)

        assert lost <= self._destroyed
        assert stored <= self._acknowledged


TestSpool = SpoolMachine.TestCase
TestSpool.settings = hypothesis.settings(few_examples(), stateful_step_count=20)
