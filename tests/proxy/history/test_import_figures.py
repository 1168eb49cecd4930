"""An imported log gives the counts that other programs compute.

awk computes the expected counts from the same file, and DuckDB reads the stored ones.
The log is a generated one, and a real one if it is installed.
"""

import gzip
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from random import Random

import pytest

from proxy.history.formats.registry import recognise
from proxy.history.log_file import open_log
from proxy.history.log_line import SkipReason
from tests.processes import ROOT, Installation, install
from tests.programs import need
from tests.proxy.history.import_command import CONFIG, query_rows, run_import
from tests.proxy.history.in_process_import import AGENT, BOT, write_log
from tests.proxy.pipeline.pipeline_setup import classifier

REAL = ROOT.parent / "shared" / "data" / "logs" / "elastic_apache_10k.log"
# One line for each page view of a combined log: day, path without query, User-Agent.
# It splits fields at the quotes and shares no code with Millpond's parser.
AWK = r"""
BEGIN { FS = "\""; ORS = "\n"
  split(ASSETS, list, " "); for (n in list) asset[list[n]] = 1 }
NF < 7 { next }  # one line of the real log was cut in its agent
{ split($2, request, " "); split($3, answer, " "); path = request[2]
  if (request[1] != "GET") next
  if (path ~ /[?&]flav=(rss|atom)/) next  # the feeds of this site
  if (answer[1] !~ /^2/ && answer[1] != "304") next
  sub(/\?.*/, "", path)
  depth = split(path, part, "/"); name = part[depth]; ending = ""
  if (match(name, /\.[^.]*$/)) ending = tolower(substr(name, RSTART + 1))
  if (ending in asset) next
  match($1, /\[[0-9]+/)
  print substr($1, RSTART + 1, RLENGTH - 1) "\t" path "\t" $6 }
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install(tmp_path, text=CONFIG)


_PATHS = (
    "/",
    "/blog/",
    "/a/b.html?x=1",
    "/p/shoe?q=a+b",
    "/s.css",
    "/i/L.PNG",
    "/a.b/c",
)
_REQUESTS = ("GET", "GET", "GET", "GET", "POST", "HEAD")
_STATUSES = (200, 200, 200, 206, 301, 304, 404, 500)
_AGENTS = (AGENT, AGENT, f"{AGENT} Edg/149.0", BOT)


def made_lines() -> list[str]:
    """Return lines of all kinds over four days, one truncated in its User-Agent."""
    random = Random(2_015)  # noqa: S311 - a log, not a secret
    lines = [
        f"198.51.100.{random.randrange(250)} - - "
        f"[{17 + n // 500}/May/2015:{n // 25 % 20:02}:{n % 60:02}:00 +0000] "
        f'"{random.choice(_REQUESTS)} {random.choice(_PATHS)} HTTP/1.1"'
        f' {random.choice(_STATUSES)} {random.randrange(9_999)} "-"'
        f' "{random.choice(_AGENTS)}"'
        for n in range(2_000)
    ]
    return [*lines, lines[0].rpartition(" ")[0]]


@pytest.fixture(params=["made", "real"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a generated log, then a real one; skip the test if it is missing."""
    if request.param == "made":
        return write_log(tmp_path / "made.log", made_lines())
    if not REAL.exists():
        pytest.skip(f"there is no {REAL.name} beside the repository")
    return REAL


def asset_endings() -> str:
    text = (ROOT / "proxy" / "data" / "assets.txt").read_text()
    lines = [line.partition(":")[2] for line in text.splitlines() if line[0] != "#"]
    return " ".join(lines)


