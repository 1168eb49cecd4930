"""A running Millpond that tests share; each test sees only its own events."""

from collections import Counter
from pathlib import Path

from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from tests.proxy.worker_process import WorkerProcess
from warehouse.schema import Event, Hash64


class Millpond:
    """The worker, and the events it accepted since this object was created."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self._before = len(worker.spooled.events)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.worker.port

    @property
    def events(self) -> list[Event]:
        """The new events in its spool."""
        return self.worker.spooled.events[self._before :]

    @property
    def messages(self) -> Counter[tuple[Hash64 | None, Hash64 | None]]:
        """The count of each new message of each order in the spool."""
        return Counter((event.event_id, event.order_key) for event in self.events)

    def hashed(self, purpose: HashPurpose, text: str) -> Hash64:
        """Return the hash of an id in the spool."""
        key = (Path(self.worker.folder) / "keys" / "shop.key").read_bytes()
        return keyed_hash(key, purpose, text)
