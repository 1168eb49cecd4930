"""Metrics and dimensions are defined once, completely, and without clashes."""

from reports.describe import page
from reports.dimensions import ALIASES as DIMENSION_ALIASES
from reports.dimensions import DIMENSIONS, DimensionScope
from reports.metrics import ADDITIVE, ALIASES, METRICS, OWN_ORDERS
from warehouse.schema import DailyStat, Event, Session


def test_every_formula_reads_additive_columns() -> None:
    read = {name for metric in METRICS.values() for name in metric.formula.columns}

    assert read == set(ADDITIVE)
    assert read - {OWN_ORDERS} <= set(DailyStat.__struct_fields__)


def test_every_metric_has_a_sentence() -> None:
    short = [
        metric.name
        for metric in METRICS.values()
        if not (metric.meaning.endswith(".") and metric.label)
    ]

    assert short == []


def test_names_and_aliases_mean_one_thing() -> None:
    aliases = [alias for each in DIMENSIONS.values() for alias in each.aliases]

    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & set(DIMENSIONS)
    assert not set(DIMENSIONS) & {*METRICS, *ADDITIVE}
    assert not set(ALIASES) & set(METRICS)
    assert set(ALIASES.values()) <= set(METRICS)
    assert set(DIMENSION_ALIASES.values()) <= set(DIMENSIONS)


def test_every_dimension_has_a_column() -> None:
    columns = {*Event.__struct_fields__, *Session.__struct_fields__}

    assert {each.column for each in DIMENSIONS.values()} <= columns


def test_the_page_tells_of_every_metric_and_dimension() -> None:
    text = page()

    names = [*METRICS, *DIMENSIONS]
    assert [name for name in names if f"| `{name}` |" not in text] == []
    assert len({each.scope for each in DIMENSIONS.values()}) == len(DimensionScope)
