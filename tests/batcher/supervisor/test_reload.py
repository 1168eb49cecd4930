"""What a reload accepts, what it refuses, and that refusals leave nothing open."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from batcher.supervisor.child import Process
from batcher.supervisor.reload import (
    FIXED,
    ConfigReload,
    FixedSettingsError,
    ReloadError,
    ask_for_reload,
)
from batcher.supervisor.rolling_restart import NotReadyError
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from config.snapshot import VARIABLE
from warehouse.sites.zones import note_zones

SITE = '[[sites]]\nid = "shop"\ndomains = ["shop.example"]\n'
OTHER = {
    "host": '"127.0.0.2"',
    "port": "18080",
    "workers": "7",
    "salt_store": '"elsewhere"',
    "key_dir": '"elsewhere"',
    "dir": '"elsewhere"',
    "uri": '"elsewhere"',
}


def build(
    settings: Settings, environ: Mapping[str, str], copy: Sequence[int]
) -> list[Process]:
    """Return one process that is named by the sites."""
    names = "-".join(site.id for site in settings.sites)
    return [Process(name=names, argv=[], environ=environ, inherits=copy)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration file."""
    path = tmp_path / "millpond.toml"
    path.write_text(SITE)
    return path


@pytest.fixture
def refusals() -> list[str]:
    """Return what was printed about refused reloads."""
    return []


@pytest.fixture
def reload(config: Path, refusals: list[str]) -> ConfigReload:
    """Return a reload of a supervisor that has started."""
    settings = load(config, {})
    Path(settings.spool.dir).mkdir(parents=True)
    reload = ConfigReload(config, {}, build, settings, refusals.append)
    reload.start()
    return reload


def open_descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.parametrize(("section", "key"), FIXED)
def test_a_place_cannot_change_while_running(
    config: Path, reload: ConfigReload, section: str, key: str
) -> None:
    config.write_text(f"[{section}]\n{key} = {OTHER[key]}\n{SITE}")
    before = open_descriptors()

    with pytest.raises(FixedSettingsError) as refused:
        reload.processes()

    assert refused.value.message == (
        f"reload: {section}.{key} cannot change while Millpond runs"
    )
    assert refused.value.exit_code == 2
    assert open_descriptors() == before


def test_the_zone_of_stored_days_cannot_change(
    config: Path, reload: ConfigReload
) -> None:
    settings = load(config, {})
    note_zones(Path(settings.warehouse.uri), settings.sites)
    config.write_text(f'{SITE}timezone = "Europe/Berlin"\n')
    before = open_descriptors()

    with pytest.raises(ConfigError, match="is not the zone of the stored days"):
        reload.processes()

    assert open_descriptors() == before


def test_every_other_setting_may_change(config: Path, reload: ConfigReload) -> None:
    more = SITE.replace("shop", "blog")
    config.write_text(f'[proxy]\npath_prefix = "/stats"\n{SITE}{more}')

    [process] = reload.processes()
    reload.finish(None)

    assert process.name == "shop-blog"
    assert process.environ == {VARIABLE: str(process.inherits[0])}


def test_reloads_leave_one_copy_open(
    config: Path, reload: ConfigReload, refusals: list[str]
) -> None:
    before = open_descriptors()
    for error in (None, NotReadyError("proxy-0", "failed"), None):
        reload.processes()
        reload.finish(error)
    config.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        reload.processes()

    assert open_descriptors() == before
    assert refusals == [f"millpond: {NotReadyError('proxy-0', 'failed')}"]


def test_a_reload_without_a_running_millpond_is_refused(config: Path) -> None:
    with pytest.raises(ReloadError, match="no millpond up or proxy run works on"):
        ask_for_reload(load(config, {}))
