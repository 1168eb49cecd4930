"""The format checks of text values, by the name in the setting's ``Format``.

A check returns the value in the one spelling that the rest of Millpond expects, or
raises ``RefusedError``. Checks of secrets never quote the refused value.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from config.errors import MillpondError

REDIS_SCHEMES = ("redis", "rediss")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_DOMAIN = 253


class RefusedError(MillpondError):
    """A value does not match its format; the message says what the format is."""

    exit_code = 2


def network(value: str) -> str:
    """Return an address or network in canonical spelling."""
    try:
        parsed = ip_network(value.strip())
    except ValueError:
        raise RefusedError(f"{value!r} is not an address or network") from None
    if parsed.prefixlen == 0:
        raise RefusedError(f"{value!r} would trust every sender")
    return str(parsed)


def client_ip(value: str) -> str:
    """Return the source of the client address, with header names in lower case."""
    if value in ("peer", "xff", "forwarded"):
        return value
    kind, _, name = value.partition(":")
    if kind == "header" and _TOKEN.fullmatch(name):
        return f"header:{name.lower()}"
    raise RefusedError(f"must be peer, xff, forwarded or header:NAME, got {value!r}")


def path(value: str) -> str:
    """Return a URL path."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value) or _has_dot_segment(value):
        raise RefusedError(f"must be a path such as /m.js, got {value!r}")
    return value


def path_prefix(value: str) -> str:
    """Return a URL path, or an empty string; a trailing slash is removed."""
    bare = value.rstrip("/")
    return path(bare) if bare else ""


def public_url(value: str) -> str:
    """Return a URL with a host and no more than a path, or an empty string."""
    bare = value.rstrip("/")
    match = re.fullmatch(r"(https?://)([A-Za-z0-9.-]+(?::[0-9]{1,5})?)(/.*)?", bare)
    if bare and match is None:
        raise RefusedError(
            f"must be a URL such as https://shop.example/stats, got {value!r}"
        )
    if match is not None and match[3]:
        path(match[3])
    return bare


def _has_dot_segment(value: str) -> bool:
    return any(part in (".", "..") for part in value.split("/"))


def query_key(value: str) -> str:
    """Return the name of a query parameter."""
    if not re.fullmatch(r"[A-Za-z0-9._~\[\]-]{1,64}", value):
        raise RefusedError(f"{value!r} is not the name of a query parameter")
    return value


def prop_key(value: str) -> str:
    """Return the name of an event property."""
    if not re.fullmatch(r"[A-Za-z0-9_.:$ -]{1,64}", value):
        raise RefusedError(f"{value!r} is not the name of a property")
    return value


def path_rule(value: str) -> str:
    """Return a route template such as /reset/:token."""
    parts = value.split("/")
    parameters = [part for part in parts if part.startswith(":")]
    is_valid = (
        not parts[0]
        and bool(parameters)
        and all(re.fullmatch(r":[a-z][a-z0-9_]*", part) for part in parameters)
        and not _has_dot_segment(value)
        and not set(value) & set("?#")
    )
    if not is_valid:
        raise RefusedError(f"must be a route such as /reset/:token, got {value!r}")
    return value


def site_id(value: str) -> str:
    """Return the id of a site."""
    if not re.fullmatch(r"[a-z0-9-]{1,64}", value):
        raise RefusedError(f"must be 1 to 64 of a-z, 0-9 and -, got {value!r}")
    return value


def domain(value: str) -> str:
    """Return a host in lower case; the prefix ``*.`` includes every subdomain."""
    host = value.lower().removesuffix(".")
    labels = host.removeprefix("*.").split(".")
    is_valid = len(host) <= _LONGEST_DOMAIN and all(map(_LABEL.fullmatch, labels))
    if not value.isascii():
        raise RefusedError(f"{value!r} must be spelled as browsers send it (xn--…)")
    if not (is_valid or _is_address(host)):
        raise RefusedError(
            f"{value!r} is not a host such as shop.example or *.shop.example"
        )
    return host


def _is_address(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv4Address)
    except ValueError:
        return False


def timezone(value: str) -> str:
    """Return the name of an IANA time zone that this machine knows."""
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise RefusedError(
            f"{value!r} is not an IANA time zone such as Europe/Berlin"
        ) from None
    return value


def currency(value: str) -> str:
    """Return a text of the form of an ISO 4217 code.

    The proxy checks whether the currency exists.
    """
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise RefusedError(f"must be an ISO 4217 code such as EUR, got {value!r}")
    return value


def key(value: str) -> str:
    """Return a public key with which a client identifies a site."""
    if not re.fullmatch(r"[\x21-\x7e]{1,128}", value):
        raise RefusedError("must be 1 to 128 visible ASCII characters")
    return value


def secret_key(value: str) -> str:
    """Return the digest of a secret key."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", value.lower()):
        raise RefusedError("must be sha256: and 64 hex digits, never the key itself")
    return value.lower()


def directory(value: str, base: Path) -> str:
    """Return the absolute path of a directory."""
    if not value.strip():
        raise RefusedError("must name a directory")
    return file(value, base)


def file(value: str, base: Path) -> str:
    """Return the absolute path of a file, or an empty string."""
    if "://" in value or "\0" in value:
        raise RefusedError("must be a path on this machine")
    if not value:
        return ""
    try:
        return str((base / Path(value).expanduser()).resolve())
    except RuntimeError:
        raise RefusedError("~ must be followed by a user of this machine") from None


def warehouse(value: str, base: Path) -> str:
    """Return the absolute path of the warehouse."""
    if value.startswith("s3://"):
        raise RefusedError("object stores are not supported yet; name a directory")
    return directory(value, base)


def salt_store(value: str, base: Path) -> str:
    """Return a Redis URL, the absolute path of a directory, or an empty string."""
    if "://" not in value:
        return file(value, base)
    try:
        url = urlsplit(value)
        is_valid = url.scheme in REDIS_SCHEMES and url.hostname and url.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise RefusedError(
            "must be a directory or a URL such as redis://127.0.0.1:6379/0"
        )
    return value


TEXTS: dict[str, Callable[[str], str]] = {
    check.__name__: check
    for check in (
        network,
        client_ip,
        path,
        path_prefix,
        public_url,
        query_key,
        prop_key,
        path_rule,
        site_id,
        domain,
        timezone,
        currency,
        key,
        secret_key,
    )
}
PLACES: dict[str, Callable[[str, Path], str]] = {
    check.__name__: check for check in (directory, file, warehouse, salt_store)
}


def check(name: str | None, value: str, base: Path) -> str:
    """Return *value* as format *name* spells it.

    Relative paths start at *base*.
    """
    if name is None:
        return value
    if name in PLACES:
        return PLACES[name](value, base)
    return TEXTS[name](value)


def has_password(format_name: str | None, value: str) -> bool:
    """Return whether *value* is a URL that contains a password."""
    return format_name == "salt_store" and "@" in value


def masked(format_name: str | None, value: str) -> str:
    """Return *value* with its secret parts replaced by stars."""
    if format_name == "secret_key":
        return "sha256:***"
    if has_password(format_name, value):
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return value
