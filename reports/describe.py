"""The page docs/metrics.md, generated from the definitions in code."""

from collections.abc import Iterator

from reports.dimensions import DIMENSIONS, DimensionScope
from reports.metrics import ALIASES, METRICS, OWN_ORDERS

_INTRO = """\
# Metrics and dimensions

Generated from `reports/metrics.py` and `reports/dimensions.py`; do not edit.
How to ask for them: [api.md](api.md).

## Metrics

Every metric is a sum of one column, or one sum less or divided by another; a ratio
whose divisor is nought is unknown (`null`). Engagement pings are no events of their
own: they only add engaged time. Events without a visitor count as events, pageviews and
orders, never as sessions or visitors. Suspect sessions (over 1,000 pageviews, or 24
hours long) are in no figure.

| metric | formula | unit | meaning |
|---|---|---|---|
"""
_OWN = f"""
`{OWN_ORDERS}` are the orders in the site's own currency. Amounts are whole minor units
(cents), never fractions. In reports people may write {{aliases}}.

## Dimensions

"""
_SPANS = {
    DimensionScope.SESSION: """\
Of a session: all of a session goes to its value, so figures of all values add up to the
total, visitors excepted: one who comes twice by different ways is a visitor of both.
An event without a session goes by its own value. The session's value is that of its
first interactive event.
""",
    DimensionScope.EVENT: """\
Of an event: an event goes by what it is itself; a session and its visitor count under
every value the session touched, so only events, pageviews and orders add up (under
`product` not even those: an event may name several). A session's `hour` is the one it
began in. Engagement pings have no `event` and no `product`.
""",
    DimensionScope.DAY: """\
Of a day: sums of days; a session and a visitor belong to one day.
""",
}
_VALUES = """
A value nobody knows is `(none)`. Past `warehouse.value_limit` values of one dimension
and day, the rarest fold into `(other)`: no count is lost, only their names. Filters
that such a fold could falsify are answered from the events instead.
"""


def page() -> str:
    """Return docs/metrics.md."""
    aliases = ", ".join(f"`{alias}` for `{name}`" for alias, name in ALIASES.items())
    parts = [_INTRO, *_metrics(), _OWN.format(aliases=aliases)]
    for span, text in _SPANS.items():
        parts += [text, "\n| dimension | meaning | also written |\n|---|---|---|\n"]
        parts += [*_dimensions(span), "\n"]
    return "".join(parts).rstrip() + "\n" + _VALUES


def _metrics() -> Iterator[str]:
    for metric in METRICS.values():
        formula = f"`{metric.formula}`"
        yield f"| `{metric.name}` | {formula} | {metric.unit} | {metric.meaning} |\n"


def _dimensions(span: DimensionScope) -> Iterator[str]:
    for dimension in DIMENSIONS.values():
        if dimension.scope is span:
            aliases = ", ".join(f"`{alias}`" for alias in dimension.aliases)
            yield f"| `{dimension.name}` | {dimension.meaning} | {aliases} |\n"
