"""A reload under load refuses no connection, and loses and doubles no event."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from config.load import load as load_config
from tests.oracle import Account, Answer, Sent, check_stored, check_visitors
from tests.processes import (
    Installation,
    Role,
    install,
    load_and_build,
    running,
    wait_ready,
)
from tests.senders import FIREFOX, load
from tests.waiting import wait_until

KEEPING, CONNECTING = 2, 2
ENOUGH = 100
PATIENCE_S = 300
NEW_SITE = '\n[[sites]]\nid = "news"\ndomains = ["news.example"]\n'


def entries(supervisor: Role, word: str) -> list[dict[str, object]]:
    """Return the log lines of the supervisor and its processes with *word*."""
    lines = [line for line in supervisor.output().splitlines() if line[:1] == "{"]
    return [entry for entry in map(json.loads, lines) if entry["word"] == word]


def newest_pids(supervisor: Role) -> dict[str, int]:
    """Return the process id of each role."""
    return {
        str(entry["process"]): int(str(entry["pid"]))
        for entry in entries(supervisor, "process_started")
    }


def wait_for_more(account: Account) -> None:
    """Wait until more events are acknowledged."""
    enough = account.count(Answer.ACKNOWLEDGED) + ENOUGH
    wait_until(
        lambda: account.count(Answer.ACKNOWLEDGED) >= enough, "acknowledged events"
    )


def post(installation: Installation, account: Account, site: str) -> int:
    """Send one event of *site*, and record it; return how many were accepted."""
    sent = Sent(site, "one")
    connection = installation.connect()
    hit = {"site": site, "name": "pageview", "id": sent.message}
    hit["url"] = f"https://{site}.example/"
    headers = {"User-Agent": FIREFOX, "X-Forwarded-For": "2001:db8::1"}
    connection.request("POST", "/v1/events", json.dumps(hit), headers)
    accepted = json.loads(connection.getresponse().read())["accepted"]
    connection.close()
    account.addresses.add(headers["X-Forwarded-For"])
    account.record([sent], Answer.ACKNOWLEDGED)
    return int(accepted)


@pytest.mark.crash
@pytest.mark.timeout(PATIENCE_S)
def test_two_reloads_under_load_refuse_no_connection_and_lose_nothing(
    tmp_path: Path,
) -> None:
    installation = install(tmp_path)
    with running(installation, "up") as [supervisor]:
        with load(installation, KEEPING, connecting=CONNECTING) as account:
            wait_for_more(account)
            before = newest_pids(supervisor)
            first = installation.run("up", "--reload", timeout_s=120)
            between = newest_pids(supervisor)
            with installation.config.open("a") as config:
                config.write(NEW_SITE)
            os.kill(supervisor.pid, signal.SIGHUP)
            wait_until(lambda: len(entries(supervisor, "reloaded")) == 2, "a reload")
            wait_for_more(account)
        accepted = post(installation, account, "news")
        after = newest_pids(supervisor)
        exit_code = supervisor.stop()
    load_and_build(installation)
    with_new_site = replace(installation, settings=load_config(installation.config, {}))

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("reloaded")
    assert not set(before.values()) & set(between.values())
    assert not set(between.values()) & set(after.values())
    # Nobody saw a refused or a broken connection.
    assert account.count(Answer.NONE) == account.count(Answer.REFUSED) == 0
    assert account.count(Answer.ACKNOWLEDGED) > 2 * ENOUGH
    assert accepted == 1
    assert exit_code == 0
    check_visitors(account, installation)
    check_stored(account, with_new_site)


def kill_worker(supervisor: Role, name: str) -> None:
    """Kill the process of *name*, and wait until it is restarted."""
    count = len(entries(supervisor, "process_started"))
    os.kill(newest_pids(supervisor)[name], signal.SIGKILL)
    wait_until(lambda: len(entries(supervisor, "process_started")) > count, "a restart")


@pytest.mark.crash
@pytest.mark.timeout(PATIENCE_S)
def test_a_refused_reload_is_loud_and_the_old_configuration_survives_restarts(
    tmp_path: Path,
) -> None:
    installation = install(tmp_path)
    good = installation.config.read_text()
    with running(installation, "proxy run") as [supervisor]:
        before = newest_pids(supervisor)
        installation.config.write_text(f"{good}\n[[sites]]\nid = 7\n")
        broken = installation.run("up", "--reload")
        os.kill(supervisor.pid, signal.SIGHUP)
        wait_until(lambda: entries(supervisor, "reload_failed"), "the refusal")
        # Its configuration is broken on the disk, but it starts again with the old one.
        kill_worker(supervisor, "proxy-0")
        wait_until(lambda: len(entries(supervisor, "listening")) == 3, "the restart")
        installation.config.write_text(good.replace("workers = 2", "workers = 3"))
        fixed = installation.run("up", "--reload")
        is_alive = installation.is_listening()
        after = newest_pids(supervisor)
        exit_code = supervisor.stop()
    nobody = installation.run("up", "--reload")

    assert broken.returncode == 2
    assert "sites[2].id: must be a string, got a whole number" in broken.stderr
    assert "sites[2].id: must be a string, got a whole number" in supervisor.output()
    assert fixed.returncode == 2
    assert "proxy.workers cannot change while Millpond runs" in fixed.stderr
    assert (after["proxy-1"], is_alive, exit_code) == (before["proxy-1"], True, 0)
    assert nobody.returncode == 3
    assert "reload: no millpond up or proxy run works on" in nobody.stderr


@pytest.mark.crash
@pytest.mark.timeout(PATIENCE_S)
def test_a_kill_of_the_supervisor_during_a_reload_loses_nothing(
    tmp_path: Path,
) -> None:
    installation = install(tmp_path)
    port = installation.settings.proxy.port

    def workers_listening(supervisor: Role) -> int:
        found = entries(supervisor, "listening")
        return sum(entry["port"] == port for entry in found)

    with (
        running(installation, "up") as [supervisor],
        load(installation, KEEPING, connecting=CONNECTING) as account,
    ):
        wait_until(lambda: workers_listening(supervisor) == 2, "both workers")
        wait_for_more(account)
        # One worker hangs, so that the reload lasts.
        os.kill(newest_pids(supervisor)["proxy-0"], signal.SIGSTOP)
        os.kill(supervisor.pid, signal.SIGHUP)
        wait_until(lambda: workers_listening(supervisor) == 3, "a successor")
        supervisor.kill()
        supervisor.start()
        wait_until(lambda: workers_listening(supervisor) == 5, "the new workers")
        wait_ready([supervisor], installation.is_listening)
        wait_for_more(account)
        # Also a worker that hangs is replaced in a limited time.
        os.kill(newest_pids(supervisor)["proxy-1"], signal.SIGSTOP)
        reloaded = installation.run("up", "--reload", timeout_s=120)
        wait_for_more(account)
    load_and_build(installation)

    assert (reloaded.returncode, reloaded.stderr) == (0, "")
    assert len(entries(supervisor, "process_killed")) == 1
    check_stored(account, installation)
    check_visitors(account, installation)
