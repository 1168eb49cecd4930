"""deploy/millpond.service: what systemd says of it, and what the pages rely on."""

import subprocess
from configparser import RawConfigParser
from pathlib import Path

from batcher.supervisor.child import SupervisorTimeouts
from config.load import load
from config.settings import ProxySettings
from tests.deploy.install_page import commands_of
from tests.processes import ROOT
from tests.programs import need

_UNIT = ROOT / "deploy" / "millpond.service"
_PROGRAM = "/opt/millpond/bin/millpond"
# Of proxy workers, batcher and reports; one stage stops after the other.
_STAGES = 3
# What a worker keeps for itself (docs/operations.md).
_OWN_FILES = 64


def service() -> dict[str, str]:
    """Return the keys of the unit's ``[Service]`` section."""
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(_UNIT.read_text(encoding="utf-8"))
    return dict(parser["Service"])


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = need("systemd-analyze")
    # Only the program must exist on this machine.
    text = _UNIT.read_text(encoding="utf-8").replace(_PROGRAM, "/bin/true")
    unit = tmp_path / _UNIT.name
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program, "verify", unit], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_gives_millpond_the_time_it_takes_to_stop() -> None:
    needed_s = _STAGES * SupervisorTimeouts().stop_s

    assert float(service()["TimeoutStopSec"]) > needed_s
    # The main process alone is asked to stop; it stops the others in order.
    assert service()["KillMode"] == "mixed"


def test_a_reload_asks_the_running_service() -> None:
    start, reload = (service()[key].split(" ") for key in ("ExecStart", "ExecReload"))

    assert [word for word in reload if word != "--reload"] == start


def test_the_unit_allows_as_many_files_as_connections_need() -> None:
    needed = ProxySettings().max_connections + _OWN_FILES

    assert int(service()["LimitNOFILE"]) >= needed


def test_salts_outlive_a_restart_and_reach_no_disk() -> None:
    found = service()

    assert found["RuntimeDirectory"] == "millpond"
    assert found["RuntimeDirectoryMode"] == "0700"
    assert found["RuntimeDirectoryPreserve"] == "yes"
    assert (found["MemorySwapMax"], found["LimitCORE"]) == ("0", "0")


def test_the_units_directories_are_those_of_the_pages_configuration(
    tmp_path: Path,
) -> None:
    _, _, rest = commands_of("Configuration").partition("<<'END'\n")
    text, _, _ = rest.partition("END\n")
    config = tmp_path / "millpond.toml"
    config.write_text(text, encoding="utf-8")
    settings = load(config, {})
    state, runtime = service()["StateDirectory"], service()["RuntimeDirectory"]

    assert settings.privacy.salt_store == f"/run/{runtime}/salts"
    for place in (
        *(settings.spool.dir, settings.warehouse.uri),
        *(settings.privacy.key_dir, settings.privacy.geo_database),
    ):
        assert Path(place).parent == Path("/var/lib") / state
