"""The channel of a visit, from the ordered rules in ``proxy/data/channels.toml``."""

import tomllib

import msgspec

from proxy.lists import DATA
from proxy.page.sources import SourceClass

DIRECT = "direct"
INTERNAL = "internal"


class Acquisition(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about how a visitor arrived; texts are as the URL has them."""

    kind: SourceClass | None = None
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    click: str | None = None
    referrer: bool = False


class Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"kind": "class"}
):
    """One rule of the table: all its conditions must hold."""

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
    """An acquisition with normalized texts, for comparison with the rules."""

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
    """The table of channel rules; loads its file once."""

    def __init__(self) -> None:
        text = (DATA / "channels.toml").read_text(encoding="utf-8")
        table = msgspec.convert(tomllib.loads(text), _ChannelTable)
        self._paid = table.paid
        self.rules = table.rule

    def channel(self, acquisition: Acquisition) -> str:
        """Return the channel of the first rule that holds."""
        rule_input = self._rule_input(acquisition)
        # The last rule has no condition, so there is always one that holds.
        rule = next(rule for rule in self.rules if _holds(rule, rule_input))
        return rule_input.click if rule.click else rule.channel

    def _rule_input(self, acquisition: Acquisition) -> _RuleInput:
        source = _normalize(acquisition.source)
        medium = _normalize(acquisition.medium)
        campaign = _normalize(acquisition.campaign)
        click = acquisition.click or ""
        paid_medium = medium.startswith(self._paid)
        return _RuleInput(
            kind=acquisition.kind,
            source=source,
            medium=medium,
            campaign=campaign,
            click=click,
            paid=paid_medium or click.startswith("paid_"),
            paid_medium=paid_medium,
            tagged=bool(source or medium or campaign),
            referrer=acquisition.referrer,
        )


def _normalize(text: str | None) -> str:
    normal = (text or "").lower().replace("_", "-").replace(" ", "-")
    # Google Analytics writes these for a missing value.
    return "" if normal in ("(none)", "(not-set)", "(direct)") else normal


def _holds(rule: Rule, rule_input: _RuleInput) -> bool:
    medium = rule_input.medium
    return (
        (rule.kind is None or rule.kind is rule_input.kind)
        and (not rule.paid or rule_input.paid)
        and (not rule.paid_medium or rule_input.paid_medium)
        and (not rule.click or rule_input.click != "")
        and (not rule.medium or medium in rule.medium)
        and _contains_any(medium, rule.medium_has)
        and (not rule.medium_ends or medium.endswith(rule.medium_ends))
        and (not rule.source or rule_input.source in rule.source)
        and _contains_any(rule_input.campaign, rule.campaign_has)
        and (not rule.tagged or rule_input.tagged)
        and (not rule.referrer or rule_input.referrer)
    )


def _contains_any(text: str, parts: tuple[str, ...]) -> bool:
    return not parts or any(part in text for part in parts)
