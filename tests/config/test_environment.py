"""Variables become values with the type of their key; unknown ones are refused."""

import pytest

from config.environment import overrides
from config.keys import FoundValue


def value_of(section: str, key: str, text: str) -> object:
    """Return the value of *key* from one variable."""
    name = f"MILLPOND__{section}__{key}".upper()
    result = overrides({name: text})
    assert result.problems == []
    return result.values[section][key]


@pytest.mark.parametrize(
    ("section", "key", "text", "expected"),
    [
        pytest.param("proxy", "port", "9000", 9000, id="whole number"),
        pytest.param("proxy", "port", " 9_000 ", 9000, id="number with underscore"),
        pytest.param("proxy", "debug_header", "true", True, id="true"),
        pytest.param("proxy", "host", "0.0.0.0", "0.0.0.0", id="string"),  # noqa: S104
        pytest.param("proxy", "host", '"x"', '"x"', id="quotes stay part of a string"),
        pytest.param("privacy", "gpc", "drop", "drop", id="choice"),
        pytest.param("proxy", "trusted_proxies", "", [], id="no items"),
        pytest.param("proxy", "trusted_proxies", "a, b,", ["a", "b"], id="commas"),
        pytest.param("proxy", "trusted_proxies", '["a", "b"]', ["a", "b"], id="TOML"),
    ],
)
def test_a_variable_has_the_type_of_its_key(
    section: str, key: str, text: str, expected: object
) -> None:
    got = value_of(section, key, text)

    assert got == FoundValue(expected, f"MILLPOND__{section}__{key}".upper())


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param(
            "MILLPOND__PROXY__PORT",
            "s3cret",
            "proxy.port: must be a whole number (from MILLPOND__PROXY__PORT)",
            id="not a number, and not shown",
        ),
        pytest.param(
            "MILLPOND__PROXY__PORT",
            "1\nother = 2",
            "proxy.port: must be a whole number (from MILLPOND__PROXY__PORT)",
            id="a second key in the value",
        ),
        pytest.param(
            "MILLPOND__PROXY__TRUSTED_PROXIES",
            "[a",
            "proxy.trusted_proxies: must be an array"
            " (from MILLPOND__PROXY__TRUSTED_PROXIES)",
            id="half an array",
        ),
        pytest.param(
            "MILLPOND__PROXY__PROT",
            "1",
            "MILLPOND__PROXY__PROT: unknown variable;"
            " did you mean MILLPOND__PROXY__PORT?",
            id="misspelled",
        ),
        pytest.param(
            "MILLPOND__SITES__ID",
            "x",
            "MILLPOND__SITES__ID: unknown variable",
            id="sites are set in the file",
        ),
    ],
)
def test_an_invalid_variable_is_a_problem(name: str, text: str, expected: str) -> None:
    got = [str(problem) for problem in overrides({name: text}).problems]

    assert len(got) == 1
    assert got[0].startswith(expected)


def test_other_variables_are_ignored() -> None:
    got = overrides({"PATH": "/bin", "MILLPOND_CONFIG": "x", "millpond__proxy": "x"})

    assert (got.values, got.problems) == ({}, [])
