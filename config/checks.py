"""What a text value must look like, by the name its ``Format`` gives.

A check returns the value in the one spelling the rest of Millpond expects, or
raises ``RefusedError``. Checks of secrets never quote what they refuse.
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
    """A value is not what its format asks for; the message says what it must be."""

    exit_code = 2


def network(value: str) -> str:
    """Return an address or network in canonical spelling."""
    try:
        found = ip_network(value.strip())
    except ValueError:
        raise RefusedError(f"{value!r} is not an address or network") from None
    if found.prefixlen == 0:
        raise RefusedError(f"{value!r} would trust every sender there is")
    return str(found)


def client_ip(value: str) -> str:
    """Return where the client address comes from, header names in lower case."""
    if value in ("peer", "xff", "forwarded"):
        return value
    kind, _, name = value.partition(":")
    if kind == "header" and _TOKEN.fullmatch(name):
        return f"header:{name.lower()}"
    raise RefusedError(f"must be peer, xff, forwarded or header:NAME, got {value!r}")


def path(value: str) -> str:
    """Return a URL path."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value) or _climbs(value):
        raise RefusedError(f"must be a path such as /m.js, got {value!r}")
    return value


def path_prefix(value: str) -> str:
    """Return a URL path, or nothing; a closing slash is cut."""
    bare = value.rstrip("/")
    return path(bare) if bare else ""


def _climbs(value: str) -> bool:
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
    named = [part for part in parts if part.startswith(":")]
    sound = all(re.fullmatch(r":[a-z][a-z0-9_]*", part) for part in named)
    if parts[0] or not named or not sound or _climbs(value) or set(value) & set("?#"):
        raise RefusedError(f"must be a route such as /reset/:token, got {value!r}")
    return value


def site_id(value: str) -> str:
    """Return the id of a site."""
    if not re.fullmatch(r"[a-z0-9-]{1,64}", value):
        raise RefusedError(f"must be 1 to 64 of a-z, 0-9 and -, got {value!r}")
    return value


def domain(value: str) -> str:
    """Return a host, in lower case; ``*.`` in front takes in every subdomain."""
    host = value.lower().removesuffix(".")
    labels = host.removeprefix("*.").split(".")
    sound = len(host) <= _LONGEST_DOMAIN and all(map(_LABEL.fullmatch, labels))
    if not value.isascii():
        raise RefusedError(
            f"{value!r} must be spelled the way browsers send it (xn--…)"
        )
    if not (sound or _is_address(host)):
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
    """Return the name of an IANA time zone this machine knows."""
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise RefusedError(
            f"{value!r} is not an IANA time zone such as Europe/Berlin"
        ) from None
    return value


def currency(value: str) -> str:
    """Return an ISO 4217 code; whether it exists is the proxy's to know."""
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise RefusedError(f"must be an ISO 4217 code such as EUR, got {value!r}")
    return value


def key(value: str) -> str:
    """Return a public key by which a client names a site."""
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
    """Return the absolute path of a file, or nothing."""
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
    """Return a Redis URL, the absolute path of a directory, or nothing."""
    if "://" not in value:
        return file(value, base)
    try:
        url = urlsplit(value)
        sound = url.scheme in REDIS_SCHEMES and url.hostname and url.port != 0
    except ValueError:
        sound = False
    if not sound:
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
    """Return *value* as format *name* spells it; paths are taken from *base*."""
    if name is None:
        return value
    if name in PLACES:
        return PLACES[name](value, base)
    return TEXTS[name](value)


def has_password(format_name: str | None, value: str) -> bool:
    """Whether *value* is a URL that carries a password."""
    return format_name == "salt_store" and "@" in value


def masked(format_name: str | None, value: str) -> str:
    """Return *value* with whatever is secret in it replaced by stars."""
    if format_name == "secret_key":
        return "sha256:***"
    if has_password(format_name, value):
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return value
