"""An import says what a log does not say about the senders of page views."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import ProxySettings, Settings
from proxy.history.file_problems import MostlyUnreadableError, NoAddressError
from proxy.history.summary import summary
from tests.proxy.history.in_process_import import (
    NOON,
    line,
    run,
    stored,
    views,
    write_log,
)
from tests.proxy.pipeline.pipeline_setup import classifier

XFF = ProxySettings(client_ip="xff", trusted_proxies=("127.0.0.1", "203.0.113.0/24"))


def forwarded(peer: str, client: str) -> str:
    return f'{line(address=peer)} "{client}"'


def report(settings: Settings, folder: Path, lines: Sequence[str]) -> str:
    """Return the summary of an import of *lines*."""
    outcome = run(settings, write_log(folder / "log", lines))
    return summary(outcome.tally, outcome.duplicates, "shop", outcome.files)


def test_views_without_an_address_are_counted_and_are_an_error_if_most(
    settings: Settings, tmp_path: Path
) -> None:
    named = [line(f"/{n}", address="a.isp.example") for n in range(3)]
    log = write_log(tmp_path / "log", [*named, line("/x"), line("/y")])
    few = write_log(tmp_path / "few", [*named[:2], line("/x"), line("/y")])
    outcome, fine = run(settings, log), run(settings, few)

    assert outcome.tally.no_address == 3
    assert [type(problem) for problem in outcome.problems] == [NoAddressError]
    assert "3 of 5 page views have no address" in str(outcome.problems[0])
    assert outcome.problems[0].exit_code == 3
    assert fine.problems == []
    assert stored(settings)["visitor"].null_count() == 3


def test_a_mostly_unreadable_file_is_an_error_that_names_lines(
    settings: Settings, tmp_path: Path
) -> None:
    strange = [f"web1 says {line(f'/{n}')}" for n in range(9)]
    log = write_log(tmp_path / "log", [line(), *strange])
    outcome = run(settings, log)
    (problem,) = outcome.problems

    assert isinstance(problem, MostlyUnreadableError)
    assert "9 of 10 lines are unreadable, lines 2, 3, 4 and 6 more" in str(problem)
    assert views(settings) == [("/", 1)]


def test_unreadable_lines_are_named_by_file_and_number(
    settings: Settings, tmp_path: Path
) -> None:
    shown = report(settings, tmp_path, [line("/a"), "secret words", line("/b")])

    assert f"unreadable in {tmp_path / 'log'}: line 2" in shown
    assert "secret" not in shown


@pytest.mark.parametrize("address", ["198.51.100.0", "198.51.100.xxx"])
def test_masked_addresses_make_visitors_and_the_summary_says_so(
    settings: Settings, tmp_path: Path, address: str
) -> None:
    shown = report(settings, tmp_path, [line("/a", address=address), line("/b")] * 2)

    assert stored(settings)["visitor"].n_unique() == 2
    assert "with a masked" not in shown

    more = [line(f"/{n}", address=address) for n in range(5)]
    assert "5  with a masked address" in report(settings, tmp_path, more)


def test_a_log_without_agents_counts_and_the_summary_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    plain = [line(f"/{n}").partition(' "-" "')[0] for n in range(3)]
    shown = report(settings, tmp_path, [*plain, line("/empty", agent="-")])

    assert views(settings) == [("/0", 1), ("/1", 1), ("/2", 1)]
    assert stored(settings)["visitor"].n_unique() == 1
    assert "3  without a User-Agent in the log" in shown
    assert "1  dropped: bot" in shown
    assert classifier().classify("").bot


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        pytest.param(ProxySettings(), 1, id="peer: as live hits"),
        pytest.param(XFF, 0, id="behind a proxy: unknown"),
        pytest.param(replace(XFF, private_clients=True), 1, id="intranet"),
    ],
)
def test_a_private_address_counts_as_it_does_live(
    settings: Settings, tmp_path: Path, proxy: ProxySettings, expected: int
) -> None:
    changed = replace(settings, proxy=proxy)
    outcome = run(changed, write_log(tmp_path / "log", [line(address="10.0.0.7")]))

    assert stored(settings)["visitor"].count() == expected
    assert (outcome.tally.no_address, outcome.tally.private) == (1 - expected,) * 2


SENDERS = {
    "private peer, public client": ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
    "public peer": ("198.51.100.7", "192.0.2.1", "198.51.100.7"),
    "trusted peer": ("203.0.113.5", "198.51.100.7", "198.51.100.7"),
    "trusted chain": (
        "127.0.0.1",
        "192.0.2.1, 198.51.100.7, 203.0.113.9",
        "198.51.100.7",
    ),
}


@pytest.mark.parametrize(
    ("peer", "client", "expected"), SENDERS.values(), ids=SENDERS.keys()
)
def test_the_client_is_found_behind_proxies(
    settings: Settings, tmp_path: Path, peer: str, client: str, expected: str
) -> None:
    log = write_log(
        tmp_path / "log", [forwarded(peer, client), line("/b", address=expected)]
    )
    run(replace(settings, proxy=XFF), log, now_s=NOON)

    assert stored(settings)["visitor"].count() == 2
    assert stored(settings)["visitor"].n_unique() == 1
