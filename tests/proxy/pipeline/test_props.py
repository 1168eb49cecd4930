"""Only allowed properties without personal data are stored, as sorted JSON."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pii.detect import looks_personal
from proxy.pipeline.props import (
    MAX_KEY_LENGTH,
    MAX_PROPS,
    MAX_VALUE_LENGTH,
    VISIT_TOKEN_PROP,
    clean_props,
)

NEVER_STORED = frozenset(
    {
        *("email", "e_mail", "mail", "phone", "telephone", "mobile", "fax"),
        *("ip", "ip_address", "user_agent", "useragent", "cookie", "session_id"),
        *("password", "passwd", "token", "access_token", "secret", "api_key"),
        VISIT_TOKEN_PROP,
        *("first_name", "firstname", "last_name", "lastname", "surname", "full_name"),
        *("birthdate", "birthday", "date_of_birth", "dob", "ssn", "iban"),
        *("card_number", "address", "street", "lat", "lng", "latitude", "longitude"),
        *("customer_full_name", "billing_email", "user.phone", "shipping address"),
        *("email_hash", "phone_number", "client_ip", "home_address_2", "adminPassword"),
        *("customerEmail", "contactName", "geo:lat", "$ip", "card_holder_name"),
        *("kunde_nachname", "prénom", "dirección", "Straße"),
    }
)
ALLOW = frozenset({"plan", "level", "on", "price", "Größe", *NEVER_STORED})


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param({}, None, id="empty"),
        pytest.param({"other": "x"}, None, id="not allowed"),
        pytest.param(
            {"plan": "pro", "level": 3}, '{"level":3,"plan":"pro"}', id="kept"
        ),
        pytest.param({"on": True}, '{"on":true}', id="truth"),
        pytest.param({"price": 59.9}, '{"price":59.9}', id="fraction"),
        pytest.param({"Größe": "größer"}, '{"Größe":"größer"}', id="other letters"),
        pytest.param({"plan": " a\tb\x00 "}, '{"plan":"a b"}', id="controls"),
        pytest.param({"plan": "x" * MAX_VALUE_LENGTH + "y"}, None, id="too long"),
        pytest.param({"plan": ""}, None, id="empty text"),
        pytest.param({"plan": None}, None, id="null"),
        pytest.param({"plan": ["a"]}, None, id="list"),
        pytest.param({"plan": {"a": "b"}}, None, id="object"),
        pytest.param({"level": float("nan")}, None, id="not a number"),
        pytest.param({"level": float("inf")}, None, id="infinity"),
        pytest.param({"level": 10**400}, None, id="huge"),
        pytest.param({"level": 4_915_112_345_678}, None, id="telephone as number"),
        pytest.param({"plan": "jane@mail.example"}, None, id="e-mail"),
        pytest.param({"plan": "+49 151 1234567"}, None, id="telephone"),
        pytest.param(
            {"plan": "pro", "level": "jane@mail.example"},
            '{"plan":"pro"}',
            id="one bad value is dropped alone",
        ),
    ],
)
def test_allowed_values_without_personal_data_are_kept(
    props: dict[str, object] | None, expected: str | None
) -> None:
    got = clean_props(props, ALLOW)

    assert got == expected


@pytest.mark.parametrize("key", sorted(NEVER_STORED))
def test_personal_names_are_never_kept_even_if_allowed(key: str) -> None:
    spelled = key.replace("_", "-").title()

    got = clean_props({key: "x", spelled: "x"}, frozenset({key, spelled}))

    assert got is None


def test_properties_over_the_limit_are_not_kept() -> None:
    props = {f"k{number:03}": number for number in range(100)}

    got = clean_props(props, frozenset(props))

    assert got is not None
    assert list(json.loads(got)) == sorted(props)[:MAX_PROPS]


def test_a_key_past_the_limit_is_not_kept() -> None:
    key = "k" * (MAX_KEY_LENGTH + 1)

    assert clean_props({key: "x"}, frozenset({key})) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


@given(props=st.dictionaries(st.sampled_from(sorted(ALLOW)) | st.text(), VALUES))
def test_any_properties_become_valid_bounded_json(
    props: dict[str, object],
) -> None:
    got = clean_props(props, ALLOW)

    if got is None:
        return
    stored = msgspec.json.decode(got, type=dict[str, str | bool | int | float])
    assert list(stored) == sorted(stored)
    assert set(stored) <= ALLOW - NEVER_STORED
    texts = [value for value in stored.values() if isinstance(value, str)]
    assert all(text.isprintable() and len(text) <= MAX_VALUE_LENGTH for text in texts)
    assert not any(map(looks_personal, texts))
