"""Paths to measure the scrubber: some contain secrets, some are ordinary pages.

A seeded generator makes all paths from word lists in Python and babel, so the figures
are the same on every machine.
"""

import base64
import re
import string
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from pydoc_data.topics import topics
from random import Random
from urllib.parse import quote

from babel import Locale

LOWER = string.ascii_lowercase
LETTERS = string.ascii_letters
ALPHANUMERIC = LETTERS + string.digits
BASE64URL = ALPHANUMERIC + "-_"
BASE36 = LOWER + string.digits
HEX = "0123456789abcdef"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Secret = tuple[str, str]
SecretShape = Callable[[Random], Secret]

_LANGUAGES = "nb hr sl sk lt lv et ca eu gl cy ga sq sw af ms uz az en de fr es it"
_SECTIONS = "blog news docs guides help about shop en de fr articles posts team"
_FILES = "html php pdf png jpg css js zip xml txt md webp"
_SIZES = "xs s m l xl 38 42 100ml 250g 2kg 13inch 4k 1080p v2 2x3m"


def text(random: Random, alphabet: str, least: int, most: int | None = None) -> str:
    """Return random characters of *alphabet*."""
    length = random.randint(least, most or least)
    return "".join(random.choices(alphabet, k=length))


def jwt(random: Random) -> str:
    """Return a signed token like those of APIs."""
    payload = b'{"sub":"%d","exp":%d}' % (
        random.getrandbits(40),
        random.getrandbits(31),
    )
    parts = (b'{"alg":"HS256","typ":"JWT"}', payload, random.randbytes(32))
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts
    )


def number(random: Random) -> str:
    """Return an id of 6 to 12 digits that is not a date."""
    return str(random.randint(3 * 10**5, 10**12))


def phone(random: Random) -> str:
    """Return a telephone number in a common format."""
    digits = text(random, "23456789", 11)
    return random.choice(
        [
            f"+49{digits}",
            f"0049{digits[:9]}",
            f"+1-{digits[:3]}-{digits[3:6]}-{digits[6:10]}",
            f"({digits[:3]}) {digits[3:6]}-{digits[6:10]}",
            f"0{digits[:3]} {digits[3:10]}",
        ]
    )


def email(random: Random) -> str:
    """Return an e-mail address, sometimes percent-encoded once or twice."""
    plain = f"{text(random, LOWER, 3, 12)}.{text(random, LOWER, 2, 8)}@mail.example"
    return random.choice(
        [plain, plain.replace("@", "%40"), plain.replace("@", "%2540")]
    )


def code(random: Random) -> str:
    """Return a short code that only its position reveals as a secret."""
    alphabet = random.choice([LOWER, BASE36, ALPHANUMERIC, string.digits])
    return text(random, alphabet, 4, 10) + random.choice(string.digits)


def _shape(template: str, secret: Callable[[Random], str]) -> SecretShape:
    def path(random: Random) -> Secret:
        value = secret(random)
        return template.replace("*", value), value

    return path


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128)))


SECRETS: list[SecretShape] = [
    _shape("/reset/*", lambda random: text(random, HEX, 40)),
    _shape("/password/reset/*", lambda random: text(random, BASE64URL, 20, 64)),
    _shape("/password/reset/confirm/MTI/*/", lambda random: text(random, HEX, 26)),
    _shape("/de/konto/*/aktivieren", _uuid),
    _shape("/verify-email/*", jwt),
    _shape("/email/verify/12/*", lambda random: text(random, HEX, 40)),
    _shape("/invite/*", code),
    _shape("/invitations/team/*/accept", code),
    _shape("/magic-link/*", lambda random: text(random, BASE64URL, 22)),
    _shape("/unsubscribe/*", email),
    _shape("/newsletter/unsubscribe/*", code),
    _shape("/share/*", code),
    _shape("/gallery/summer/*", lambda random: text(random, HEX, 32)),
    _shape("/s/*", lambda random: text(random, ALPHANUMERIC, 20)),
    _shape("/d/*/edit", lambda random: text(random, BASE64URL, 44)),
    _shape("/confirm/*", code),
    _shape("/activate/*/welcome", code),
    _shape("/token/*", code),
    _shape("/token=*", code),
    _shape("/api/v1/*/profile", jwt),
    _shape("/u/*/settings", email),
    _shape("/contact/*", email),
    _shape("/profile/*", number),
    _shape("/users/*/orders", number),
    _shape("/orders/*", lambda random: text(random, string.digits, 4, 9)),
    _shape("/checkout/orders/*/thank-you", number),
    _shape("/invoice/INV-*.pdf", number),
    _shape("/order-*", lambda random: text(random, string.digits, 4, 9)),
    _shape("/checkouts/cn/*", lambda random: text(random, BASE64URL, 32)),
    _shape("/c/pay/cs_live_*", lambda random: text(random, ALPHANUMERIC, 58)),
    _shape("/documents/*", lambda random: text(random, HEX, 24)),
    _shape("/session/*", lambda random: text(random, CROCKFORD, 26)),
    _shape("/f/*", lambda random: text(random, HEX, 16, 64)),
    _shape("/download/*/report.pdf", lambda random: text(random, BASE64URL, 20, 43)),
    _shape("/call/*", phone),
    _shape("/go/https%3A%2F%2Fa.b%2F*", lambda random: text(random, BASE64URL, 24)),
    _shape("/page;jsessionid=*", lambda random: text(random, HEX.upper(), 32)),
    _shape("/keys/sk_live_*", lambda random: text(random, ALPHANUMERIC, 24)),
    _shape("/auth/callback/*", lambda random: text(random, LETTERS, 20, 40)),
    _shape("/x/*", lambda random: text(random, LOWER, 24, 40)),
]  # fmt: skip


