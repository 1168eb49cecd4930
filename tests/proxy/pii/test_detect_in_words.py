"""Personal numbers are recognised between words and in any spelling, measures are not.

The figures of docs/privacy.md are measured here, on values made from a seed.
"""

import base64
import json
import string
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from random import Random

import pytest

from proxy.pii.detect import PersonalKind, looks_personal, personal_kind

LABELLED = Path(__file__).parents[4] / "shared/data/pii/presidio_generated_small.json"
DETECTED = {"PHONE_NUMBER", "CREDIT_CARD", "EMAIL_ADDRESS", "IP_ADDRESS", "US_SSN"}
SEED = 20_261_122
COUNT = 6_000
LEAST_RECALL = 0.999
MOST_FALSE = 0.005

PERSONAL = [
    ("call me 9498777106 now", PersonalKind.NUMBER),
    ("SSN 123456789", PersonalKind.NUMBER),
    ("SSN:123456789", PersonalKind.NUMBER),
    ("tel9498777106", PersonalKind.NUMBER),
    ("phone#9498777106", PersonalKind.NUMBER),
    ("4915112345678_x", PersonalKind.NUMBER),
    ("call ９４９８７７７１０６ now", PersonalKind.NUMBER),  # noqa: RUF001
    ("¹²³⁴⁵⁶⁷⁸⁹", PersonalKind.NUMBER),
    ("①②③④⑤⑥⑦⑧⑨", PersonalKind.NUMBER),
    ("\U0001d7d7\U0001d7d2\U0001d7d7\U0001d7d6777106", PersonalKind.NUMBER),
    ("my card 4222222222222 thanks", PersonalKind.NUMBER),
    ("card 4111111111111111 please", PersonalKind.CARD),
    ("4111_1111_1111_1111", PersonalKind.CARD),
    ("4111.1111.1111.1111", PersonalKind.CARD),
    ("４１１１ １１１１ １１１１ １１１１", PersonalKind.CARD),  # noqa: RUF001
    ("to DE89_3704_0044_0532_0130_00", PersonalKind.IBAN),
    ("hello-489-36-8350-thanks", PersonalKind.PHONE),
    ("spring_489-36-8350_sale", PersonalKind.PHONE),
    ("spring_489_36_8350_sale", PersonalKind.PHONE),
    ("489|36|8350", PersonalKind.PHONE),
    ("call+949+877+7106", PersonalKind.PHONE),
    ("x_2001:db8::1", PersonalKind.ADDRESS),
    ("2001:db8:85a3:0:0:8a2e:370:7334_a", PersonalKind.ADDRESS),
    ("host-203-0-113-7", PersonalKind.ADDRESS),
    ("203-0-113-7.dsl.example", PersonalKind.ADDRESS),
    ("203_0_113_7", PersonalKind.ADDRESS),
    ("52.520008 13.404954", PersonalKind.COORDINATES),
    ("lat=52.520008&lon=13.404954", PersonalKind.COORDINATES),
    ("52,5200, 13,4050", PersonalKind.COORDINATES),
    ("@52.5200,13.4050,15z", PersonalKind.COORDINATES),
    ("52.5200N 13.4050E", PersonalKind.COORDINATES),
    ("52°31'12\"N 13°24'18\"E", PersonalKind.COORDINATES),
    ("52°31\u203212\u2033N", PersonalKind.COORDINATES),
    ("jane&commat;mail.example", PersonalKind.EMAIL),
    ("jane&#64;mail.example", PersonalKind.EMAIL),
    ("jane&#x40;mail&period;example", PersonalKind.EMAIL),
    ("jane=40mail.example", PersonalKind.EMAIL),
    ("jane\\u0040mail.example", PersonalKind.EMAIL),
    ("jane%u0040mail.example", PersonalKind.EMAIL),
    ("jsessionid=1A2B3C", PersonalKind.SECRET),
    ("home;jsessionid=1A2B", PersonalKind.SECRET),
    ("token: abc123", PersonalKind.SECRET),
    ("x_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", PersonalKind.SECRET),
]
ORDINARY = [
    *("2024_11_22_sale", "sale-2024-11-22-10", "summer_2024_25_de", "25-12-2024-sale"),
    *("IMG_20240131_123456", "backup-20240131123456", "Q1 2024 - Q2 2025"),
    *("banner_1200_628", "banner_300x250_v2", "size-38-40-42-44", "col-md-12"),
    *("best-of-5-10-15-20", "50-60-70 cm", "1.234.567 items", "1,234,567 views"),
    *("price 59.90 to 120.50", "59.900 and 12.500 items", "3.14159 and 2.71828"),
    *("from 1000000 to 2000", "v1.2.3-4-5", "Release 10.15.7", "AKU-1234-56"),
    *("token", "AT&T 2024", "R&D", "foo=bar", "a:b", "1st & 2nd", "20 °C"),
]


