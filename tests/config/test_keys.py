"""Every setting has a type, limits, a default and a description."""

from typing import Annotated

import pytest

from config.keys import Key, nearest, read_key, sections
from config.settings import Doc, Settings

KEYS = [key for section in sections() for key in section.keys]


def test_the_sections_equal_those_of_the_settings() -> None:
    got = [section.name for section in sections()]

    assert got == list(Settings.__dataclass_fields__)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_has_a_description(key: Key) -> None:
    assert key.doc[0].isupper() or key.doc[0].isalnum()
    assert key.doc.endswith(".")


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_number_has_limits_that_include_its_default(key: Key) -> None:
    if key.kind is not int:
        return
    assert key.limits is not None
    assert key.limits.least <= int(str(key.default)) <= key.limits.most


def test_a_setting_without_a_description_is_refused() -> None:
    with pytest.raises(TypeError, match=r"proxy\.port has no Doc"):
        read_key("proxy", "port", int, 1)


def test_a_setting_of_pairs_is_refused() -> None:
    with pytest.raises(TypeError):
        read_key("proxy", "pair", Annotated[tuple[str, str], Doc("A pair.")], ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("prot", "; did you mean port?", id="similar name"),
        pytest.param("zzz", "", id="no similar name"),
    ],
)
def test_the_most_similar_name_is_suggested(name: str, expected: str) -> None:
    assert nearest(name, ["host", "port"]) == expected
