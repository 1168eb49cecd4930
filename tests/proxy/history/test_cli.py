"""The import command survives kills and misuse and shows no personal data."""

import gzip
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from batcher.salts.history import import_directory
from tests.canaries import CANARIES, canaries_in, canaries_under
from tests.processes import ROOT, Installation, install
from tests.proxy.history.import_command import (
    CONFIG,
    is_killed_at,
    query_rows,
    run_import,
)
from tests.proxy.history.in_process_import import AGENT, BOT, line, write_log
from tests.wrong_clock import with_wrong_clock
from warehouse.clock.believed_clock import Clocks, note_trusted


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install(tmp_path, text=CONFIG)


@pytest.mark.crash
@pytest.mark.parametrize("groups", [1, 5])
def test_an_import_resumes_after_a_kill_at_any_group(
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
    killed = is_killed_at(installation, groups, "access-log", str(log), "--site", "sem")
    done = run_import(installation, log)

    counts = "SELECT count(*), count(DISTINCT visitor) FROM stored"
    assert (killed, done.returncode) == (True, 0)
    assert query_rows(installation, counts) == [(3_600, 18)]
    assert query_rows(
        installation, "SELECT reason, sum(count) FROM stored GROUP BY 1"
    ) == [("bot", 400)]
    assert f"{4_000:>12,}  lines" in done.stdout
    assert not import_directory(Path(installation.settings.spool.dir)).exists()


def canary_lines() -> list[str]:
    """Return page views, drops and garbage with a canary in every field."""
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


def canary_json() -> list[str]:
    """Return page views of nginx and Caddy in JSON, and garbage, with canaries."""
    agent = f"{AGENT} {CANARIES['User-Agent']}"
    target = f"/u/{CANARIES['e-mail']}?token={CANARIES['token']}"
    nginx = {
        "time_iso8601": "2026-11-20T10:00:00+00:00",
        "remote_addr": "10.0.0.1",
        "http_x_forwarded_for": CANARIES["address"],
        "request": f"GET {target} HTTP/1.1",
        "status": "200",
        "http_user_agent": agent,
        "remote_user": CANARIES["name"],
        "request_body": CANARIES["query value"],
    }
    caddy = {
        "ts": 1_795_168_800.5,
        "status": 200,
        "user_id": CANARIES["name"],
        "request": {
            "remote_ip": CANARIES["address, version 6"],
            "method": "GET",
            "host": "semicomplete.com",
            "uri": target,
            "headers": {"User-Agent": [agent], "Cookie": [CANARIES["token"]]},
        },
    }
    return [json.dumps(nginx), json.dumps(caddy), f'{{"x": "{CANARIES["address"]}"']


def test_an_import_writes_and_prints_no_personal_data(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("logs")
    log = write_log(
        elsewhere / "log",
        [line.replace("shop.example", "semicomplete.com") for line in canary_lines()],
    )
    cut = elsewhere / "cut.gz"
    cut.write_bytes(gzip.compress(log.read_bytes())[:-20])
    lines = canary_json()
    as_json = [
        write_log(elsewhere / f"{n}.json", [line, lines[-1]])
        for n, line in enumerate(lines[:-1])
    ]
    done = run_import(installation, log, cut, *as_json)

    assert done.returncode == 3
    assert query_rows(
        installation, "SELECT count(*) > 5, count_if(path LIKE '/u/%') > 2 FROM stored"
    ) == [(True, True)]
    assert all(f"{file}: " in done.stdout for file in as_json)
    assert canaries_under(installation.folder) == set()
    assert canaries_in((done.stdout + done.stderr).encode()) == set()


def test_usage_errors_are_reported_before_any_work(
    installation: Installation, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log", [line()])
    cases = {
        "there is no site 'blog'\n  hint: one of 'sem'": run_import(
            installation, log, site="blog"
        ),
        "'yaml' is not one of": run_import(installation, log, "--format", "yaml"),
        "'Mars' is not an IANA time zone": run_import(
            installation, log, "--timezone", "Mars"
        ),
        "--since is later than --until": run_import(
            installation, log, "--since", "2026-11-02", "--until", "2026-11-01"
        ),
        "is a directory": run_import(installation, tmp_path),
        "does not exist": run_import(installation, tmp_path / "none"),
    }

    assert [done.returncode for done in cases.values()] == [2] * 6
    for message, done in cases.items():
        assert message in done.stderr
        assert done.stdout == ""


def test_a_chosen_format_is_used_for_all_files(
    installation: Installation, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log", [line()])
    done = run_import(installation, log, "--format", "json")
    again = run_import(installation, log)

    assert (done.returncode, again.returncode) == (3, 0)
    assert "no line is readable" in done.stderr
    assert f"{log}: nginx JSON\n" in done.stdout
    assert f"{log}: combined\n" in again.stdout


def test_days_are_chosen_on_the_command_line(
    installation: Installation, tmp_path: Path
) -> None:
    days = [line(f"/{day}", at=f"{day}/Nov/2025:10:00:00 +0000") for day in (20, 21)]
    log = write_log(tmp_path / "log", days)
    done = run_import(installation, log, "--since", "2025-11-21", "--also-measured")

    assert "1  left out: on days outside --since and --until" in done.stdout
    assert query_rows(installation, "SELECT path FROM stored") == [("/21",)]


def test_a_terminal_shows_progress(installation: Installation, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [line(f"/{n}") for n in range(10)])
    words = installation.argv("import", "access-log", str(log), "--site", "sem")
    screen, terminal = pty.openpty()
    try:
        subprocess.run(
            words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=terminal, check=True
        )
        output = os.read(screen, 65_536).decode()
    finally:
        os.close(terminal)
        os.close(screen)

    assert "importing" in output
    assert "100%" in output


def test_old_history_prints_a_retention_warning(tmp_path: Path) -> None:
    brief = CONFIG.replace("keep_events_days = 0", "keep_events_days = 30")
    installation = install(tmp_path, text=brief)
    done = run_import(
        installation,
        write_log(tmp_path / "log", [line(at="20/Nov/2015:10:00:00 +0000")]),
    )

    assert done.returncode == 0
    assert "raise warehouse.keep_events_days" in done.stderr


def test_import_salts_are_kept_while_the_clock_is_not_trusted(
    installation: Installation, tmp_path: Path
) -> None:
    settings = installation.settings
    long_ago = Clocks(wall=lambda: 1_000_000_000.0, steady=lambda: 0.0)
    note_trusted(Path(settings.warehouse.uri), long_ago)
    log = write_log(tmp_path / "log", [line()])
    salts = import_directory(Path(settings.spool.dir))
    # A kernel with a synchronised clock would make the real time trusted.
    wrong = with_wrong_clock(installation, "+1h")

    doubted = run_import(wrong, log)
    were_kept = salts.exists()
    wrong.run("warehouse", "compact", "--trust-clock")
    run_import(wrong, log)

    assert doubted.returncode == 0, doubted.stderr
    assert (were_kept, salts.exists()) == (True, False)
