"""Random text is distinguished from words of any language in Latin script."""

import string
from random import Random

import pytest

from proxy.pii.token_shape import has_random_run

ALPHABETS = {
    "base64url": string.ascii_letters + string.digits + "-_",
    "base62": string.ascii_letters + string.digits,
    "base36": string.ascii_lowercase + string.digits,
    "base32": string.ascii_uppercase + "234567",
    "letters": string.ascii_letters,
    "lower case": string.ascii_lowercase,
}
WORDS = [
    "internationalization",
    "Donaudampfschifffahrtsgesellschaft",
    "anticonstitutionnellement",
    "przedsiębiorstwo-wielobranżowe",
    "jquery-interface-puffer",
    "HttpServerRequestFactory",
    "getElementsByClassName",
    "iphone-15-pro-max-256gb",
    "xdotool-2.20110530.html",
    "Spring Sale for new customers of the shop",
    "rubygems615",
    "xboxproxy",
    "pyblosxom",
    "AB-1234-XL",
    "",
]


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=list(ALPHABETS))
def test_at_least_99_percent_of_20_character_tokens_are_random(alphabet: str) -> None:
    random = Random(22)  # noqa: S311 - test input
    tokens = ["".join(random.choices(alphabet, k=20)) for _ in range(1_000)]

    matches = sum(map(has_random_run, tokens))

    assert matches >= 990


@pytest.mark.parametrize("text", WORDS)
def test_words_are_not_random(text: str) -> None:
    assert not has_random_run(text)


@pytest.mark.parametrize(
    "text", ["order-xJ3kP9qLmZ7v-details", "a8f3k2m9x7q1", "x=PRmiXeptR36kaC0"]
)
def test_a_random_run_between_words_is_detected(text: str) -> None:
    assert has_random_run(text)
