"""The generated texts about the configuration agree with the code."""

import tomllib
from pathlib import Path

import pytest

from config.keys import sections
from config.load import load, read
from config.render import effective, page, reference, starter, toml_value

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("config/reference.toml", reference(), id="reference"),
        pytest.param("docs/configuration.md", page(), id="page"),
    ],
)
def test_a_generated_file_equals_the_code(name: str, expected: str) -> None:
    got = (ROOT / name).read_text(encoding="utf-8")

    assert got == expected, "run `make docs`"


def test_the_reference_file_gives_the_defaults(tmp_path: Path) -> None:
    full, small = tmp_path / "full.toml", tmp_path / "small.toml"
    full.write_text(reference(), encoding="utf-8")
    small.write_text((ROOT / "config/minimal.toml").read_text(encoding="utf-8"))

    assert load(full, {}) == load(small, {})


def test_the_reference_and_the_page_name_every_key() -> None:
    document = tomllib.loads(reference())
    for section in sections():
        tables = document[section.name]
        table = tables[0] if isinstance(tables, list) else tables

        assert list(table) == [key.name for key in section.keys]
        assert all(f"| `{key.name}` | " in page() for key in section.keys)


def test_the_starter_file_sets_one_site_and_nothing_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "millpond.toml"
    path.write_text(starter(), encoding="utf-8")
    origins = read(path, {}).origins

    assert [name for name, origin in origins.items() if origin == "file"] == [
        "sites[0].id",
        "sites[0].domains",
    ]
    assert all(
        f"{key.name} = " in starter() for part in sections() for key in part.keys
    )


def test_effective_settings_show_their_origin_and_can_be_loaded(
    tmp_path: Path,
) -> None:
    path = tmp_path / "millpond.toml"
    path.write_text(
        '[proxy]\nport = 9000\n[[sites]]\nid = "shop"\ndomains = ["a", "b"]\n'
        '[[sites]]\nid = "blog"\ndomains = ["c"]\n',
        encoding="utf-8",
    )
    loaded = read(path, {"MILLPOND__PROXY__WORKERS": "2"})
    shown = effective(loaded.settings, loaded.origins)
    again = tmp_path / "again.toml"
    again.write_text(shown, encoding="utf-8")

    assert 'host = "127.0.0.1"  # default\n' in shown
    assert "port = 9000  # file\n" in shown
    assert "workers = 2  # environment MILLPOND__PROXY__WORKERS\n" in shown
    assert 'domains = ["a", "b"]  # file\n' in shown
    assert load(again, {}) == loaded.settings


def test_secrets_are_masked(tmp_path: Path) -> None:
    digest = "ab" * 32
    path = tmp_path / "millpond.toml"
    path.write_text(
        f'[[sites]]\nid = "shop"\ndomains = ["a"]\nsecret_keys = ["sha256:{digest}"]\n',
        encoding="utf-8",
    )
    url = "redis://:hunter2@cache.example/0"
    loaded = read(path, {"MILLPOND__PRIVACY__SALT_STORE": url})
    got = effective(loaded.settings, loaded.origins)

    assert digest not in got
    assert "hunter2" not in got
    assert 'salt_store = "redis://***@cache.example/0"' in got


@pytest.mark.parametrize(
    "value", [True, False, -7, "", 'a "b" \\ c', "ü\n\t\x00\x7f", (), ("a", "b")]
)
def test_a_value_can_be_written_to_toml_and_read_back(
    value: bool | int | str | tuple[str, ...],  # noqa: FBT001
) -> None:
    got = tomllib.loads(f"value = {toml_value(value)}")["value"]

    assert (tuple(got) if isinstance(got, list) else got) == value
