"""All metrics of the reports: formula, unit and meaning, in one place.

A formula is the sum of one column, or the difference or ratio of two such sums. Sums
add up over days and values, so one definition is valid for every table and period.
docs/metrics.md is generated from this module.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Orders in the site's own currency; value_minor is the value of these orders.
OWN_ORDERS: Final = "own_orders"
# A new sum also needs a column of ``DailyStat`` (warehouse/schema.py), its place among
# the measures of warehouse/figures/breakdown.py and day_facts.py, and its count in
# reports/counting/event_facts.py.
ADDITIVE: Final = (
    *("visitors", "sessions", "bounces", "pageviews", "events"),
    *("duration_s", "engaged_ms", "conversions", "orders", OWN_ORDERS, "value_minor"),
    *("refunds", "refund_minor"),
)


class Unit(StrEnum):
    """The unit of a figure; it decides the format for people."""

    COUNT = "count"
    SHARE = "share, 0 to 1"
    RATIO = "ratio"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MINOR = "minor units of the site's currency"


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of one additive column."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The additive columns in the formula."""
        return (self.column,)

    def __str__(self) -> str:
        """Return the formula as the documentation shows it."""
        return f"sum({self.column})"


@dataclass(frozen=True, slots=True)
class Difference:
    """One sum minus another."""

    whole: str
    less: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The additive columns in the formula."""
        return (self.whole, self.less)

    def __str__(self) -> str:
        """Return the formula as the documentation shows it."""
        return f"sum({self.whole}) - sum({self.less})"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One sum divided by another; unknown if the divisor is 0."""

    over: str
    under: str
    scale: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The additive columns in the formula."""
        return (self.over, self.under)

    def __str__(self) -> str:
        """Return the formula as the documentation shows it."""
        scale = f" / {self.scale}" if self.scale != 1 else ""
        return f"sum({self.over}) / sum({self.under}){scale}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric that a query can name."""

    name: str
    label: str
    formula: Sum | Difference | Ratio
    unit: Unit
    meaning: str


_ALL = (
    Metric(
        name="visitors",
        label="visitors",
        formula=Sum("visitors"),
        unit=Unit.COUNT,
        meaning=(
            "Distinct visitors of a day; over several days the sum of daily visitors,"
            " because no visitor can be recognised on another day."
        ),
    ),
    Metric(
        name="sessions",
        label="sessions",
        formula=Sum("sessions"),
        unit=Unit.COUNT,
        meaning=(
            "Runs of one visitor's events with no gap over 30 minutes and at least one"
            " interactive event (a pageview, or a named event that is not passive),"
            " within one day."
        ),
    ),
    Metric(
        name="pageviews",
        label="pageviews",
        formula=Sum("pageviews"),
        unit=Unit.COUNT,
        meaning="Events named pageview.",
    ),
    Metric(
        name="events",
        label="events",
        formula=Sum("events"),
        unit=Unit.COUNT,
        meaning="All events, including pageviews, except engagement pings.",
    ),
    Metric(
        name="bounces",
        label="bounces",
        formula=Sum("bounces"),
        unit=Unit.COUNT,
        meaning=(
            "Sessions with exactly one pageview and no other interactive event that"
            " do not continue from the day before. By page, a bounce counts only on"
            " the page of that pageview."
        ),
    ),
    Metric(
        name="bounce_rate",
        label="bounce rate",
        formula=Ratio("bounces", "sessions"),
        unit=Unit.SHARE,
        meaning="Share of sessions that bounced.",
    ),
    Metric(
        name="views_per_session",
        label="views/session",
        formula=Ratio("pageviews", "sessions"),
        unit=Unit.RATIO,
        meaning="Pageviews per session.",
    ),
    Metric(
        name="duration_s",
        label="time",
        formula=Sum("duration_s"),
        unit=Unit.SECONDS,
        meaning="Time from the first to the last event, summed over sessions.",
    ),
    Metric(
        name="avg_duration_s",
        label="avg time",
        formula=Ratio("duration_s", "sessions"),
        unit=Unit.SECONDS,
        meaning="Average time from the first to the last event of a session.",
    ),
    Metric(
        name="engaged_ms",
        label="engaged",
        formula=Sum("engaged_ms"),
        unit=Unit.MILLISECONDS,
        meaning="Time the page was visible and in use, summed over engagement pings.",
    ),
    Metric(
        name="avg_engaged_s",
        label="avg engaged",
        formula=Ratio("engaged_ms", "sessions", scale=1_000),
        unit=Unit.SECONDS,
        meaning="Average engaged time of a session.",
    ),
    Metric(
        name="orders",
        label="orders",
        formula=Sum("orders"),
        unit=Unit.COUNT,
        meaning="Orders placed, in any currency, each order counted once.",
    ),
    Metric(
        name="value_minor",
        label="revenue",
        formula=Sum("value_minor"),
        unit=Unit.MINOR,
        meaning="Value of the orders placed in the site's currency.",
    ),
    Metric(
        name="avg_order_minor",
        label="avg order",
        formula=Ratio("value_minor", OWN_ORDERS),
        unit=Unit.MINOR,
        meaning="Average value of the orders placed in the site's currency.",
    ),
    Metric(
        name="refunds",
        label="refunds",
        formula=Sum("refunds"),
        unit=Unit.COUNT,
        meaning=(
            "Refunds made, in any currency, on the day they were made; an order may"
            " have several."
        ),
    ),
    Metric(
        name="refund_minor",
        label="refunded",
        formula=Sum("refund_minor"),
        unit=Unit.MINOR,
        meaning="Amounts refunded in the site's currency.",
    ),
    Metric(
        name="net_minor",
        label="net revenue",
        formula=Difference("value_minor", "refund_minor"),
        unit=Unit.MINOR,
        meaning="Value of the orders placed minus refunds of the same days.",
    ),
    Metric(
        name="conversions",
        label="conversions",
        formula=Sum("conversions"),
        unit=Unit.COUNT,
        meaning="Sessions with at least one order.",
    ),
    Metric(
        name="conversion_rate",
        label="conversion",
        formula=Ratio("conversions", "sessions"),
        unit=Unit.SHARE,
        meaning=(
            "Share of sessions with at least one order; orders without a session"
            " are not included."
        ),
    ),
)
METRICS = {metric.name: metric for metric in _ALL}

# Other names for the command line; the API does not accept them.
ALIASES = {
    "revenue": "value_minor",
    "avg_order": "avg_order_minor",
    "refund_value": "refund_minor",
    "net_value": "net_minor",
    "conversion": "conversion_rate",
}
