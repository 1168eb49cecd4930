"""Objections: heard before anything about the sender is looked at.

An objection leaves nothing behind that could tell who objected.
"""

from enum import StrEnum

import msgspec
from multidict import MultiMapping, istr

from config.settings import PrivacySettings

# The cookie that /optout sets; its presence is the whole message.
COOKIE = "noanalytics"

_COOKIE_HEADER = istr("Cookie")
_GPC_HEADER = istr("Sec-GPC")
_DNT_HEADER = istr("DNT")
_OBJECTS = "1"


class Objection(StrEnum):
    """What a sender's objection asks for; the last three keep nothing."""

    NONE = "none"
    STRIP = "strip"
    OPT_OUT = "opt_out"
    GPC = "gpc"
    DNT = "dnt"


class ObjectionSignals(msgspec.Struct, frozen=True, gc=False):
    """What a sender says of being counted, apart from what a hit says itself."""

    opt_out: bool = False
    gpc: bool = False
    dnt: bool = False


# Most senders say nothing.
SILENT = ObjectionSignals()


def signals_of(headers: MultiMapping[str]) -> ObjectionSignals:
    """Return what the cookie and the browser's signals say."""
    opt_out = has_opted_out(headers)
    gpc, dnt = _signals(headers, _GPC_HEADER), _signals(headers, _DNT_HEADER)
    return ObjectionSignals(opt_out, gpc, dnt) if opt_out or gpc or dnt else SILENT


def objection(
    signals: ObjectionSignals,
    privacy: PrivacySettings,
    hit_opt_out: bool,  # noqa: FBT001 - a fact of the hit, not a mode of this function
) -> Objection:
    """Return the strongest objection of a sender's signals and the hit itself.

    An explicit opt-out always drops; Sec-GPC and DNT do what the settings say.
    """
    if hit_opt_out or signals.opt_out:
        return Objection.OPT_OUT
    if signals is SILENT:
        return Objection.NONE
    gpc = privacy.gpc if signals.gpc else "ignore"
    dnt = privacy.dnt if signals.dnt else "ignore"
    if gpc == "drop":
        return Objection.GPC
    if dnt == "drop":
        return Objection.DNT
    return Objection.STRIP if "strip" in (gpc, dnt) else Objection.NONE


def has_opted_out(headers: MultiMapping[str]) -> bool:
    """Whether the request carries the opt-out cookie."""
    if _COOKIE_HEADER not in headers:
        return False
    return any(
        COOKIE in line and any(map(_is_opt_out, line.split(";")))
        for line in headers.getall(_COOKIE_HEADER)
    )


def _is_opt_out(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return name.strip() == COOKIE and value.strip().strip('"') == _OBJECTS


def _signals(headers: MultiMapping[str], name: istr) -> bool:
    # Most requests carry neither signal, and this is asked of every one of them.
    if name not in headers:
        return False
    return any(value.strip() == _OBJECTS for value in headers.getall(name))