def counted_by_awk(log: Path) -> list[list[str]]:
    """Return day, path and User-Agent of each page view of *log*."""
    command = [str(need("awk")), "-v", f"ASSETS={asset_endings()}", AWK, str(log)]
    done = subprocess.run(command, capture_output=True, check=True)
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def test_an_imported_log_has_the_counts_of_awk(
    installation: Installation, log: Path
) -> None:
    done = run_import(installation, log)
    rows = counted_by_awk(log)
    human = [row for row in rows if not classifier().classify(row[2]).bot]

    assert (done.returncode, done.stderr) == (0, "")
    bots = len(rows) - len(human)
    assert query_rows(installation, "SELECT count(*) FROM stored") == [(len(human),)]
    assert query_rows(
        installation, "SELECT reason, sum(count) FROM stored GROUP BY ALL"
    ) == [("bot", bots)]
    per_day = (
        "SELECT cast(day(day) AS text), count(*) FROM stored GROUP BY 1 ORDER BY 1"
    )
    days = sorted({row[0] for row in human})
    assert query_rows(installation, per_day) == [
        (day, sum(row[0] == day for row in human)) for day in days
    ]
    top = "SELECT path, count(*) n FROM stored GROUP BY 1 ORDER BY n DESC, 1 LIMIT 10"
    for path, count in query_rows(installation, top):
        assert (path, count) == (path, sum(row[1] == path for row in human))
    assert f"{len(human):>12,}  page views stored" in done.stdout
    assert f"{bots:>12,}  dropped: bot" in done.stdout
    assert "next: millpond reports show --site sem --period 2015-05-17..2015-05-20" in (
        done.stdout
    )


def test_a_second_import_does_not_change_the_report(
    installation: Installation, tmp_path: Path, log: Path
) -> None:
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    run_import(installation, log)
    show = ["reports", "show", "--site", "sem", "--format", "json", "--by", "page"]
    period = ["--period", "2015-05-17..2015-05-20"]
    before = installation.run(*show, *period)
    again = run_import(installation, packed, log)
    after = installation.run(*show, *period)

    assert (again.returncode, before.returncode, after.returncode) == (0, 0, 0)
    assert "           0  page views stored" in again.stdout
    rows = [json.loads(report.stdout)["results"] for report in (before, after)]
    assert rows[0] == rows[1] != []


_OTHERS = {
    "squid.log": "1431857103.443 1 198.51.100.7 TCP_HIT/200 512 GET http://a.test/ -",
    "words.log": "no log at all",
}
_SAMPLES = {
    "webreadr_combined_log.clf": "combined",
    "webreadr_log.clf": "common, without User-Agents",
    "webreadr_iis.log": "W3C extended (IIS)",
    "webreadr_log.aws": "CloudFront",
    "webreadr_s3.log": "Amazon S3",
    "elastic_apache_10k.log": "combined",
}


def test_an_unsupported_format_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    others = [write_log(tmp_path / name, [text]) for name, text in _OTHERS.items()]
    done = run_import(installation, *others)

    check_refused(done, others)


@pytest.mark.parametrize(("name", "title"), _SAMPLES.items(), ids=_SAMPLES.keys())
def test_the_format_of_a_real_log_is_recognised(name: str, title: str) -> None:
    path = REAL.with_name(name)
    if not path.exists():
        pytest.skip(f"there is no {name} beside the repository")
    with open_log(path) as log:
        recognised = recognise(log.sample, UTC)
        read = recognised.format.build(UTC)
        unreadable = [
            number
            for number, line in enumerate(log.lines(0), 1)
            if read(line) is SkipReason.UNREADABLE
        ]

    assert recognised.title == title
    # One line of this log was cut in its User-Agent.
    assert unreadable == ([8_899] if path == REAL else [])


def test_a_real_squid_log_is_refused(installation: Installation) -> None:
    path = REAL.with_name("webreadr_log.squid")
    if not path.exists():
        pytest.skip(f"there is no {path.name} beside the repository")

    check_refused(run_import(installation, path), [path])


def check_refused(
    done: "subprocess.CompletedProcess[str]", files: Sequence[Path]
) -> None:
    """Check that no line of *files* was readable, and that the message says why."""
    listed = ", ".join(map(str, files))
    assert done.returncode == 3
    assert f"import {listed}: no line is readable" in done.stderr
    assert 'docs/import.md, "Log formats"' in done.stderr