def secret_paths(seed: int) -> Iterator[Secret]:
    """Yield paths that contain a secret, and the secret."""
    random = Random(seed)  # noqa: S311 - a corpus, not a key
    for shape in cycle(SECRETS):
        yield shape(random)


@cache
def words() -> tuple[str, ...]:
    """Return words of many languages in the spelling of slugs."""
    slugs = set(re.findall("[a-z]{2,16}", " ".join(topics.values()).lower()))
    for language in _LANGUAGES.split():
        locale = Locale.parse(language)
        for names in (locale.territories, locale.languages, locale.currencies):
            for name in names.values():
                slugs.update(re.findall("[a-z]{2,16}", _unaccented(name)))
    return tuple(sorted(slugs))


def _unaccented(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.lower())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def slug(random: Random, least: int = 1, most: int = 9) -> str:
    """Return a slug of a few words."""
    chosen = random.choices(words(), k=random.randint(least, most))
    style = random.random()
    if style < 0.05:
        chosen = [word.capitalize() for word in chosen]
    return ("_" if style > 0.95 else "-").join(chosen)


def _date(random: Random) -> tuple[int, int, int]:
    return random.randint(1999, 2030), random.randint(1, 12), random.randint(1, 28)


def _dated(random: Random) -> str:
    year, month, day = _date(random)
    return random.choice(
        [
            f"/{year}/{month:02}/{day:02}/{slug(random)}",
            f"/blog/{year}-{month:02}-{day:02}-{slug(random)}",
            f"/archive/{year}{month:02}{day:02}/",
            f"/archive/{year}{month:02}",
            f"/reports/{year}-{month:02}/{slug(random, 1, 3)}",
        ]
    )


def _product(random: Random) -> str:
    name = slug(random, 2, 6)
    size = random.choice(_SIZES.split())
    return random.choice(
        [
            f"/products/{name}",
            f"/products/{name}-{size}",
            f"/p/{random.randint(1, 99_999)}",
            f"/p/{random.randint(10**5, 10**8)}",
            f"/product/{name}-{random.randint(1_000, 10**8)}.html",
            f"/shop/{slug(random, 1, 2)}/{name}?color=red",
            f"/item/{random.randint(1, 9_999)}/{name}",
            f"/category/{slug(random, 1, 2)}/page/{random.randint(1, 400)}",
            f"/dp/B0{text(random, CROCKFORD, 8)}/",
        ]
    )


def _document(random: Random) -> str:
    version = ".".join(str(random.randint(0, 20)) for _ in range(random.randint(2, 3)))
    camel = "".join(word.capitalize() for word in slug(random, 2, 4).split("-"))
    return random.choice(
        [
            f"/docs/{version}/{slug(random, 1, 3)}",
            f"/docs/v{random.randint(1, 9)}/api/{camel}.html",
            f"/wiki/{slug(random, 1, 4).title().replace('-', '_')}",
            f"/downloads/{slug(random, 1, 2)}-{version}.tar.gz",
            f"/rfc/rfc{random.randint(1, 9_999)}.txt",
            f"/questions/{random.randint(1, 8 * 10**7)}/{slug(random, 4, 9)}",
            f"/search/{quote(slug(random, 1, 4).replace('-', ' '))}",
        ]
    )


def _plain(random: Random) -> str:
    depth = random.randint(1, 4)
    parts = [random.choice(_SECTIONS.split())] + [slug(random) for _ in range(depth)]
    ending = random.choice(["", "/", "." + random.choice(_FILES.split())])
    return "/" + "/".join(parts) + ending


def ordinary_paths(seed: int) -> Iterator[str]:
    """Yield paths of ordinary pages, mixed like those of real sites."""
    random = Random(seed)  # noqa: S311 - a corpus, not a key
    shapes = (_plain, _plain, _plain, _dated, _product, _product, _document)
    for shape in cycle(shapes):
        yield shape(random)
