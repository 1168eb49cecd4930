"""Every report warns when the figures are out of date and when the clock is wrong."""

import html
import json
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from batcher.schedule.job_state import write_job_states
from config.load import load
from config.settings import Settings
from millpond import run
from reports.clock import now_s
from tests.reports.sample_queries import body
from tests.reports.sample_tables import sample, store
from tests.reports.web.serving import serving
from warehouse.caveats import caveats
from warehouse.clock.believed_clock import Clocks
from warehouse.job_states import JobState, job_state_path
from warehouse.tables import Warehouse

Captured = pytest.CaptureFixture[str]

CONFIG = """\
[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "Europe/Berlin"
"""
ORDERS = "id,total,currency,date\nA1,10.00,EUR,2026-11-20\n"
LOADING = (
    "loading has not succeeded since 2020-09-13T12:26:40Z, failed 3 times: open lane"
    " 'import': EACCES; the figures stand still: see docs/operations.md,"
    ' "Loading or building fails"'
)
CLOCK = "the clock is not believed: it says "
PERIOD = ("--period", "2026-11-16..2026-11-22")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return store(tmp_path_factory.mktemp("millpond") / "data" / "warehouse", sample())


@pytest.fixture
def folder(tables: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tables.root.parent.parent
    (root / "millpond.toml").write_text(CONFIG)
    (root / "orders.csv").write_text(ORDERS)
    (root / "query.json").write_text(json.dumps(body()))
    keys = root / "data" / "keys"
    keys.mkdir(exist_ok=True)
    (keys / "shop.key").write_bytes(bytes(range(32)))
    (keys / "shop.key").chmod(0o600)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def trouble(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Return settings of an installation with failing loads and a wrong clock."""
    # The true time would not be doubted if the kernel's clock is synchronised.
    true_time = time.time  # noqa: TID251 - a test sets the clock that commands read
    monkeypatch.setattr(time, "time", lambda: true_time() + 3_600)
    settings = load(folder / "millpond.toml", {})
    failing = JobState(
        every_s=15,
        last_success_at=1_600_000_000,
        failures=3,
        failing_since=1_600_000_015,
        problem="open lane 'import': EACCES\n  hint: do something",
    )
    spool = Path(settings.spool.dir)
    spool.mkdir(exist_ok=True)
    states = job_state_path(spool)
    write_job_states(states, {"load": failing})
    witness = Path(settings.warehouse.uri) / "clock"
    witness.write_bytes(b"damaged")
    yield settings
    states.unlink()
    witness.unlink()


TERMINAL_COMMANDS = [
    pytest.param(("show", *PERIOD), id="overview"),
    pytest.param(("show", "--period", "2020-01-01"), id="nothing to show"),
    pytest.param(("show", *PERIOD, "--by", "drops"), id="drops"),
    pytest.param(("reconcile", "--orders", "orders.csv"), id="reconcile"),
]
JSON_COMMANDS = [
    pytest.param(("query", "query.json"), id="query"),
    pytest.param(("show", *PERIOD, "--format", "json"), id="show"),
    pytest.param(("show", *PERIOD, "--by", "drops", "--format", "json"), id="drops"),
    pytest.param(
        ("reconcile", "--orders", "orders.csv", "--format", "json"), id="reconcile"
    ),
]
CSV_COMMANDS = [
    pytest.param(("show", *PERIOD, "--format", "csv"), id="show"),
    pytest.param(("show", *PERIOD, "--by", "drops", "--format", "csv"), id="drops"),
    pytest.param(
        ("reconcile", "--orders", "orders.csv", "--format", "csv"), id="reconcile"
    ),
]


@pytest.mark.usefixtures("trouble")
@pytest.mark.parametrize("words", TERMINAL_COMMANDS)
def test_the_terminal_shows_warnings_first(
    words: tuple[str, ...], capsys: Captured
) -> None:
    run(["reports", *words])
    first, second, *_ = capsys.readouterr().out.splitlines()

    assert first == f"warning: {LOADING}"
    assert second.startswith(f"warning: {CLOCK}")


@pytest.mark.usefixtures("trouble")
@pytest.mark.parametrize("words", JSON_COMMANDS)
def test_json_has_warnings_in_its_meta(
    words: tuple[str, ...], capsys: Captured
) -> None:
    run(["reports", *words])
    loading, clock = json.loads(capsys.readouterr().out)["meta"]["warnings"]

    assert loading == LOADING
    assert clock.startswith(CLOCK)


@pytest.mark.usefixtures("trouble")
@pytest.mark.parametrize("words", CSV_COMMANDS)
def test_warnings_of_a_csv_go_to_stderr(
    words: tuple[str, ...], capsys: Captured
) -> None:
    run(["reports", *words])
    got = capsys.readouterr()

    assert "warning" not in got.out
    assert got.err.startswith(f"warning: {LOADING}\nwarning: {CLOCK}")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", [*TERMINAL_COMMANDS, *JSON_COMMANDS, *CSV_COMMANDS])
def test_without_problems_there_are_no_warnings(
    words: tuple[str, ...], capsys: Captured
) -> None:
    run(["reports", *words])
    got = capsys.readouterr()

    assert "warning" not in got.out + got.err


@pytest.mark.parametrize("site", ["shop", "blog"])
async def test_the_page_and_the_api_show_warnings(
    settings: Settings, tables: Warehouse, trouble: Settings, site: str
) -> None:
    clocks = Clocks.of_machine(now_s)
    async with (
        serving(settings, tables, lambda: caveats(trouble, clocks)) as url,
        aiohttp.ClientSession() as client,
    ):
        async with client.get(f"{url}/?site={site}") as got:
            page = html.unescape(await got.text())
        async with client.post(f"{url}/api/v1/query", json=body(site=site)) as got:
            answer = await got.json()

    assert f"Warning: {LOADING}" in page
    assert f"Warning: {CLOCK}" in page
    assert answer["meta"]["warnings"][0] == LOADING
