"""Empty the spool on request: load all events acknowledged before the call."""

from collections.abc import Callable

from batcher.load.key_index import KeyIndex
from batcher.load.keys import Keys
from batcher.load.load import LoadBusyError, load
from batcher.load.load_result import LoadResult
from batcher.spool.spool import Spool
from config.errors import MillpondError, Retryable
from config.settings import Settings
from warehouse.tables import Warehouse

_POLL_S = 0.05


class DrainTimeoutError(Retryable, MillpondError):
    """A segment stayed open, or another load ran, until the timeout."""


def drain(
    spool: Spool,
    warehouse: Warehouse,
    settings: Settings,
    now_s: float,
    *,
    keys: Keys | None = None,
    timeout_s: float,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> LoadResult:
    """Request the sealing of open segments, then load all; safe with a running batcher.

    Waits up to *timeout_s* in total for the owners of lanes to seal their segments and
    for another load to end, then raises ``DrainTimeoutError``. Another load counts its
    own events, so the result may be smaller than the growth of the table.
    """
    deadline_s = monotonic() + timeout_s

    def wait(problem: str, hint: str) -> None:
        if monotonic() >= deadline_s:
            raise DrainTimeoutError(f"drain the spool: {problem}", hint=hint)
        sleep(_POLL_S)

    seal_open_segments(spool, wait)
    key_index = KeyIndex()
    while True:
        try:
            return load(
                spool, warehouse, settings, now_s, key_index=key_index, keys=keys
            )
        except LoadBusyError:
            wait(
                "another load is running", "let the running batcher finish, then retry"
            )


def seal_open_segments(spool: Spool, wait: Callable[[str, str], None]) -> None:
    """Have the owners of lanes seal their segments; return once they have.

    *wait* gets the problem and a hint. It waits, or raises when it has waited enough.
    """
    open_paths = {segment.path for segment in spool.unsealed()}
    spool.request_seal()
    while open_paths:
        spool.recover_lanes()
        open_paths = {path for path in open_paths if path.exists()}
        if open_paths:
            wait(
                f"{len(open_paths)} segments are still open",
                "check that the proxy that writes them is not suspended",
            )
