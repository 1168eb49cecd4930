"""Empty the spool on request: whatever was acknowledged before the call gets loaded."""

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
    """Somebody still writes a segment, or loads, longer than we waited."""


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
    """Have open segments sealed, then load all; safe beside a running batcher.

    Waits at most *timeout_s* for the owners of lanes to seal, and for another load
    to end; raises ``DrainTimeoutError`` after that. What another load took counts as
    its own, so the figures returned may be smaller than what the table gained.
    """
    deadline_s = monotonic() + timeout_s

    def wait(problem: str, hint: str) -> None:
        if monotonic() >= deadline_s:
            raise DrainTimeoutError(f"drain the spool: {problem}", hint=hint)
        sleep(_POLL_S)

    waiting = {each.path for each in spool.unsealed()}
    spool.request_seal()
    while waiting:
        spool.recover_lanes()
        waiting = {path for path in waiting if path.exists()}
        if waiting:
            wait(
                f"{len(waiting)} segments are still open",
                "see that the proxy that writes them is not stopped",
            )
    seen = KeyIndex()
    while True:
        try:
            return load(spool, warehouse, settings, now_s, seen=seen, keys=keys)
        except LoadBusyError:
            wait("another load goes on", "let the running batcher finish, then again")