@pytest.mark.parametrize(("text", "expected"), PERSONAL)
def test_a_personal_value_is_recognised_in_any_place(
    text: str, expected: PersonalKind
) -> None:
    assert personal_kind(text) == expected


@pytest.mark.parametrize("text", ORDINARY)
def test_dates_sizes_and_amounts_are_not_personal(text: str) -> None:
    assert not looks_personal(text)


@pytest.mark.parametrize(
    "text", ["am@b.de", "john@example.com", "+49 151 1234567", "203.0.113.7"]
)
def test_base64_and_hex_hide_nothing(text: str) -> None:
    encoded = [
        base64.b64encode(text.encode()).decode(),
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        text.encode().hex(),
    ]

    assert [code for code in encoded if not looks_personal(code)] == []


def digits(random: Random, count: int) -> str:
    """Return *count* digits that start neither a date nor a round number."""
    return random.choice("3456789") + "".join(random.choices("123456789", k=count - 1))


def card(random: Random) -> str:
    """Return a card number of 16 digits that passes the Luhn check."""
    body = "4" + digits(random, 14)
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in body[::2]]
    total = sum(doubled) + sum(map(int, body[1::2]))
    return body + str(-total % 10)


def email(random: Random) -> str:
    name = "".join(random.choices(string.ascii_lowercase, k=random.randint(2, 9)))
    return f"{name}@mail.example"


def phone(random: Random) -> str:
    parts = [digits(random, 3), digits(random, 3), digits(random, 4)]
    return random.choice(" -.").join(parts)


def octets(random: Random) -> list[str]:
    return [
        str(random.randint(100, 223)),
        *(str(random.randint(0, 255)) for _ in "abc"),
    ]


def coordinates(random: Random) -> str:
    latitude, longitude = random.uniform(-89, 89), random.uniform(-179, 179)
    return f"{latitude:.6f}" + random.choice([",", ", ", " "]) + f"{longitude:.6f}"


VALUES: list[Callable[[Random], str]] = [
    email,
    phone,
    card,
    coordinates,
    lambda random: digits(random, random.randint(9, 12)),
    lambda random: f"{digits(random, 3)}-{digits(random, 2)}-{digits(random, 4)}",
    lambda random: ".".join(octets(random)),
    lambda random: "-".join(octets(random)),
    lambda random: f"2001:db8:{random.getrandbits(16):x}::{random.getrandbits(16):x}",
    lambda random: email(random).replace("@", "&commat;"),
    lambda random: email(random).replace("@", "=40"),
]
FRAMES = ["{}", "call {} now", "spring_{}_sale", "hello-{}-thanks", "({})", "id: {}."]


def personal_values() -> list[str]:
    """Return personal values, alone, in sentences, in slugs."""
    random = Random(SEED)  # noqa: S311 - a corpus, not a key
    frames = cycle(FRAMES)
    made = (
        frame.format(value(random))
        for value in cycle(VALUES)
        for frame in islice(frames, 1)
    )
    return list(islice(made, COUNT))


def ordinary_values() -> list[str]:
    """Return names of campaigns, variants and sizes as sites send them."""
    random = Random(SEED)  # noqa: S311 - a corpus, not a key
    words = ["spring", "sale", "blue", "shirt", "news", "home", "video", "trial"]
    tails: list[Callable[[], str]] = [
        lambda: str(random.randint(0, 99_999)),
        lambda: f"{random.randint(2000, 2030)}-{random.randint(10, 12)}",
        lambda: f"{random.randint(2000, 2030)}_{random.randint(10, 12)}_10",
        lambda: f"{random.randint(1, 2_000)}x{random.randint(1, 2_000)}",
        lambda: f"{random.uniform(0, 5_000):.2f}",
        lambda: (
            f"v{random.randint(0, 9)}.{random.randint(0, 20)}.{random.randint(0, 9)}"
        ),
        lambda: f"{random.randint(1, 99)} %",
        lambda: "",
    ]
    return [
        random.choice(" _-").join([*random.choices(words, k=3), tail()])
        for tail in islice(cycle(tails), COUNT)
    ]


def test_personal_values_are_recognised_in_slugs_and_sentences() -> None:
    values = personal_values()

    missed = [value for value in values if not looks_personal(value)]

    assert len(missed) <= COUNT * (1 - LEAST_RECALL), missed[:20]


def test_ordinary_values_are_kept() -> None:
    values = ordinary_values()

    false = [value for value in values if looks_personal(value)]

    assert len(false) <= COUNT * MOST_FALSE, false[:20]


def test_every_labelled_sentence_with_a_number_or_address_is_recognised() -> None:
    if not LABELLED.is_file():
        pytest.skip("the labelled sentences are not on this machine")
    sentences = json.loads(LABELLED.read_text(encoding="utf-8"))
    personal = [
        sentence["full_text"]
        for sentence in sentences
        if any(span["entity_type"] in DETECTED for span in sentence["spans"])
    ]

    assert len(personal) == 23
    assert [text for text in personal if not looks_personal(text)] == []
