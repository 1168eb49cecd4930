"""Many patterns tried on a User-Agent at once; the only door to ua-parser.

Its Rust engine looks for the literal parts of all patterns in one pass, so that two
thousand patterns cost little more than one.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ua_parser.core import OS, Domain, Matcher, UserAgent
from ua_parser.lazy import OSMatcher, UserAgentMatcher
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

# A pattern, and the name of what it recognises.
Rule = tuple[str, str]

_BOTH = Domain.USER_AGENT | Domain.OS


class AgentMatch(NamedTuple):
    """What ua-parser reads; names may be pieces of the header itself."""

    browser: str | None
    major: str | None
    os: str | None


def first_of(rules: Iterable[Rule]) -> Callable[[str], str | None]:
    """Return a function that gives the name of the first of *rules* that matches."""
    resolve = Resolver((_browser_matchers(rules), [], []))

    def first(text: str) -> str | None:
        found = resolve(text, Domain.USER_AGENT).user_agent
        return None if found is None else found.family

    return first


class AgentRules:
    """ua-parser's rules for browsers and systems, ours tried before them.

    Its rules for devices name models, which are not wanted and cost 24 MB.
    """

    def __init__(self, browsers: Iterable[Rule], systems: Iterable[Rule]) -> None:
        their_browsers, their_systems, _ = load_lazy_builtins()
        # Names a rule spells out itself, not those it takes from the header.
        self.fixed_names = frozenset(
            matcher.family
            for matcher in their_browsers
            if isinstance(matcher, UserAgentMatcher) and "$" not in matcher.family
        )
        our_systems: list[Matcher[OS]] = [OSMatcher(*rule) for rule in systems]
        self._resolve = Resolver(
            (
                _browser_matchers(browsers) + their_browsers,
                our_systems + their_systems,
                [],
            )
        )

    def find(self, user_agent: str) -> AgentMatch:
        """Return what the first matching rules say of *user_agent*."""
        result = self._resolve(user_agent, _BOTH)
        browser = result.user_agent
        return AgentMatch(
            None if browser is None else browser.family,
            None if browser is None else browser.major,
            None if result.os is None else result.os.family,
        )


def _browser_matchers(rules: Iterable[Rule]) -> list[Matcher[UserAgent]]:
    return [UserAgentMatcher(*rule) for rule in rules]
