"""The share of unseen orders has the 95 % Wilson interval."""

import pytest

from reports.reconcile.unseen import UnseenOrders


@pytest.mark.parametrize(
    ("unseen", "checked", "interval"),
    [
        pytest.param(0, 10, (0.0, 0.2775), id="none of ten"),
        pytest.param(10, 10, (0.7225, 1.0), id="all of ten"),
        pytest.param(81, 263, (0.2553, 0.3662), id="Newcombe's example"),
        pytest.param(1, 29, (0.0061, 0.1718), id="Newcombe's rare example"),
    ],
)
def test_the_interval_is_the_wilson_interval(
    unseen: int, checked: int, interval: tuple[float, float]
) -> None:
    assert UnseenOrders(unseen, checked, 0).interval == pytest.approx(
        interval, abs=1e-4
    )
    assert UnseenOrders(0, 0, 5).interval is None
