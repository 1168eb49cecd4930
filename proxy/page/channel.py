"""The channel: the class of what brought somebody, by ordered rules kept as data."""

import tomllib

import msgspec

from proxy.lists import DATA
from proxy.page.sources import SourceClass

DIRECT = "direct"
INTERNAL = "internal"


class Acquisition(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of how somebody came; text as its sender wrote it."""

    kind: SourceClass | None = None
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    click: str | None = None
    referrer: bool = False


class Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"kind": "class"}
):
    """One line of the table: every condition that is set must hold."""

    channel: str
    kind: SourceClass | None = None
    paid: bool = False
    paid_medium: bool = False
    click: bool = False
    medium: frozenset[str] = frozenset()
    medium_has: tuple[str, ...] = ()
    medium_ends: tuple[str, ...] = ()
    source: frozenset[str] = frozenset()
    campaign_has: tuple[str, ...] = ()
    tagged: bool = False
    referrer: bool = False


class _ChannelTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    paid: tuple[str, ...]
    rule: tuple[Rule, ...]


class _RuleInput(msgspec.Struct, frozen=True):
    """An acquisition in the spelling the rules use."""

    kind: SourceClass | None
    source: str
    medium: str
    campaign: str
    click: str
    paid: bool
    paid_medium: bool
    tagged: bool
    referrer: bool


class Channels:
    """The table of rules, read once."""

    def __init__(self) -> None:
        text = (DATA / "channels.toml").read_text(encoding="utf-8")
        table = msgspec.convert(tomllib.loads(text), _ChannelTable)
        self._paid = table.paid
        self.rules = table.rule

    def channel(self, acquisition: Acquisition) -> str:
        """Return the channel of the first rule that holds."""
        facts = self._facts(acquisition)
        # The last rule has no condition.
        rule = next(rule for rule in self.rules if _holds(rule, facts))
        return facts.click if rule.click else rule.channel

    def _facts(self, known: Acquisition) -> _RuleInput:
        source = _plain(known.source)
        medium = _plain(known.medium)
        campaign = _plain(known.campaign)
        click = known.click or ""
        paid_medium = medium.startswith(self._paid)
        return _RuleInput(
            kind=known.kind,
            source=source,
            medium=medium,
            campaign=campaign,
            click=click,
            paid=paid_medium or click.startswith("paid_"),
            paid_medium=paid_medium,
            tagged=bool(source or medium or campaign),
            referrer=known.referrer,
        )


def _plain(text: str | None) -> str:
    plain = (text or "").lower().replace("_", "-").replace(" ", "-")
    # Google Analytics' way to say nothing.
    return "" if plain in ("(none)", "(not-set)", "(direct)") else plain


def _holds(rule: Rule, facts: _RuleInput) -> bool:
    return (
        (rule.kind is None or rule.kind is facts.kind)
        and (not rule.paid or facts.paid)
        and (not rule.paid_medium or facts.paid_medium)
        and (not rule.click or facts.click != "")
        and (not rule.medium or facts.medium in rule.medium)
        and _has(facts.medium, rule.medium_has)
        and (not rule.medium_ends or facts.medium.endswith(rule.medium_ends))
        and (not rule.source or facts.source in rule.source)
        and _has(facts.campaign, rule.campaign_has)
        and (not rule.tagged or facts.tagged)
        and (not rule.referrer or facts.referrer)
    )


def _has(text: str, parts: tuple[str, ...]) -> bool:
    return not parts or any(part in text for part in parts)
