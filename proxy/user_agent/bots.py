"""Which User-Agents are no person: two kept lists, and what they are wrong about.

The lists are is-bot's (libraries, feed readers, headless browsers) and
crawler-user-agents' (named crawlers); a header that says nothing is a bot's, too.
"""

import re

from crawleruseragents import (  # type: ignore[import-untyped] # ships no types
    CRAWLER_USER_AGENTS_DATA,
)
from is_bot import Bots  # type: ignore[import-untyped] # ships no types

from proxy.user_agent.rules import first_of

_BOT = "bot"
_PERHAPS = "perhaps"
# Looking around, which the Rust engine does not do: (?!…), (?<!…), (?=…), (?<=…), with
# at most one group inside.
_LOOK = re.compile(r"\(\?<?[!=](?:[^()]|\([^()]*\))*\)")
# People's software with a word in it that is usual for bots: LG's television, and
# readers of news.
_PEOPLE = re.compile(r"WebAppManager|SmartNews|NewsBreak")


class BotList:
    """Tells bots from people, as far as they say so themselves."""

    def __init__(self) -> None:
        patterns = sorted(Bots().patterns)
        looking = [pattern for pattern in patterns if _LOOK.search(pattern)]
        self._first = first_of(
            [
                *((entry["pattern"], _BOT) for entry in CRAWLER_USER_AGENTS_DATA),
                *(
                    (f"(?i){pattern}", _BOT)
                    for pattern in patterns
                    if pattern not in looking
                ),
                # Without the looking around a pattern finds all it should, and more.
                *((f"(?i){_LOOK.sub('', pattern)}", _PERHAPS) for pattern in looking),
            ]
        )
        self._looking = Bots(looking)

    def is_bot(self, user_agent: str) -> bool:
        """Whether *user_agent* is a bot's, a library's, or nobody's."""
        named = _PEOPLE.sub("", user_agent)
        if not named.strip(" -"):
            return True
        verdict = self._first(named)
        if verdict == _PERHAPS:
            return bool(self._looking.is_bot(named))
        return verdict == _BOT
