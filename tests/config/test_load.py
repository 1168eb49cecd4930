"""The file and the environment give valid settings, or a list of all problems."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import load, read
from config.settings import Settings, SiteSettings

SITE = '[[sites]]\nid = "shop"\ndomains = ["shop.example"]\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a configuration file and returns its path."""

    def write_text(text: str) -> Path:
        path = tmp_path / "millpond.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def problems(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    """Return one line for each problem of a configuration."""
    with pytest.raises(ConfigError) as refused:
        load(path, environ or {})
    return [str(problem) for problem in refused.value.problems]


def test_one_site_is_enough(write: Write) -> None:
    got = load(write(SITE), {})

    assert got.sites == (SiteSettings(id="shop", domains=("shop.example",)),)
    assert got.proxy == Settings().proxy
    assert got.jobs == Settings().jobs


def test_the_minimal_file_can_be_loaded() -> None:
    got = load(Path(__file__).parents[2] / "config/minimal.toml", {})

    assert [site.id for site in got.sites] == ["shop"]


def test_a_value_in_the_file_overrides_its_default(write: Write) -> None:
    got = load(write(SITE + "[proxy]\nport = 9000\ndebug_header = true\n"), {})

    assert (got.proxy.port, got.proxy.debug_header) == (9000, True)


def test_the_environment_overrides_the_file(write: Write) -> None:
    path = write(SITE + "[proxy]\nport = 9000\n")
    got = load(path, {"MILLPOND__PROXY__PORT": "9001", "HOME": "/"})

    assert got.proxy.port == 9001


def test_paths_are_relative_to_the_directory_of_the_file(
    write: Write, tmp_path: Path
) -> None:
    got = load(write(SITE + '[spool]\ndir = "../spool"\n'), {})

    assert got.spool.dir == str(tmp_path.parent / "spool")
    assert got.warehouse.uri == str(tmp_path / "data/warehouse")
    assert got.privacy.geo_database == ""


def test_without_a_file_a_site_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert problems(None) == ["sites: must hold at least one [[sites]] table"]


def test_all_problems_are_reported_together(write: Write) -> None:
    path = write("""
        colour = "red"
        [proxy]
        prot = 1
        port = 70000
        workers = true
        host = 3
        trusted_proxies = ["10.0.0.1", "10.0.0", 5]
        [privacy]
        geo = "city"
        query_allow = "q"
        [spool]
        max_bytes = 1.5
        [reports]
        port = 2026-11-22
        [[sites]]
        id = "Shop"
        """)

    assert problems(path) == [
        "colour: unknown key",
        "proxy.prot: unknown key; did you mean port?",
        "proxy.host: must be a string, got a whole number",
        "proxy.port: must be 0 to 65535, got 70000",
        "proxy.workers: must be a whole number, got true or false",
        "proxy.trusted_proxies[1]: '10.0.0' is not an address or network",
        "proxy.trusted_proxies[2]: must be a string, got a whole number",
        "privacy.geo: must be one of country, region, none, got 'city'",
        "privacy.query_allow: must be an array, got a string",
        "spool.max_bytes: must be a whole number, got a fraction",
        "reports.port: must be a whole number, got a date or time",
        "sites[0].id: must be 1 to 64 of a-z, 0-9 and -, got 'Shop'",
        "sites[0].domains: is required",
    ]


def test_the_message_counts_the_problems_and_has_a_line_for_each(write: Write) -> None:
    path = write(SITE + "[proxy]\nport = -1\nmax_events = 0\n")
    with pytest.raises(ConfigError) as refused:
        load(path, {})

    assert str(refused.value) == (
        "config: 2 problems\n"
        "  proxy.port: must be 0 to 65535, got -1\n"
        "  proxy.max_events: must be 1 to 100000, got 0"
    )
    assert refused.value.exit_code == 2


def test_the_message_of_one_problem_is_in_the_singular(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"^config: 1 problem\n"):
        load(write(SITE + "[proxy]\nport = -1\n"), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            SITE + "proxy = 1", "sites[0].proxy: unknown key", id="key in a site"
        ),
        pytest.param(
            "proxy = 1\n" + SITE, "proxy: must be a table, got a whole number", id="1"
        ),
        pytest.param(
            'sites = "x"', "sites: must be [[sites]] tables, got a string", id="string"
        ),
        pytest.param(
            '[sites]\nid = "x"', "sites: must be [[sites]] tables, got a table", id="[]"
        ),
        pytest.param(
            "sites = [1]", "sites[0]: must be a table, got a whole number", id="number"
        ),
    ],
)
def test_a_wrong_shape_is_named(write: Write, text: str, expected: str) -> None:
    assert problems(write(text))[0] == expected


def test_a_refused_value_causes_no_second_problem(write: Write) -> None:
    text = '[proxy]\nclient_ip = "xff"\ntrusted_proxies = ["10.0.0"]\n'

    assert problems(write(SITE + text)) == [
        "proxy.trusted_proxies[0]: '10.0.0' is not an address or network"
    ]


def test_the_limits_are_inclusive(write: Write) -> None:
    got = load(write(SITE + "[proxy]\nport = 0\nworkers = 64\n"), {})

    assert (got.proxy.port, got.proxy.workers) == (0, 64)


def test_a_missing_file_leads_to_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "millpond.toml"
    with pytest.raises(ConfigError) as refused:
        load(path, {})

    assert str(refused.value) == (
        f"config: 1 problem\n  {path}: no such file\n"
        "  hint: write one with `millpond init`"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"proxy = ", "is not TOML: ", id="not TOML"),
        pytest.param(b"\xff\xfe", "is not UTF-8", id="not UTF-8"),
    ],
)
def test_an_unreadable_file_is_one_problem(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "millpond.toml"
    path.write_bytes(content)

    assert problems(path)[0].startswith(f"{path}: {expected}")


def test_a_directory_in_place_of_the_file_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: cannot be read (IsADirectoryError)"]


def test_a_password_is_refused_in_the_file_and_not_shown(write: Write) -> None:
    text = SITE + '[privacy]\nsalt_store = "redis://:hunter2@cache.example/0"\n'

    name = "MILLPOND__PRIVACY__SALT_STORE"
    expected = f"privacy.salt_store: contains a password; set it in {name} instead"

    assert problems(write(text)) == [expected]


def test_a_password_in_the_environment_is_accepted(write: Write) -> None:
    url = "redis://:hunter2@cache.example/0"
    got = load(write(SITE), {"MILLPOND__PRIVACY__SALT_STORE": url})

    assert got.privacy.salt_store == url


def test_every_value_has_its_origin(write: Write) -> None:
    path = write(SITE + "[proxy]\nport = 9000\nworkers = 2\n")
    got = read(path, {"MILLPOND__PROXY__WORKERS": "3"}).origins

    assert got["proxy.host"] == "default"
    assert got["proxy.port"] == "file"
    assert got["proxy.workers"] == "MILLPOND__PROXY__WORKERS"
    assert got["sites[0].id"] == "file"
    assert got["sites[0].timezone"] == "default"
