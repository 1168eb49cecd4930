"""No personal value is written, logged or returned, whatever input carries it."""

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
SPELLINGS = [
    pytest.param(needle, id=f"{name} {number}")
    for name, needles in spellings(CANARIES["e-mail"]).items()
    for number, needle in enumerate(needles)
]


@pytest.mark.parametrize("needle", SPELLINGS)
def test_the_search_finds_every_spelling_in_every_file(
    tmp_path: Path, needle: bytes
) -> None:
    text = needle.decode("latin-1")
    (tmp_path / "plain").write_bytes(b"before " + needle + b" after")
    (tmp_path / "packed").write_bytes(gzip.compress(b"before " + needle))
    pl.DataFrame({"column": [text]}).write_parquet(
        tmp_path / "table", compression="zstd", statistics=False
    )
    matches = canaries_under(tmp_path)

    paths = {path for path, name, _ in matches if name == "e-mail"}
    assert paths == {"plain", "packed", "table"}


@pytest.mark.parametrize("name", CANARIES)
def test_the_search_finds_every_canary(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text(f"before {CANARIES[name]} after")
    (tmp_path / CANARIES[name].encode().hex()).touch()
    matches = canaries_under(tmp_path)

    assert ("file", name, "plain") in matches
    assert len({path for path, *_ in matches}) == 2


def send_all(installation: Installation) -> dict[str, bytes]:
    """Send every request with canaries; return the responses by name."""
    requests = {**canary_requests.KEPT, **canary_requests.REFUSED}
    return {
        name: canary_requests.send(installation, raw) for name, raw in requests.items()
    }


def check_responses(responses: dict[str, bytes]) -> None:
    """Check that every status is below 500 and no response has a canary."""
    statuses = {
        name: response[9:10] for name, response in responses.items() if response
    }
    accepted = {name: responses[name] for name in canary_requests.KEPT}
    assert {name for name in accepted if statuses[name] != b"2"} == set()
    assert {
        name for name, response in accepted.items() if b"X-Millpond" in response
    } == set()
    assert {name for name, status in statuses.items() if status == b"5"} == set()
    assert {
        name: canaries_in(response)
        for name, response in responses.items()
        if canaries_in(response)
    } == {}


def import_history(installation: Installation, outside: Path) -> str:
    """Import a log full of canaries from *outside*; return the output."""
    log = outside / "access.log.gz"
    log.write_bytes(gzip.compress(canary_requests.access_log("01/Nov/2026").encode()))
    completed = installation.run("import", "access-log", str(log), "--site", "shop")
    assert completed.returncode == 0
    return completed.stdout + completed.stderr


def read_reports(installation: Installation) -> list[bytes]:
    """Read every dimension through every report; return all output."""
    period = ("2026-11-01", "2027-01-01")
    query = {"site": "shop", "metrics": ["events"], "date_range": period}
    with running(installation, "reports serve", until=installation.serves_reports):
        outputs = [
            installation.query_reports(json.dumps(query | {"dimensions": [dimension]}))
            for dimension in DIMENSIONS
        ]
        outputs.append(installation.query_reports("", path="/?site=shop&period=7d"))
    for words in (["--by", "page"], ["--by", "drops"], ["--format", "json"]):
        completed = installation.run("reports", "show", "--site", "shop", *words)
        assert completed.returncode == 0
        outputs.append(f"{completed.stdout}{completed.stderr}".encode())
    return outputs


def file_writes(log: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (file, bytes) of every write in an strace log, except to sockets."""
    for line in log.read_text(encoding="latin-1").splitlines():
        call = _WRITE.match(line)
        if call and not call["file"].startswith("socket:"):
            texts = _TEXT.findall(call["rest"])
            content = b"".join(codecs.escape_decode(text)[0] for text in texts)
            yield call["file"], content


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return an installation that logs at the level DEBUG."""
    environ = {"PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1"}
    return install(tmp_path / "inside", environ=environ, program="tests.debug_logging")


def test_no_input_puts_a_canary_into_any_output(
    tmp_path: Path, installation: Installation
) -> None:
    with running(installation, WORKER, "batcher run") as roles:
        responses = send_all(installation)
        assert [role.stop() for role in roles] == [0, 0]
    check_responses(responses)
    output = import_history(installation, tmp_path) + load_and_build(installation)
    reports = read_reports(installation)
    stored = Warehouse(installation.data / "warehouse")

    assert stored.view(EVENTS).rows() >= len(canary_requests.KEPT) + 2 * len(
        canary_requests.PATHS
    )
    assert stored.view(DROPS).rows() > 0
    assert canaries_in(output.encode()) == set()
    assert [canaries_in(report) for report in reports if canaries_in(report)] == []
    assert canaries_under(installation.folder) == set()


def test_a_crash_leaves_no_canary_on_disk(installation: Installation) -> None:
    with running(installation, WORKER) as [worker]:
        for raw in canary_requests.KEPT.values():
            canary_requests.send(installation, raw)
        cut_off = canary_requests.request(
            "POST", "/v1/events", json.dumps(canary_requests.hit())
        )[:-9]
        with canary_requests.open_connection(installation) as connection:
            connection.sendall(cut_off)
            worker.kill()
    [open_segment] = (installation.data / "spool").rglob("*.open")

    assert open_segment.stat().st_size > 0
    assert canaries_under(installation.folder) == set()


def test_canaries_are_written_to_sockets_only(
    tmp_path: Path, installation: Installation
) -> None:
    log = tmp_path / "strace.log"
    strace = (str(need("strace")), "-D", "-f", "-qq", "-y", "-s", "1000000")
    traced = replace(installation, run_under=(*strace, "-e", _WRITES, "-o", str(log)))
    with running(traced, WORKER) as [worker]:
        send_all(traced)
        assert worker.stop() == 0
    writes = list(file_writes(log))

    assert any("/spool/" in path for path, _ in writes)
    assert [path for path, content in writes if canaries_in(content)] == []
