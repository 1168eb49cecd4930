"""Metrics and dimensions are defined once, completely, and with unique names."""

from reports.describe import page
from reports.dimensions import ALIASES as DIMENSION_ALIASES
from reports.dimensions import DIMENSIONS, DimensionScope
from reports.metrics import ADDITIVE, ALIASES, METRICS, OWN_ORDERS
from warehouse.schema import DailyStat, Event, Session


def test_every_formula_reads_additive_columns() -> None:
    columns = {name for metric in METRICS.values() for name in metric.formula.columns}

    assert columns == set(ADDITIVE)
    assert columns - {OWN_ORDERS} <= set(DailyStat.__struct_fields__)


def test_every_metric_has_a_label_and_a_definition() -> None:
    incomplete = [
        metric.name
        for metric in METRICS.values()
        if not (metric.meaning.endswith(".") and metric.label)
    ]

    assert incomplete == []


def test_names_and_aliases_are_unique() -> None:
    aliases = [
        alias for dimension in DIMENSIONS.values() for alias in dimension.aliases
    ]

    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & set(DIMENSIONS)
    assert not set(DIMENSIONS) & {*METRICS, *ADDITIVE}
    assert not set(ALIASES) & set(METRICS)
    assert set(ALIASES.values()) <= set(METRICS)
    assert set(DIMENSION_ALIASES.values()) <= set(DIMENSIONS)


def test_every_dimension_has_a_column() -> None:
    columns = {*Event.__struct_fields__, *Session.__struct_fields__}

    assert {dimension.column for dimension in DIMENSIONS.values()} <= columns


def test_the_page_names_every_metric_and_dimension() -> None:
    text = page()

    names = [*METRICS, *DIMENSIONS]
    assert [name for name in names if f"| `{name}` |" not in text] == []
    assert len({dimension.scope for dimension in DIMENSIONS.values()}) == len(
        DimensionScope
    )
