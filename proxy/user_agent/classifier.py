"""What a User-Agent says, in words many people share: browser, system, device, or bot.

No piece of the header itself leaves this module.
"""

from functools import lru_cache

import msgspec

from proxy.user_agent.bots import BotList
from proxy.user_agent.device import Device, device_rules
from proxy.user_agent.names import (
    BROWSER_NAMES,
    BROWSER_RULES,
    SYSTEM_NAMES,
    SYSTEM_RULES,
    TAKEN_BROWSERS,
)
from proxy.user_agent.rules import AgentRules

_MOST_CACHED = 4_096
# Nothing is told by what stands further on; and a cached header must be small.
_LONGEST_AGENT = 1_024
# Versions of browsers end here; a longer number could stand for a person.
_LARGEST_MAJOR = 999


class UserAgent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is kept of a User-Agent; nothing of a bot's."""

    browser: str | None = None
    browser_major: int | None = None
    os: str | None = None
    device: Device | None = None
    bot: bool = False


NO_AGENT = UserAgent()
_BOT = UserAgent(bot=True)


class Classifier:
    """Reads User-Agents, and remembers the latest few thousand in memory."""

    def __init__(self) -> None:
        self._bots = BotList()
        self._rules = AgentRules(BROWSER_RULES, SYSTEM_RULES)
        ours = {name for _, name in BROWSER_RULES}
        kept = ours | TAKEN_BROWSERS | self._rules.fixed_names
        self._browsers = {name: name for name in kept} | BROWSER_NAMES
        self._device = device_rules()
        self._known = lru_cache(maxsize=_MOST_CACHED)(self._read)

    @property
    def cached(self) -> int:
        """How many User-Agents are held in memory."""
        return self._known.cache_info().currsize

    def classify(self, user_agent: str) -> UserAgent:
        """Return what *user_agent* says."""
        return self._known(user_agent[:_LONGEST_AGENT])

    def forget(self) -> None:
        """Empty the cache of User-Agents."""
        self._known.cache_clear()

    def _read(self, user_agent: str) -> UserAgent:
        if self._bots.is_bot(user_agent):
            return _BOT
        found = self._rules.find(user_agent)
        browser = found.browser and self._browsers.get(found.browser)
        return UserAgent(
            browser=browser,
            browser_major=None if browser is None else _major(found.major),
            os=found.os and SYSTEM_NAMES.get(found.os),
            device=self._device(user_agent),
        )


def _major(text: str | None) -> int | None:
    if text is None or not text.isdecimal() or len(text) > len(str(_LARGEST_MAJOR)):
        return None
    return int(text)
