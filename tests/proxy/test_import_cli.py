"""The import as a site owner runs it: real files, a real process, exact figures.

What is expected is counted by awk over the same file, and read back by DuckDB.
"""

import gzip
import json
import signal
import subprocess
from pathlib import Path

import pytest

from batcher.import_salts import import_directory
from tests.canaries import CANARIES, canaries_in, canaries_under
from tests.delta_scan import delta_scan
from tests.processes import ROOT, Installation, install
from tests.programs import need
from tests.proxy.chain import classifier
from tests.proxy.imports import AGENT, BOT, line, write_log
from tests.waiting import wait_until

LOGS = ROOT.parent / "shared" / "data" / "logs"
REAL = LOGS / "elastic_apache_10k.log"
CONFIG = """\
[privacy]
salt_store = "data/salts"

[spool]
max_bytes = 1048576

[warehouse]
keep_events_days = 0

[[sites]]
id = "sem"
domains = ["semicomplete.com"]
"""
# Every page view of a combined log, one a line: day, path without query, User-Agent.
# Fields are cut at the quotes; nothing of this is Millpond's own way of reading.
AWK = r"""
BEGIN { FS = "\""; ORS = "\n"
  split(ASSETS, list, " "); for (n in list) asset[list[n]] = 1 }
NF < 7 { next }  # one line of the real log was cut in its agent
{ split($2, request, " "); split($3, answer, " "); path = request[2]
  if (request[1] != "GET") next
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


def real_log() -> Path:
    """Return a real log of 10,000 lines; skip the test where it is not at hand."""
    if not REAL.exists():
        pytest.skip(f"there is no {REAL.name} beside the repository")
    return REAL


def imported(
    installation: Installation, *files: Path | str, site: str = "sem"
) -> "subprocess.CompletedProcess[str]":
    names = map(str, files)
    return installation.run("import", "access-log", *names, "--site", site)


def asset_endings() -> str:
    text = (ROOT / "proxy" / "data" / "assets.txt").read_text()
    lines = [each.partition(":")[2] for each in text.splitlines() if each[0] != "#"]
    return " ".join(lines)


def counted_by_awk(log: Path) -> list[list[str]]:
    """Return day, path and User-Agent of each page view of *log*."""
    command = [str(need("awk")), "-v", f"ASSETS={asset_endings()}", AWK, str(log)]
    done = subprocess.run(command, capture_output=True, check=True)
    return [each.split("\t") for each in done.stdout.decode().splitlines()]


def asked(installation: Installation, query: str) -> list[tuple[object, ...]]:
    """Return what DuckDB answers; the table stands behind the word ``stored``."""
    name = "drops" if "reason" in query else "events"
    table = Path(installation.settings.warehouse.uri) / name
    return delta_scan(query.replace("stored", "delta_scan(?)"), table)


def test_a_real_log_gives_the_figures_awk_counts(installation: Installation) -> None:
    done = imported(installation, real_log())
    found = counted_by_awk(REAL)
    human = [each for each in found if not classifier().classify(each[2]).bot]

    assert (done.returncode, done.stderr) == (0, "")
    bots = len(found) - len(human)
    assert asked(installation, "SELECT count(*) FROM stored") == [(len(human),)]
    assert asked(
        installation, "SELECT reason, sum(count) FROM stored GROUP BY ALL"
    ) == [("bot", bots)]
    per_day = (
        "SELECT cast(day(day) AS text), count(*) FROM stored GROUP BY 1 ORDER BY 1"
    )
    days = sorted({each[0] for each in human})
    assert asked(installation, per_day) == [
        (day, sum(each[0] == day for each in human)) for day in days
    ]
    top = "SELECT path, count(*) n FROM stored GROUP BY 1 ORDER BY n DESC, 1 LIMIT 10"
    for path, count in asked(installation, top):
        assert (path, count) == (path, sum(each[1] == path for each in human))
    assert f"{len(human):>12,}  page views stored" in done.stdout
    assert f"{bots:>12,}  dropped: bot" in done.stdout
    assert "next: millpond reports show --site sem --period 2015-05-17..2015-05-20" in (
        done.stdout
    )


def test_the_report_shows_what_was_imported_and_a_second_import_changes_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(real_log().read_bytes()))
    imported(installation, REAL)
    show = ["reports", "show", "--site", "sem", "--format", "json", "--by", "page"]
    period = ["--period", "2015-05-17..2015-05-20"]
    before = installation.run(*show, *period)
    again = imported(installation, packed, REAL)
    after = installation.run(*show, *period)

    assert (again.returncode, before.returncode, after.returncode) == (0, 0, 0)
    assert "           0  page views stored" in again.stdout
    rows = [json.loads(each.stdout)["results"] for each in (before, after)]
    assert rows[0] == rows[1] != []


@pytest.mark.crash
@pytest.mark.parametrize("groups", [1, 5])
def test_an_import_killed_at_any_group_goes_on_when_started_again(
    installation: Installation, tmp_path: Path, groups: int
) -> None:
    lines = [
        line(
            f"/p/{n % 3}",
            at=f"20/Nov/2025:10:{n // 200:02}:00 +0000",
            address=f"198.51.100.{n % 20}",
            agent=AGENT if n % 10 else BOT,
        )
        for n in range(4_000)
    ]
    log = write_log(tmp_path / "log", lines)
    lane = Path(installation.settings.spool.dir) / "lanes" / "import"
    process = subprocess.Popen(
        installation.argv("import", "access-log", str(log), "--site", "sem"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(
            lambda: process.poll() is not None or _segments(lane) >= groups,
            "the import to write",
            timeout_s=60,
        )
    finally:
        process.send_signal(signal.SIGKILL)
        killed = process.wait() == -signal.SIGKILL
    done = imported(installation, log)

    counts = "SELECT count(*), count(DISTINCT visitor) FROM stored"
    assert (killed, done.returncode) == (True, 0)
    assert asked(installation, counts) == [(3_600, 18)]
    assert asked(installation, "SELECT reason, sum(count) FROM stored GROUP BY 1") == [
        ("bot", 400)
    ]
    assert f"{4_000:>12,}  lines" in done.stdout
    assert not import_directory(Path(installation.settings.spool.dir)).exists()


def _segments(lane: Path) -> int:
    """Return the newest segment's number in the lane, 0 while there is none."""
    found = lane.glob("0*") if lane.is_dir() else ()
    return max((int(each.stem) for each in found), default=0)


