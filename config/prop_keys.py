"""Judges the names of event properties: which hold only personal data, which hold ids.

The names are compared by their words, so that ``customerEmail``, ``billing-email-1``
and ``email`` are alike.
"""

import re
import unicodedata
from itertools import pairwise


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")

# Personal in every combination: names, birth, secrets, bank, place.
_ALWAYS = _set(
    "surname firstname lastname fullname forename nickname username familyname "
    "givenname maidenname birthdate birthday birthplace birth dob ssn iban bic swift "
    "passport password passwd pwd passwort street latitude longitude lat lng lon "
    "geolocation useragent ipaddress vorname nachname geburtsdatum geburtstag strasse "
    "prenom naissance rue apellido apellidos nacimiento calle contrasena cognome"
)
# Personal as the last word: ``billing_email``, but not ``email_opened``.
_LAST = _set(
    "email mail phone telephone tel mobile fax cell ip cookie cookies token secret "
    "address addr apikey jwt msisdn telefon handy mobil adresse anschrift telefono "
    "correo direccion indirizzo courriel"
)
_LAST_PAIRS = frozenset(
    {("user", "agent"), ("session", "id"), ("card", "number"), ("api", "key")}
)
# These words say which form of the value follows: ``email_hash``, ``phone_number``.
_FORMS = _set(
    "address addr number no nr hash hashed sha sha256 md5 value text raw line v4 v6 "
    "verified plain string home work private business"
)
_PERSONS = _set(
    "first last full family given maiden middle second real legal display user "
    "customer client contact person member account billing shipping recipient buyer "
    "holder cardholder patient guest employee sender owner author subscriber student"
)
# Written without a separator: ``customeremail``, ``contactname``.
_ENDINGS = (
    *("email", "password", "passwort", "surname", "lastname", "firstname", "fullname"),
    *("username", "birthdate", "birthday", "ipaddress"),
    *(f"{person}name" for person in sorted(_PERSONS)),
)

_IDS = _set("id ids uuid guid uid")
_NUMBERS = _set("number no nr num ref reference code key")
# Things that are one person's, or that only one person has.
_PERSONAL_THINGS = _set(
    "user customer client member account visitor session device order cart checkout "
    "basket transaction payment invoice receipt booking reservation ticket message "
    "subscriber subscription lead contact person profile employee patient anonymous "
    "distinct actor claim tracking shipment refund login purchase visit kunde kunden "
    "bestellung bestell rechnung commande facture pedido factura"
)
# Things that are the same for everybody.
_PUBLIC_THINGS = _set(
    "product products item items variant sku category categories collection page post "
    "article video campaign ad ads adgroup adset creative placement experiment "
    "variation test form plan store shop location brand list banner promotion feature "
    "content template theme app version currency language block widget section "
    "element button layout tag author site event course lesson film movie song track"
)


def holds_only_personal_data(key: str) -> bool:
    """Whether the values of property *key* are personal, whatever they look like."""
    words = _words(key)
    if not _ALWAYS.isdisjoint(words) or "".join(words) in _ALWAYS | _LAST:
        return True
    if any(word.endswith(_ENDINGS) and word not in _LAST for word in words):
        return True
    if any(first in _PERSONS and second == "name" for first, second in pairwise(words)):
        return True
    while len(words) > 1 and (words[-1] in _FORMS - _LAST or words[-1].isdigit()):
        if tuple(words[-2:]) in _LAST_PAIRS:
            return True
        words = words[:-1]
    if tuple(words[-2:]) in _LAST_PAIRS:
        return True
    return bool(words) and words[-1] in _LAST


def names_id(key: str) -> bool:
    """Whether the values of property *key* are ids of a person or of an order."""
    words = [word for word in _words(key) if not word.isdigit()]
    if not words:
        return False
    if words[-1] in _IDS:
        return _PUBLIC_THINGS.isdisjoint(words)
    if words[-1] in _NUMBERS:
        return not _PERSONAL_THINGS.isdisjoint(words[:-1])
    return _is_joined_id("".join(words[-1:]))


def _is_joined_id(word: str) -> bool:
    """Whether *word* is written without a separator: ``userid``, ``orderno``."""
    return any(
        word.endswith(ending) and word.removesuffix(ending) in _PERSONAL_THINGS
        for ending in _IDS | _NUMBERS
    )


def _words(key: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", key.replace("ß", "ss"))
    return [word.lower() for word in _WORD.findall(_without_marks(plain))]


def _without_marks(text: str) -> str:
    return "".join(sign for sign in text if not unicodedata.combining(sign))
