"""An import resumes after any crash, and each line counts once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from batcher.load.load import load
from batcher.salts.history import ImportSalts, import_directory
from batcher.spool.segment import FrameId
from batcher.spool.spool import Spool
from config.settings import Settings, SiteSettings
from proxy.history.progress import (
    FileProgress,
    ImportProgress,
    ImportState,
    ProgressDamagedError,
)
from proxy.history.store import ImportStore
from tests.bit_flips import flips
from tests.proxy.history.in_process_import import (
    AGENT,
    BOT,
    drops,
    line,
    received,
    recorded_salts,
    run,
    stored,
    write_log,
)
from warehouse.tables import Warehouse

KEY = b"k" * 32
FRAME = FrameId(b"a" * 16, 5)


class DiedError(Exception):
    """Simulates the death of the process."""


def progress(folder: Path, *durable: FrameId) -> ImportProgress:
    """Return the progress of an import whose frames *durable* are on disk."""
    path = folder / "import-shop.json"
    return ImportProgress(path, KEY, 0, is_durable=lambda frame: frame in durable)


@pytest.mark.parametrize(
    ("durable", "expected"),
    [([FRAME], 20), ([], 10), ([FrameId(b"b" * 16, 5)], 10)],
    ids=["on the disk", "not on the disk", "another's frame of that number"],
)
def test_a_group_counts_if_its_last_frame_is_durable(
    tmp_path: Path, durable: list[FrameId], expected: int
) -> None:
    first = progress(tmp_path)
    log = first.file(Path("log"), b"head")
    log.offset = 10
    first.confirm()
    log.offset = 20
    first.begin(FRAME)

    assert progress(tmp_path, *durable).file(Path("log"), b"head").offset == expected


def test_an_empty_group_needs_no_frame(tmp_path: Path) -> None:
    first = progress(tmp_path)
    first.file(Path("log"), b"head").offset = 10
    first.begin(None)

    assert progress(tmp_path).file(Path("log"), b"head").offset == 0


def test_every_bit_flip_in_the_progress_file_is_detected(tmp_path: Path) -> None:
    first = progress(tmp_path)
    first.file(Path("log"), b"head").offset = 1_234
    first.state.tally.lines = 20
    first.begin(FRAME)
    path = tmp_path / "import-shop.json"
    for flipped in flips(path.read_bytes()):
        path.write_bytes(flipped)

        with pytest.raises(ProgressDamagedError, match=r"import-shop\.json is damaged"):
            progress(tmp_path)
        assert path.read_bytes() == flipped


def test_a_file_is_identified_by_its_path_and_first_bytes(tmp_path: Path) -> None:
    import_progress = progress(tmp_path)
    import_progress.file(Path("log"), b"head").offset = 10

    assert import_progress.file(Path("log"), b"head") == FileProgress(10)
    assert import_progress.file(Path("log.1"), b"head") == FileProgress()
    assert import_progress.file(Path("log"), b"other") == FileProgress()


def test_a_finished_import_leaves_no_progress_file(tmp_path: Path) -> None:
    import_progress = progress(tmp_path)
    import_progress.state.tally.lines = 7
    import_progress.save()
    import_progress.finish()

    assert list(tmp_path.iterdir()) == []
    assert progress(tmp_path).state == ImportState(0)


def log_of_similar_views(folder: Path) -> Path:
    """Return a log of eight groups with many identical page views."""
    lines = [
        line(
            f"/p/{n % 3}",
            at=f"2{n // 1_200}/Nov/2026:10:00:{n // 60 % 20:02} +0000",
            address=f"198.51.100.{n % 20}",
            agent=AGENT if n % 10 else BOT,
        )
        for n in range(3_600)
    ]
    return write_log(folder / "log", lines, packed=True)


def small(settings: Settings) -> Settings:
    """Return *settings* with a spool so small that groups are small too."""
    return replace(settings, spool=replace(settings.spool, max_bytes=1 << 20))


def die_after(count: int, call: Callable[..., object]) -> Callable[..., object]:
    """Return *call* changed to die after its work is done *count* times."""
    calls_left = [count]

    def dying(*args: object, **options: object) -> object:
        calls_left[0] -= 1
        result = call(*args, **options)
        if calls_left[0] == 0:
            raise DiedError
        return result

    return dying


DEATHS = [
    (ImportProgress, "begin", 1),
    (ImportProgress, "begin", 3),
    (ImportStore, "put", 1),
    (ImportStore, "put", 3),
    (ImportStore, "put", 6),
    (ImportStore, "load", 1),
    (ImportStore, "load", 2),
    (ImportStore, "destroy", 1),
    (ImportSalts, "destroy", 1),
    (ImportStore, "build", 1),
]


@pytest.mark.parametrize(
    ("owner", "name", "count"),
    DEATHS,
    ids=[f"{owner.__name__}.{name} {count}" for owner, name, count in DEATHS],
)
def test_a_resumed_import_counts_each_line_once(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    count: int,
) -> None:
    settings, log = small(settings), log_of_similar_views(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die_after(count, getattr(owner, name)))
        with pytest.raises(DiedError):
            run(settings, log)
    outcome = run(settings, log)

    assert (outcome.tally.lines, outcome.duplicates) == (3_600, 0)
    assert (outcome.tally.events, outcome.tally.dropped) == (3_240, {"bot": 360})
    assert (stored(settings).height, drops(settings)) == (3_240, {"bot": 360})
    assert stored(settings)["visitor"].n_unique() == 54
    assert received(settings) == 3_600
    created, destroyed = recorded_salts(settings).values()
    assert (sorted(created), len(set(created))) == (sorted(destroyed), len(created))
    assert not import_directory(Path(settings.spool.dir)).exists()


def test_a_resumed_import_knows_the_columns_of_the_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent)"
    rows = [
        f"2026-11-20 10:{n // 60 % 60:02}:00 198.51.100.7 GET /p/{n % 3} 200"
        f" {AGENT.replace(' ', '+')}"
        for n in range(3_600)
    ]
    settings, log = small(settings), write_log(tmp_path / "log", [header, *rows])
    with monkeypatch.context() as patch:
        patch.setattr(ImportStore, "put", die_after(2, ImportStore.put))
        with pytest.raises(DiedError):
            run(settings, log)
    outcome = run(settings, log)

    assert (outcome.tally.lines, outcome.duplicates) == (3_601, 0)
    assert (outcome.tally.events, stored(settings).height) == (3_600, 3_600)
    assert outcome.problems == []


def test_a_group_loaded_by_another_process_is_not_sent_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, log = small(settings), log_of_similar_views(tmp_path)

    def load_and_die(self: ImportStore, *args: object) -> object:
        put(self, *args)  # type: ignore[arg-type]
        self.load()
        raise DiedError

    put = ImportStore.put
    with monkeypatch.context() as patch:
        patch.setattr(ImportStore, "put", load_and_die)
        with pytest.raises(DiedError):
            run(settings, log)
    before = stored(settings).height
    run(settings, log)

    assert 0 < before < 3_240
    assert (stored(settings).height, drops(settings)) == (3_240, {"bot": 360})


def test_a_quarantined_group_is_not_sent_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, log = small(settings), log_of_similar_views(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(ImportStore, "put", die_after(1, ImportStore.put))
        with pytest.raises(DiedError):
            run(settings, log)
    spool = Spool(Path(settings.spool.dir))
    spool.recover_lanes()
    (segment,) = spool.sealed()
    quarantined = spool.quarantine.add_segment(segment, {"problems": ["by hand"]})
    outcome = run(settings, log)
    before = stored(settings).height
    quarantined.rename(segment.path)
    load(spool, Warehouse(Path(settings.warehouse.uri)), settings, 0.0)

    assert (outcome.tally.lines, outcome.duplicates) == (3_600, 0)
    assert before < 3_240
    assert (stored(settings).height, drops(settings)) == (3_240, {"bot": 360})


def test_finishing_one_site_keeps_the_salts_of_another_import(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blog = SiteSettings(id="blog", domains=("blog.example",))
    settings = small(replace(settings, sites=(*settings.sites, blog)))
    log = log_of_similar_views(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(ImportStore, "put", die_after(2, ImportStore.put))
        with pytest.raises(DiedError):
            run(settings, log)
    run(settings, write_log(tmp_path / "other", [line()]), site="blog")
    run(settings, log)

    shop = stored(settings).filter(site="shop")
    assert (shop.height, shop["visitor"].n_unique()) == (3_240, 54)
    assert not import_directory(Path(settings.spool.dir)).exists()
