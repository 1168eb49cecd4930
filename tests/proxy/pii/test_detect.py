"""Personal values are detected in any spelling; ordinary values are not."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pii.detect import PersonalKind, looks_personal, personal_kind
from proxy.pii.numbers import is_day_number

LABELLED = Path(__file__).parents[4] / "shared/data/pii/presidio_generated_small.json"
DETECTED = {"PHONE_NUMBER", "CREDIT_CARD", "EMAIL_ADDRESS", "IP_ADDRESS", "US_SSN"}

PERSONAL = {
    PersonalKind.EMAIL: [
        "jane@mail.example",
        "Write to j.d+x@mail.example today",
        "jane%40mail.example",
        "jane%2540mail.example",
        "jane (at) mail.example",
        "jane [AT] mail [dot] example",
        "jane at mail dot example",
        "jane@localhost",
        "jörg@mail.example",
        "jane＠mail.example",  # noqa: RUF001 - the disguise
        "ja\u200bne@mail.example",
    ],
    PersonalKind.PHONE: [
        "+49 151 12345678",
        "+4915112345678",
        "0049 151 1234567",
        "(555) 123-4567",
        "call 555-123-4567 now",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "0151/12345678",
        " 4915112345678",
        "531-21-7351",
    ],
    PersonalKind.CARD: [
        "4111 1111 1111 1111",
        "4111111111111111",
        "card 5500-0000-0000-0004",
    ],
    PersonalKind.IBAN: [
        "DE89 3704 0044 0532 0130 00",
        "gb82west12345698765432",
        "to DE89370400440532013000 please",
    ],
    PersonalKind.NUMBER: ["1234567", "12345678901", "１２３４５６７８", "٠١٢٣٤٥٦٧٨"],  # noqa: RUF001
    PersonalKind.SECRET: [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdef",
        "-----BEGIN PRIVATE KEY-----",
    ],
    PersonalKind.TOKEN: [
        "550e8400-e29b-41d4-a716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "id 5f2a9c1b3e4d5f6a",
        "am9obkBleGFtcGxlLmNvbQ==",
        "xJ3kP9qLmZ7vR2tY",
        "jane%25252540mail.example",
        "(word) " * 500,
    ],
    PersonalKind.ADDRESS: [
        "203.0.113.7",
        "\u0662\u0660\u0663.\u0660.\u0661\u0661\u0663.\u0667",
        "from 203.0.113.7, today",
        "2001:db8::1",
        "2001:db8:85a3:0:0:8a2e:370:7334",
        "fe80::1ff:fe23:4567:890a",
        "00:1A:2B:3C:4D:5E",
    ],
    PersonalKind.COORDINATES: [
        "52.520008, 13.404954",
        "52.5200,13.4050",
        "-33.8688/151.2093",
    ],
    PersonalKind.USER_AGENT: [
        "Mozilla/5.0 (X11; Linux x86_64)",
        "Opera (Windows NT 10.0)",
    ],
}
ORDINARY = [
    "",
    "pro",
    "Blue (large)",
    "premium plan",
    "59.90",
    "1234.56",
    "1.234.567",
    "0.12345678",
    "-1",
    "123456",
    "20240131",
    "2024-01-31",
    "31.01.2024",
    "01/31/2024",
    "2024-01-31 10:00",
    "2024-01-31T10:00:00Z",
    "10:00-12:00",
    "2019-2024",
    "2019/2020",
    "1000-2000",
    "1920x1080",
    "v1.2.3",
    "10.15.7",
    "ISBN 978-3-16-148410-0",
    "iPhone 15 Pro Max",
    "Sony WH-1000XM5",
    "AB-1234-XL",
    "SUMMER20",
    "Spring Sale - 20% off",
    "black-friday_2024",
    "test variant B",
    "logo@2x.png",
    "react@18.2.0",
    "@handle",
    "std::string",
    "https://shop.example/blog",
    "Europe/Berlin",
    "at the zoo dot com",
    "Düsseldorf",
    "東京",
    "Outbound Link: Click",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(text, kind, id=f"{kind}-{number}")
        for kind, texts in PERSONAL.items()
        for number, text in enumerate(texts)
    ],
)
def test_a_personal_value_is_detected(text: str, expected: PersonalKind) -> None:
    got = personal_kind(text)

    assert got == expected


def test_every_personal_kind_has_test_cases() -> None:
    assert set(PERSONAL) == set(PersonalKind)


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_value_is_not_detected(text: str) -> None:
    assert not looks_personal(text)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [("20240131", True), ("20241331", False), ("20240132", False), ("17000101", False)],
)
def test_an_eight_digit_date_is_not_a_number(digits: str, expected: bool) -> None:  # noqa: FBT001
    assert is_day_number(digits) == expected


@given(text=st.text(max_size=120) | st.from_regex(r"[0-9a-fx@:.+% -]{0,60}"))
def test_detection_accepts_any_text(text: str) -> None:
    assert personal_kind(text) in (None, *PersonalKind)


@given(
    before=st.text(alphabet="abc ,;", max_size=10),
    name=st.from_regex(r"[a-z0-9._+-]{1,12}", fullmatch=True),
    host=st.from_regex(r"[a-z]{1,10}(\.[a-z]{2,5}){1,2}", fullmatch=True),
    after=st.sampled_from(["", " ", ", thanks", "?"]),
)
def test_an_email_address_is_detected_in_any_text(
    before: str, name: str, host: str, after: str
) -> None:
    assert looks_personal(f"{before}{name}@{host}{after}")


def test_detectable_values_in_labelled_sentences_are_detected() -> None:
    if not LABELLED.is_file():
        pytest.skip("the labelled sentences are not on this machine")
    sentences = json.loads(LABELLED.read_text(encoding="utf-8"))
    values = [
        span["entity_value"]
        for sentence in sentences
        for span in sentence["spans"]
        if span["entity_type"] in DETECTED
    ]
    harmless = [
        sentence["full_text"]
        for sentence in sentences
        if not any(span["entity_type"] in DETECTED for span in sentence["spans"])
    ]

    assert len(values) == 27
    assert [value for value in values if not looks_personal(value)] == []
    # One contains the number of a driving licence.
    assert len([text for text in harmless if looks_personal(text)]) <= 1
