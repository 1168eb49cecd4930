"""Matches many patterns against a User-Agent at once; the door of ua-parser.

ua-parser's Rust engine searches for the literal parts of all patterns in one pass, so
two thousand patterns cost little more than one.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ua_parser.core import OS, Domain, Matcher, UserAgent
from ua_parser.lazy import OSMatcher, UserAgentMatcher
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

# A pattern, and the name that it stands for.
Rule = tuple[str, str]

_BOTH = Domain.USER_AGENT | Domain.OS


class AgentMatch(NamedTuple):
    """The result of ua-parser; names may be parts of the header itself."""

    browser: str | None
    major: str | None
    os: str | None


def build_first_match(rules: Iterable[Rule]) -> Callable[[str], str | None]:
    """Return a function from a text to the name of the first rule that matches it."""
    resolve = Resolver((_browser_matchers(rules), [], []))

    def first_match(text: str) -> str | None:
        browser = resolve(text, Domain.USER_AGENT).user_agent
        return None if browser is None else browser.family

    return first_match


class AgentRules:
    """ua-parser's rules for browsers and systems, after rules of our own.

    Its device rules are not loaded: they name device models, and cost 24 MB.
    """

    def __init__(self, browsers: Iterable[Rule], systems: Iterable[Rule]) -> None:
        parser_browsers, parser_systems, _ = load_lazy_builtins()
        # Only names written in the rules, not names copied from the header.
        self.fixed_names = frozenset(
            matcher.family
            for matcher in parser_browsers
            if isinstance(matcher, UserAgentMatcher) and "$" not in matcher.family
        )
        own_systems: list[Matcher[OS]] = [OSMatcher(*rule) for rule in systems]
        self._resolve = Resolver(
            (
                _browser_matchers(browsers) + parser_browsers,
                own_systems + parser_systems,
                [],
            )
        )

    def find(self, user_agent: str) -> AgentMatch:
        """Return the names of the first rules that match *user_agent*."""
        result = self._resolve(user_agent, _BOTH)
        browser = result.user_agent
        return AgentMatch(
            None if browser is None else browser.family,
            None if browser is None else browser.major,
            None if result.os is None else result.os.family,
        )


def _browser_matchers(rules: Iterable[Rule]) -> list[Matcher[UserAgent]]:
    return [UserAgentMatcher(*rule) for rule in rules]
