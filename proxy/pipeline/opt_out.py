"""Objections: checked before any other fact of the sender is read.

An objection stores nothing that could show who objected.
"""

from enum import StrEnum

import msgspec
from multidict import MultiMapping, istr

from config.settings import PrivacySettings

# The cookie that /optout sets; only its presence counts.
COOKIE = "noanalytics"

_COOKIE_HEADER = istr("Cookie")
_GPC_HEADER = istr("Sec-GPC")
_DNT_HEADER = istr("DNT")
_TRUE = "1"


class Objection(StrEnum):
    """What an objection requires; the last three drop the hit."""

    NONE = "none"
    STRIP = "strip"
    OPT_OUT = "opt_out"
    GPC = "gpc"
    DNT = "dnt"


class ObjectionSignals(msgspec.Struct, frozen=True, gc=False):
    """The objections of a sender, without those in a hit itself."""

    opt_out: bool = False
    gpc: bool = False
    dnt: bool = False


# Shared by most senders, which send no objection.
NO_SIGNALS = ObjectionSignals()


def parse_signals(headers: MultiMapping[str]) -> ObjectionSignals:
    """Return the objections in the opt-out cookie, Sec-GPC and DNT."""
    opt_out = has_opted_out(headers)
    gpc, dnt = _has_signal(headers, _GPC_HEADER), _has_signal(headers, _DNT_HEADER)
    return ObjectionSignals(opt_out, gpc, dnt) if opt_out or gpc or dnt else NO_SIGNALS


def resolve_objection(
    signals: ObjectionSignals,
    privacy: PrivacySettings,
    hit_opt_out: bool,  # noqa: FBT001 - a fact of the hit, not a mode of this function
) -> Objection:
    """Return the strongest objection among the sender's signals and the hit itself.

    An explicit opt-out always drops the hit; the settings decide what Sec-GPC and DNT
    do.
    """
    if hit_opt_out or signals.opt_out:
        return Objection.OPT_OUT
    if signals is NO_SIGNALS:
        return Objection.NONE
    gpc = privacy.gpc if signals.gpc else "ignore"
    dnt = privacy.dnt if signals.dnt else "ignore"
    if gpc == "drop":
        return Objection.GPC
    if dnt == "drop":
        return Objection.DNT
    return Objection.STRIP if "strip" in (gpc, dnt) else Objection.NONE


def has_opted_out(headers: MultiMapping[str]) -> bool:
    """Return whether the request carries the opt-out cookie."""
    if _COOKIE_HEADER not in headers:
        return False
    return any(
        COOKIE in line and any(map(_is_opt_out, line.split(";")))
        for line in headers.getall(_COOKIE_HEADER)
    )


def _is_opt_out(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return name.strip() == COOKIE and value.strip().strip('"') == _TRUE


def _has_signal(headers: MultiMapping[str], name: istr) -> bool:
    # The common case first: most requests carry neither signal.
    if name not in headers:
        return False
    return any(value.strip() == _TRUE for value in headers.getall(name))