def canary_lines() -> list[str]:
    """Return page views, drops and garbage with a canary in every place there is."""
    agent = f"{AGENT} {CANARIES['User-Agent']}"
    mail, token = CANARIES["e-mail"], CANARIES["token"]
    referrer = "https://news.example/" + CANARIES["referrer's path"] + f"?q={mail}"
    targets = [
        f"/reset/{token}",
        f"/a?token={token}&mail={mail}&q={CANARIES['query value']}",
        f"/u/{mail}/x",
        f"/a?utm_source={mail}#{CANARIES['fragment']}",
        f"http://{CANARIES['foreign host']}/{token}",
        f"/{token}.css",
    ]
    lines = [
        line(target, address=address, agent=agent, referrer=referrer)
        for target in targets
        for address in (CANARIES["address"], CANARIES["address, version 6"])
    ]
    named = line("/b", address=CANARIES["address"], agent=agent)
    return [
        *lines,
        named.replace(" - - ", f" - {CANARIES['name']} "),
        line(
            "/bot", address=CANARIES["address"], agent=f"{BOT} {CANARIES['User-Agent']}"
        ),
        f"{CANARIES['address']} garbage {mail} {token}",
    ]


def test_nothing_of_a_person_is_written_or_said(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("logs")
    log = write_log(
        elsewhere / "log",
        [each.replace("shop.example", "semicomplete.com") for each in canary_lines()],
    )
    cut = elsewhere / "cut.gz"
    cut.write_bytes(gzip.compress(log.read_bytes())[:-20])
    done = imported(installation, log, cut)

    assert done.returncode == 3
    assert asked(installation, "SELECT count(*) > 5 FROM stored") == [(True,)]
    assert canaries_under(installation.folder) == set()
    assert canaries_in((done.stdout + done.stderr).encode()) == set()


def test_other_formats_are_refused_with_those_that_are_known(
    installation: Installation,
) -> None:
    names = ["webreadr_iis.log", "webreadr_log.squid", "webreadr_log.aws"]
    others = [real_log().with_name(name) for name in [*names, "webreadr_s3.log"]]
    done = imported(installation, *others)

    listed = ", ".join(map(str, others))
    assert done.returncode == 3
    assert f"import {listed}: no line could be read" in done.stderr
    assert "known formats are common and combined" in done.stderr


def test_bad_usage_is_told_before_anything_is_done(
    installation: Installation, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log", [line()])
    cases = {
        "there is no site 'blog'\n  hint: one of 'sem'": imported(
            installation, log, site="blog"
        ),
        "is a directory": imported(installation, tmp_path),
        "does not exist": imported(installation, tmp_path / "none"),
    }

    assert [done.returncode for done in cases.values()] == [2, 2, 2]
    for message, done in cases.items():
        assert message in done.stderr
        assert done.stdout == ""


def test_old_history_comes_with_a_word_on_retention(tmp_path: Path) -> None:
    brief = CONFIG.replace("keep_events_days = 0", "keep_events_days = 30")
    installation = install(tmp_path, text=brief)
    done = imported(
        installation,
        write_log(tmp_path / "log", [line(at="20/Nov/2015:10:00:00 +0000")]),
    )

    assert done.returncode == 0
    assert "raise warehouse.keep_events_days" in done.stderr
