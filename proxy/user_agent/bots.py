"""Recognizes the User-Agents of bots by two lists, and the kind of each bot.

The lists are those of is-bot (libraries, feed readers, headless browsers) and of
crawler-user-agents (named crawlers), with our corrections. An empty header is a bot's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from crawleruseragents import (  # type: ignore[import-untyped] # ships no types
    CRAWLER_USER_AGENTS_DATA,
)
from is_bot import Bots  # type: ignore[import-untyped] # ships no types

from proxy.user_agent.bot_kind import BotKind
from proxy.user_agent.bot_rules import (
    CORRECTED_CRAWLERS,
    CORRECTED_WORDS,
    KINDS_OF_TAGS,
    KINDS_OF_WORDS,
    OWN_RULES,
)
from proxy.user_agent.people import without_people
from proxy.user_agent.rules import Rule, build_first_match

# Look-around, which the Rust engine does not support: (?!…), (?<!…), (?=…), (?<=…),
# with at most one group inside.
_LOOK_AROUND = re.compile(r"\(\?<?[!=](?:[^()]|\([^()]*\))*\)")
# Before the kind of a pattern that is tried without its look-around.
_POSSIBLE = "?"
_OTHER = BotKind.OTHER


class BotList:
    """Recognizes bots that identify themselves in their User-Agent."""

    def __init__(self) -> None:
        # A word that names a kind decides before a word that fits any bot.
        words = sorted(
            Bots().patterns, key=lambda word: (kind_of_word(word) is _OTHER, word)
        )
        certain = [word for word in words if not _LOOK_AROUND.search(word)]
        possible = [word for word in words if _LOOK_AROUND.search(word)]
        self._first_match = build_first_match(
            [
                *OWN_RULES,
                *_crawler_rules(CRAWLER_USER_AGENTS_DATA),
                *_word_rules(certain),
                # Without look-around a pattern matches everything it should, and more.
                *(
                    (
                        f"(?i){_LOOK_AROUND.sub('', word)}",
                        _POSSIBLE + kind_of_word(word),
                    )
                    for word in possible
                ),
            ]
        )
        self._look_around = Bots(possible)

    def kind(self, user_agent: str) -> BotKind | None:
        """Return the kind of the bot that *user_agent* names, None for a person's."""
        if not user_agent.strip(" -"):
            return BotKind.NONE_GIVEN
        # Nearly all headers are people's, and end here.
        if self._first_match(user_agent) is None:
            return None
        text = without_people(user_agent)
        name = self._first_match(text)
        if name is None:
            return None
        if name.startswith(_POSSIBLE):
            name = name.removeprefix(_POSSIBLE)
            return BotKind(name) if self._look_around.is_bot(text) else None
        return BotKind(name)


def kind_of_word(word: str) -> BotKind:
    """Return the kind of a pattern of is-bot."""
    return KINDS_OF_WORDS.get(word, _OTHER)


def _crawler_rules(entries: Iterable[Mapping[str, Sequence[str]]]) -> Iterator[Rule]:
    for entry in entries:
        pattern = entry["pattern"]
        corrected = CORRECTED_CRAWLERS.get(str(pattern), str(pattern))
        if corrected is not None:
            yield corrected, _kind_of_tags(entry["tags"])


def _kind_of_tags(tags: Sequence[str]) -> BotKind:
    kinds = (kind for tag, kind in KINDS_OF_TAGS.items() if tag in tags)
    return next(kinds, _OTHER)


def _word_rules(words: Iterable[str]) -> Iterator[Rule]:
    for word in words:
        corrected = CORRECTED_WORDS.get(word, word)
        if corrected is not None:
            yield f"(?i){corrected}", kind_of_word(word)
