"""docs/questions.md: short answers, and what of them a program can check."""

import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest

from config.keys import sections
from config.load import load
from config.settings import PrivacySettings, Settings, SpoolSettings
from millpond import PARTS, command_line
from proxy.pipeline.drops import DropReason
from proxy.pipeline.sites import Sites, build_sites
from tests.processes import ROOT, Installation, install, running
from tests.proxy.transport.raw_http import ask, event, request

_PAGE = ROOT / "docs" / "questions.md"
_TEXT = _PAGE.read_text(encoding="utf-8")
_LINES = 10
_QUESTIONS = 20
# A command in a line of text, which may be broken.
_COMMAND = re.compile(r"`(millpond [^`]+)`")
_AMP = re.compile(r'<amp-pixel src="https://shop\.example/stats([^"]+)"')


def answers() -> dict[str, list[str]]:
    """Return the lines of each answer; marks of code blocks and blanks left out."""
    _, *parts = re.split(r"(?m)^## (.+)\n", _TEXT)
    return {
        question: [
            line for line in text.splitlines() if line and not line.startswith("```")
        ]
        for question, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_there_are_at_least_twenty_questions() -> None:
    assert len(answers()) >= _QUESTIONS
    assert [each for each in answers() if not each.endswith("?")] == []


@pytest.mark.parametrize("question", answers())
def test_an_answer_takes_ten_lines_at_most(question: str) -> None:
    assert len(answers()[question]) <= _LINES


def commands() -> list[str]:
    """Return every command that an answer names."""
    return sorted({" ".join(found.split()) for found in _COMMAND.findall(_TEXT)})


@pytest.mark.parametrize("command", commands())
def test_every_command_an_answer_names_exists(command: str) -> None:
    found: click.Command = command_line
    _, *words = shlex.split(command)
    with click.Context(command_line) as context:
        while words and isinstance(found, click.Group):
            inner = found.get_command(context, words.pop(0))
            assert inner is not None
            found = inner
    known = {option for each in found.params for option in each.opts}

    assert [each for each in words if each.startswith("--") and each not in known] == []


def settings_named() -> set[str]:
    """Return the settings that an answer names, as section.key."""
    names = "|".join(section.name for section in sections())
    return set(re.findall(rf"`((?:{names})\.\w+)`", _TEXT))


def test_every_setting_an_answer_names_exists() -> None:
    assert settings_named() >= {"privacy.geo_database", "reports.host"}
    for name in settings_named():
        section, _, key = name.partition(".")
        assert hasattr(getattr(Settings(), section), key), name


@pytest.fixture
def sites(tmp_path: Path) -> Sites:
    """Return the sites that the answers configure, all in one installation."""
    blocks = re.findall(r"(?ms)^```toml\n(.*?)^```", _TEXT)
    config = tmp_path / "millpond.toml"
    config.write_text("\n".join(blocks), encoding="utf-8")
    assert [tomllib.loads(block) for block in blocks]
    settings = replace(
        load(config, {}),
        privacy=PrivacySettings(key_dir=str(tmp_path / "keys")),
        spool=SpoolSettings(dir=str(tmp_path / "spool")),
    )
    return build_sites(settings, os.urandom)


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://shop.example", "shop"),
        ("https://www.shop.example", "shop"),
        ("https://de.shop.example", "shop"),
        ("https://staging.shop.example", "staging"),
    ],
)
def test_a_subdomain_belongs_to_the_shop_and_staging_to_itself(
    sites: Sites, origin: str, site: str
) -> None:
    found = sites.find(None, None, origin, "stats.internal")

    assert not isinstance(found, DropReason)
    assert found.id == site


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Run a worker that says why it drops something."""
    installation = install(tmp_path_factory.mktemp("questions"))
    with running(installation, "proxy worker 0"):
        yield installation


def test_the_pixel_of_amp_counts_a_page_that_a_cache_serves(
    worker: Installation,
) -> None:
    [path] = _AMP.findall(_TEXT)
    url = "https%3A%2F%2Fshop.example%2Fp%2F42"
    path = path.replace("CANONICAL_URL", url).replace("DOCUMENT_REFERRER", "")
    referer = "Referer: https://shop-example.cdn.ampproject.org/"
    counted = ask(worker.settings.proxy.port, request("GET", path, b"", referer))
    elsewhere = path.replace("shop.example", "other.example")
    dropped = ask(worker.settings.proxy.port, request("GET", elsewhere, b"", referer))

    assert (counted.status, counted.headers.get("x-millpond")) == (200, None)
    assert dropped.headers["x-millpond"] == "dropped foreign_origin"


@pytest.mark.parametrize("origin", ["null", "https://staging.other.example"])
def test_a_sandbox_and_a_host_that_is_not_named_are_dropped(
    worker: Installation, origin: str
) -> None:
    answer = ask(worker.settings.proxy.port, event(f"Origin: {origin}"))

    assert answer.json == {"accepted": 0, "dropped": {"foreign_origin": 1}}


def test_a_hosts_own_opt_out_lasts_thirteen_months(worker: Installation) -> None:
    answer = ask(worker.settings.proxy.port, request("POST", "/stats/optout", b"x"))
    cookie = answer.headers["set-cookie"]

    assert "noanalytics=1" in cookie
    assert "Max-Age=34128000" in cookie
    # Of that host alone: another host of the site asks again.
    assert "Domain" not in cookie


def test_what_the_answers_say_is_missing_is_missing() -> None:
    with click.Context(command_line) as context:
        warehouse = command_line.get_command(context, "warehouse")
        reports = command_line.get_command(context, "reports")
    assert isinstance(warehouse, click.Group)
    assert isinstance(reports, click.Group)

    # Erasing one customer or order; documents for data protection; users and roles.
    assert "erase" not in warehouse.commands
    assert "audit" not in PARTS
    assert not hasattr(Settings().reports, "auth")
    # A report over all sites.
    assert "sites" not in reports.commands
