"""The closed set of reasons to drop a hit, and the counts not yet written."""

from collections import Counter
from datetime import date
from enum import StrEnum

import msgspec

from proxy.user_agent.bot_kind import BotKind
from warehouse.unknown_sites import UNKNOWN_SITE_ID


class DropReason(StrEnum):
    """Every reason for which a hit is not stored."""

    OPT_OUT = "opt_out"
    GPC = "gpc"
    DNT = "dnt"
    UNKNOWN_SITE = "unknown_site"
    FOREIGN_ORIGIN = "foreign_origin"
    MALFORMED = "malformed"
    BAD_NAME = "bad_name"
    BAD_PAGE = "bad_page"
    BAD_ORDER = "bad_order"
    TOO_OLD = "too_old"
    BAD_TIME = "bad_time"
    BOT = "bot"
    IDENTITY = "identity"
    AUTOMATIC = "automatic"
    TOO_MANY_VISITORS = "too_many_visitors"
    REFERRER_SPAM = "referrer_spam"
    DUPLICATE = "duplicate"


# An objection leaves no trace, not even in a count (TRUST 5.3).
UNCOUNTED = frozenset({DropReason.OPT_OUT, DropReason.GPC, DropReason.DNT})


class Dropped(msgspec.Struct, frozen=True):
    """The outcome of a hit that is not stored; *bot_kind* if the reason is a bot."""

    reason: DropReason
    site: str = UNKNOWN_SITE_ID
    bot_kind: BotKind | None = None


class DropKey(msgspec.Struct, frozen=True):
    """The values that one drop count is kept by."""

    site: str
    day: date
    hour: int
    reason: DropReason
    protocol: str
    bot_kind: BotKind | None = None


DropCounts = Counter[DropKey]
