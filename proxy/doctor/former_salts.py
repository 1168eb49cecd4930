"""Checks the former stores of salts: a moved store must not leave a salt behind."""

from collections.abc import Iterator
from pathlib import Path

from batcher.salts.former import FormerStore, Presence, find_former
from batcher.salts.locations import SaltLocations
from config.mounts import is_in_memory
from proxy.doctor.finding import Finding, finding, look

_SALTS = "salts"
_SECTION = 'docs/operations.md, "Salts"'


def former_salts(spool_dir: Path, current: Path | None) -> Iterator[Finding]:
    """Yield a result for each former store that holds salts, or may hold salts."""
    stores, problems = find_former(spool_dir, current)
    for problem in problems:
        yield finding(
            _SALTS,
            f"the record of a former salt store is damaged: {problem.file}",
            f"restore it, or remove it if the salts there are gone; see {_SECTION}",
        )
    for store in stores:
        match store.presence:
            case Presence.MISSING:
                record = SaltLocations(spool_dir).record_path(str(store.directory))
                yield finding(
                    _SALTS,
                    f"the former salt store {store.directory} is missing, and its disk"
                    " may still hold salts",
                    f"mount its disk; if it was destroyed, remove {record}",
                )
            case Presence.UNREADABLE:
                yield look(
                    _SALTS,
                    f"this user cannot read the former salt store {store.directory}",
                    "run this as the user the proxy runs as; if that is this user, make"
                    f" it the owner of {store.directory}",
                )
            case Presence.PRESENT if store.salts:
                yield _present(store)


def _present(store: FormerStore) -> Finding:
    count = len(store.salts)
    salts = "1 salt" if count == 1 else f"{count} salts"
    where = "in memory" if is_in_memory(store.directory) else "on a disk"
    text = f"the former salt store {store.directory} holds {salts} {where}"
    if store.other_spools:
        return look(
            _SALTS,
            f"{text}, and {', '.join(store.other_spools)} uses it too",
            "its salts end with that installation; give each one its own salt_store",
        )
    return look(
        _SALTS,
        text,
        "the batcher destroys each one 30 minutes after its date; keep it running",
    )
