"""Classifies a User-Agent by browser, system and device, or as a bot.

Every class is shared by many people; no part of the header itself leaves this module.
"""

from functools import lru_cache

import msgspec

from proxy.user_agent.bot_kind import BotKind
from proxy.user_agent.bots import BotList
from proxy.user_agent.device import Device, build_device_rules
from proxy.user_agent.names import (
    BROWSER_NAMES,
    BROWSER_RULES,
    CAPTURED_BROWSERS,
    SYSTEM_NAMES,
    SYSTEM_RULES,
)
from proxy.user_agent.rules import AgentRules

_MAX_CACHED = 4_096
# Text further right says nothing useful, and a cached header must be small.
_MAX_AGENT_LENGTH = 1_024
# Real browser versions are smaller; a longer number could identify a person.
_MAX_MAJOR = 999


class UserAgent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is stored of a User-Agent; of a bot's, only the kind of the bot."""

    browser: str | None = None
    browser_major: int | None = None
    os: str | None = None
    device: Device | None = None
    bot: BotKind | None = None


NO_AGENT = UserAgent()


class Classifier:
    """Classifies User-Agents, and caches the latest few thousand in memory."""

    def __init__(self) -> None:
        self._bots = BotList()
        self._rules = AgentRules(BROWSER_RULES, SYSTEM_RULES)
        own_names = {name for _, name in BROWSER_RULES}
        names = own_names | CAPTURED_BROWSERS | self._rules.fixed_names
        self._browser_names = {name: name for name in names} | BROWSER_NAMES
        self._device = build_device_rules()
        self._cached = lru_cache(maxsize=_MAX_CACHED)(self._classify)

    @property
    def cached(self) -> int:
        """Return how many User-Agents the cache holds."""
        return self._cached.cache_info().currsize

    def classify(self, user_agent: str) -> UserAgent:
        """Return the classes of *user_agent*."""
        return self._cached(user_agent[:_MAX_AGENT_LENGTH])

    def forget(self) -> None:
        """Empty the cache of User-Agents."""
        self._cached.cache_clear()

    def _classify(self, user_agent: str) -> UserAgent:
        bot = self._bots.kind(user_agent)
        if bot is not None:
            return UserAgent(bot=bot)
        match = self._rules.find(user_agent)
        browser = match.browser and self._browser_names.get(match.browser)
        return UserAgent(
            browser=browser,
            browser_major=None if browser is None else _parse_major(match.major),
            os=match.os and SYSTEM_NAMES.get(match.os),
            device=self._device(user_agent),
        )


def _parse_major(text: str | None) -> int | None:
    if text is None or not text.isdecimal() or len(text) > len(str(_MAX_MAJOR)):
        return None
    return int(text)
