"""`config check` shows what is valid but probably not meant, and still ends with 0."""

from pathlib import Path

import pytest

from config.mounts import is_in_memory
from config.settings import (
    PrivacySettings,
    Settings,
    SiteSettings,
    SpoolSettings,
    WarehouseSettings,
)
from config.warnings import warnings
from millpond import run

MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, not written to
MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/sdb1 /run/media ext4 rw 0 0
none /srv/my\\040data ramfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/var/lib/millpond", False, id="disk"),
        pytest.param("/run/millpond", True, id="memory"),
        pytest.param("/run/media/millpond", False, id="disk inside memory"),
        pytest.param("/running", False, id="only a name that starts alike"),
        pytest.param("/srv/my data/spool", True, id="a name with a space"),
    ],
)
def test_the_mount_table_says_what_is_memory(
    tmp_path: Path, path: str, *, expected: bool
) -> None:
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)

    assert is_in_memory(Path(path), table) == expected
    assert not is_in_memory(Path(path), tmp_path / "none")


@pytest.mark.skipif(not is_in_memory(MEMORY), reason="no memory file system")
def test_data_in_memory_is_shown_but_not_salts() -> None:
    place = str(MEMORY / "millpond-test")
    settings = Settings(
        privacy=PrivacySettings(key_dir=place, salt_store=place),
        spool=SpoolSettings(dir=place),
        warehouse=WarehouseSettings(uri=place),
    )

    assert [str(warning) for warning in warnings(settings)] == [
        f"{key}: {place} is in memory: a restart of this machine removes it"
        for key in ("privacy.key_dir", "spool.dir", "warehouse.uri")
    ]


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        pytest.param(("*.shop.de",), ["sites[0].domains[0]"], id="no bare host"),
        pytest.param(("*.shop.de", "shop.de"), [], id="bare host"),
        pytest.param(("*.shop.de", "www.shop.de"), [], id="www includes the bare host"),
        pytest.param(("*.shop.de", "shop.com"), ["sites[0].domains[0]"], id="another"),
        pytest.param(
            ("a.de", "*.b.de", "*.c.de", "c.de"),
            ["sites[0].domains[1]"],
            id="one of two",
        ),
        pytest.param(("shop.de",), [], id="no wildcard"),
    ],
)
def test_a_wildcard_without_its_own_host_is_shown(
    domains: tuple[str, ...], expected: list[str]
) -> None:
    # "/" is no memory, or the test below has nothing to say.
    settings = Settings(
        privacy=PrivacySettings(key_dir="/proc"),
        spool=SpoolSettings(dir="/proc"),
        warehouse=WarehouseSettings(uri="/proc"),
        sites=(SiteSettings(id="shop", domains=domains),),
    )

    assert [warning.path for warning in warnings(settings)] == expected


def test_warnings_come_before_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "millpond.toml"
    path.write_text('[[sites]]\nid = "shop"\ndomains = ["*.shop.de"]\n')
    exit_code = run(["config", "check", "--config", str(path)])
    *_, warning, result = capsys.readouterr().out.splitlines()

    assert (exit_code, result) == (0, "config: fine, 1 site")
    assert warning == (
        "warning: sites[0].domains[0]: '*.shop.de' does not include 'shop.de': events"
        " of its pages are dropped; add 'shop.de' if it is the site's host"
    )


def test_a_property_that_is_never_stored_is_shown() -> None:
    site = SiteSettings(
        id="b",
        domains=("b.example",),
        props_allow=("plan", "customerEmail"),
        props_allow_ids=("order_id", "phone"),
    )

    got = [str(warning) for warning in warnings(Settings(sites=(site,)))]

    assert [text for text in got if "sites[0]" in text] == [
        f"sites[0].{place}: {key!r} is never stored, because such values are personal;"
        " remove it"
        for place, key in (
            ("props_allow[1]", "customerEmail"),
            ("props_allow_ids[1]", "phone"),
        )
    ]
