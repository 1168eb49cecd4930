"""Recognizes the User-Agents of bots by two lists, and corrects the lists' errors.

The lists are those of is-bot (libraries, feed readers, headless browsers) and of
crawler-user-agents (named crawlers). An empty header also counts as a bot.
"""

import re

from crawleruseragents import (  # type: ignore[import-untyped] # ships no types
    CRAWLER_USER_AGENTS_DATA,
)
from is_bot import Bots  # type: ignore[import-untyped] # ships no types

from proxy.user_agent.rules import build_first_match

_BOT = "bot"
_POSSIBLE_BOT = "perhaps"
# Look-around, which the Rust engine does not support: (?!…), (?<!…), (?=…), (?<=…),
# with at most one group inside.
_LOOK_AROUND = re.compile(r"\(\?<?[!=](?:[^()]|\([^()]*\))*\)")
# Software used by people that contains a word typical of bots: LG's television, and
# news readers.
_NOT_BOTS = re.compile(r"WebAppManager|SmartNews|NewsBreak")


class BotList:
    """Recognizes bots that identify themselves in their User-Agent."""

    def __init__(self) -> None:
        patterns = sorted(Bots().patterns)
        look_around = [pattern for pattern in patterns if _LOOK_AROUND.search(pattern)]
        self._first_match = build_first_match(
            [
                *((entry["pattern"], _BOT) for entry in CRAWLER_USER_AGENTS_DATA),
                *(
                    (f"(?i){pattern}", _BOT)
                    for pattern in patterns
                    if pattern not in look_around
                ),
                # Without look-around a pattern matches everything it should, and more.
                *(
                    (f"(?i){_LOOK_AROUND.sub('', pattern)}", _POSSIBLE_BOT)
                    for pattern in look_around
                ),
            ]
        )
        self._look_around = Bots(look_around)

    def is_bot(self, user_agent: str) -> bool:
        """Return whether *user_agent* is of a bot or a library, or is empty."""
        text = _NOT_BOTS.sub("", user_agent)
        if not text.strip(" -"):
            return True
        verdict = self._first_match(text)
        if verdict == _POSSIBLE_BOT:
            return bool(self._look_around.is_bot(text))
        return verdict == _BOT
