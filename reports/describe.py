"""The page docs/metrics.md, generated from the definitions in code."""

from collections.abc import Iterator

from reports.dimensions import DIMENSIONS, DimensionScope
from reports.metrics import ALIASES, METRICS, OWN_ORDERS

_INTRO = """\
# Metrics and dimensions

Generated from `reports/metrics.py` and `reports/dimensions.py`; do not edit.
How to query them: [api.md](api.md).

## Metrics

Every metric is a sum of one column, a difference of two sums, or a ratio of two sums.
A ratio whose divisor is zero is unknown (`null`). Engagement pings do not count as
events: they only add engaged time. Events without a visitor count as events, pageviews
and orders, never as sessions or visitors. Suspect sessions (over 1,000 pageviews, or 24
hours long) are in no figure.

| metric | formula | unit | meaning |
|---|---|---|---|
"""
_OWN = f"""
`{OWN_ORDERS}` are the orders in the site's own currency. Amounts are whole minor units
(cents), never fractions. The command line also accepts {{aliases}}.

## Dimensions

"""
_SPANS = {
    DimensionScope.SESSION: """\
Session dimensions: every event of a session counts under the session's value. So the
figures of all values add up to the total. Visitors are the exception: a visitor with
two sessions from different sources counts under both. An event without a session counts
under its own value. The session's value is the value of its first interactive event.
""",
    DimensionScope.EVENT: """\
Event dimensions: an event counts under its own value. A session and its visitor count
under every value of the session's events, so only events, pageviews and orders add up.
Under `product` these do not add up either, because an event may name several products.
By `page` and by `hostname`, bounces add up too: a bounce counts on the page and the
host of the session's one interactive pageview.
A session's `hour` is the hour in which it began. Engagement pings have no `event` and
no `product`.

Each property that a site allows (`props_allow`) is a dimension of that site:
`prop:plan` for the key `plan`. Only events with the property count, so there is no
`(none)`, and nothing adds up to the total. A number and a truth value are written as
in JSON.
""",
    DimensionScope.DAY: """\
Day dimensions: sums of days. A session and a visitor belong to one day.
""",
}
_VALUES = """
An unknown value is `(none)`. If one dimension has more than `warehouse.value_limit`
values on a day, the rarest are merged into `(other)`: their names are lost, but no
count. If this could make a filter's result wrong, the query is answered from the events
instead.
"""


def page() -> str:
    """Return docs/metrics.md."""
    aliases = ", ".join(f"`{alias}` for `{name}`" for alias, name in ALIASES.items())
    parts = [_INTRO, *_metrics(), _OWN.format(aliases=aliases)]
    for span, text in _SPANS.items():
        parts += [text, "\n| dimension | meaning | other names |\n|---|---|---|\n"]
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
