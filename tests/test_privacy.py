"""Nothing personal is ever written, logged or answered, whichever door it comes by."""

import codecs
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from reports.dimensions import DIMENSIONS
from tests import canary_requests
from tests.canaries import CANARIES, canaries_in, canaries_under, spellings
from tests.processes import Installation, install, load_and_build, running
from tests.programs import need
from warehouse.schema import DROPS, EVENTS
from warehouse.tables import Warehouse

_WRITES = "trace=write,writev,pwrite64,pwritev,pwritev2"
_WRITE = re.compile(r"\d+ +\w+\(\d+<(?P<file>[^>]*)>, (?P<rest>.*)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
WORKER = "proxy worker 0"
SPELLED = [
    pytest.param(needle, id=f"{name} {number}")
    for name, needles in spellings(CANARIES["e-mail"]).items()
    for number, needle in enumerate(needles)
]


@pytest.mark.parametrize("needle", SPELLED)
def test_the_search_finds_every_spelling_in_every_file(
    tmp_path: Path, needle: bytes
) -> None:
    text = needle.decode("latin-1")
    (tmp_path / "plain").write_bytes(b"before " + needle + b" after")
    (tmp_path / "packed").write_bytes(gzip.compress(b"before " + needle))
    pl.DataFrame({"column": [text]}).write_parquet(
        tmp_path / "table", compression="zstd", statistics=False
    )
    found = canaries_under(tmp_path)

    found_in = {path for path, name, _ in found if name == "e-mail"}
    assert found_in == {"plain", "packed", "table"}


@pytest.mark.parametrize("name", CANARIES)
def test_the_search_finds_every_canary(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text(f"before {CANARIES[name]} after")
    (tmp_path / CANARIES[name].encode().hex()).touch()
    found = canaries_under(tmp_path)

    assert ("file", name, "plain") in found
    assert len({path for path, *_ in found}) == 2


def enter_all(installation: Installation) -> dict[str, bytes]:
    """Send every request there is; return the answers by name."""
    requests = {**canary_requests.KEPT, **canary_requests.REFUSED}
    return {
        name: canary_requests.send(installation, raw) for name, raw in requests.items()
    }


def check_answers(answers: dict[str, bytes]) -> None:
    """Hold answers to what they may be: a status below 500, and no canary."""
    statuses = {name: answer[9:10] for name, answer in answers.items() if answer}
    kept = {name: answers[name] for name in canary_requests.KEPT}
    assert {name for name in kept if statuses[name] != b"2"} == set()
    assert {name for name, answer in kept.items() if b"X-Millpond" in answer} == set()
    assert {name for name, status in statuses.items() if status == b"5"} == set()
    assert {
        name: canaries_in(answer)
        for name, answer in answers.items()
        if canaries_in(answer)
    } == {}


def import_history(installation: Installation, outside: Path) -> str:
    """Import a log full of canaries, which lies *outside*; return what was printed."""
    log = outside / "access.log.gz"
    log.write_bytes(gzip.compress(canary_requests.access_log("01/Nov/2026").encode()))
    done = installation.run("import", "access-log", str(log), "--site", "shop")
    assert done.returncode == 0
    return done.stdout + done.stderr


def read_reports(installation: Installation) -> list[bytes]:
    """Ask for every dimension, by every way of reading; return all that was said."""
    period = ("2026-11-01", "2027-01-01")
    asked = {"site": "shop", "metrics": ["events"], "date_range": period}
    with running(installation, "reports serve", until=installation.serves_reports):
        said = [
            installation.ask(json.dumps(asked | {"dimensions": [dimension]}))
            for dimension in DIMENSIONS
        ]
        said.append(installation.ask("", path="/?site=shop&period=7d"))
    for words in (["--by", "page"], ["--by", "drops"], ["--format", "json"]):
        done = installation.run("reports", "show", "--site", "shop", *words)
        assert done.returncode == 0
        said.append(f"{done.stdout}{done.stderr}".encode())
    return said


def written(log: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (file, bytes) of every write in an strace log that is to no socket."""
    for line in log.read_text(encoding="latin-1").splitlines():
        call = _WRITE.match(line)
        if call and not call["file"].startswith("socket:"):
            texts = _TEXT.findall(call["rest"])
            content = b"".join(codecs.escape_decode(text)[0] for text in texts)
            yield call["file"], content


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return an installation that logs everything."""
    environ = {"PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1"}
    return install(tmp_path / "inside", environ=environ, program="tests.debug_logging")


def test_no_canary_gets_through_any_door(
    tmp_path: Path, installation: Installation
) -> None:
    with running(installation, WORKER, "batcher run") as roles:
        answers = enter_all(installation)
        assert [role.stop() for role in roles] == [0, 0]
    check_answers(answers)
    printed = import_history(installation, tmp_path) + load_and_build(installation)
    reported = read_reports(installation)
    stored = Warehouse(installation.data / "warehouse")

    assert stored.view(EVENTS).rows() >= len(canary_requests.KEPT) + 2 * len(
        canary_requests.PATHS
    )
    assert stored.view(DROPS).rows() > 0
    assert canaries_in(printed.encode()) == set()
    assert [canaries_in(each) for each in reported if canaries_in(each)] == []
    assert canaries_under(installation.folder) == set()


def test_no_canary_is_in_what_a_crash_leaves(installation: Installation) -> None:
    with running(installation, WORKER) as [worker]:
        for raw in canary_requests.KEPT.values():
            canary_requests.send(installation, raw)
        cut_off = canary_requests.request(
            "POST", "/v1/events", json.dumps(canary_requests.hit())
        )[:-9]
        with canary_requests.connected(installation) as connection:
            connection.sendall(cut_off)
            worker.kill()
    [left] = (installation.data / "spool").rglob("*.open")

    assert left.stat().st_size > 0
    assert canaries_under(installation.folder) == set()


def test_no_canary_is_written_to_anything_but_a_socket(
    tmp_path: Path, installation: Installation
) -> None:
    log = tmp_path / "strace.log"
    strace = (str(need("strace")), "-D", "-f", "-qq", "-y", "-s", "1000000")
    traced = replace(installation, run_under=(*strace, "-e", _WRITES, "-o", str(log)))
    with running(traced, WORKER) as [worker]:
        enter_all(traced)
        assert worker.stop() == 0
    writes = list(written(log))

    assert any("/spool/" in path for path, _ in writes)
    assert [path for path, content in writes if canaries_in(content)] == []
