"""kill -9 anywhere under load: what was acknowledged is stored once, and nothing else.

The kills are drawn from a seed, which every run prints; MILLPOND_CRASH_SEED=N repeats
its choices.
"""

import json
import os
import random
import signal
from pathlib import Path

import pytest

from tests.oracle import Account, Answer, check_figures, check_stored, check_visitors
from tests.processes import (
    Installation,
    Role,
    install,
    load_and_build,
    running,
    wait_ready,
)
from tests.senders import load
from tests.waiting import wait_until

KILLS = 10
FEW_KILLS = 3
MANY_KILLS = 200
# For a busy machine; a quiet one takes half a minute.
PATIENCE_S = 300
CLIENTS = 4
# Hits acknowledged between two kills: from none, while roles still start, to those
# of a load and a build.
MOST_BETWEEN = 500

WORKERS = ("proxy worker 0 --shared", "proxy worker 1 --shared")
BATCHER = "batcher run"


@pytest.fixture
def chance() -> random.Random:
    """Return what draws the kills; pytest shows the seed when a test fails."""
    seed = int(
        os.environ.get("MILLPOND_CRASH_SEED") or random.SystemRandom().getrandbits(32)
    )
    print(f"repeat with MILLPOND_CRASH_SEED={seed}")  # noqa: T201 - to be read
    return random.Random(seed)  # noqa: S311 - which process dies is no secret


def let_work(account: Account, chance: random.Random) -> None:
    """Return after some more hits were acknowledged."""
    enough = account.count(Answer.ACKNOWLEDGED) + chance.randrange(MOST_BETWEEN)
    wait_until(
        lambda: account.count(Answer.ACKNOWLEDGED) >= enough,
        "the clients to be answered",
        timeout_s=60,
    )


def kill_some(roles: list[Role], chance: random.Random) -> None:
    """Kill one role or several at once, and start them again."""
    chosen = chance.sample(roles, chance.choice([1, 1, 1, 2, len(roles)]))
    for role in chosen:
        role.kill()
    for role in chosen:
        role.start()


def survive(installation: Installation, chance: random.Random, kills: int) -> None:
    """Kill roles under load, let all recover, and hold the tables to the account."""
    with (
        running(installation, *WORKERS, BATCHER) as roles,
        load(installation, CLIENTS) as account,
    ):
        for _ in range(kills):
            let_work(account, chance)
            kill_some(roles, chance)
        let_work(account, chance)
        wait_ready(roles, installation.is_listening)
    load_and_build(installation)

    assert account.count(Answer.NONE) > 0
    check_stored(account, installation)
    check_visitors(account, installation)
    check_figures(installation)


@pytest.mark.crash
@pytest.mark.timeout(PATIENCE_S)
def test_kills_under_load_lose_nothing_and_count_nothing_twice(
    tmp_path: Path, chance: random.Random
) -> None:
    survive(install(tmp_path), chance, KILLS)


def children(supervisor: Role) -> list[int]:
    """Return the process ids of what the supervisor started last."""
    pids: dict[str, int] = {}
    for line in supervisor.told().splitlines():
        if line.startswith("{"):
            said = json.loads(line)
            if said["word"] == "process_started":
                pids[said["process"]] = said["pid"]
    return list(pids.values())


@pytest.mark.crash
@pytest.mark.timeout(PATIENCE_S)
def test_the_supervisor_and_its_children_may_be_killed(
    tmp_path: Path, chance: random.Random
) -> None:
    installation = install(tmp_path)
    with (
        running(installation, "up") as [supervisor],
        load(installation, CLIENTS) as account,
    ):
        for pid in chance.sample(children(supervisor), FEW_KILLS):
            let_work(account, chance)
            os.kill(pid, signal.SIGKILL)
        let_work(account, chance)
        supervisor.kill()
        supervisor.start()
        let_work(account, chance)
        wait_ready([supervisor], installation.is_listening)
    load_and_build(installation)

    check_stored(account, installation)
    check_visitors(account, installation)
    check_figures(installation)


@pytest.mark.crash
def test_told_to_stop_all_of_it_stops_in_order_and_loads_the_rest(
    tmp_path: Path,
) -> None:
    installation = install(tmp_path)
    with running(installation, "up") as [supervisor]:
        with load(installation, CLIENTS) as account:
            wait_until(lambda: account.count(Answer.ACKNOWLEDGED) > 100, "answers")
        exit_code = supervisor.stop()

    assert exit_code == 0
    check_stored(account, installation)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_kills_under_load_lose_nothing_and_count_nothing_twice(
    tmp_path: Path, chance: random.Random
) -> None:
    survive(install(tmp_path), chance, MANY_KILLS)
