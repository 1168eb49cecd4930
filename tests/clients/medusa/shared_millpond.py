"""A running Millpond that several tests share, each seeing only what it sent itself."""

from collections import Counter
from pathlib import Path

from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from tests.proxy.worker_process import WorkerProcess
from warehouse.schema import Event, Hash64


class Millpond:
    """The worker, and the events it took since this was made."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self._before = len(worker.spooled.events)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.worker.port

    @property
    def events(self) -> list[Event]:
        """The new events in its spool."""
        return self.worker.spooled.events[self._before :]

    @property
    def messages(self) -> Counter[tuple[Hash64 | None, Hash64 | None]]:
        """How often each new message of each order is in its spool."""
        return Counter((event.event_id, event.order_key) for event in self.events)

    def hashed(self, purpose: HashPurpose, text: str) -> Hash64:
        """Return what stands for an id in its spool."""
        key = (Path(self.worker.folder) / "keys" / "shop.key").read_bytes()
        return keyed_hash(key, purpose, text)
