"""What a holder of a site's key can learn is what docs/privacy.md says, and no more."""

from decimal import Decimal
from pathlib import Path

from proxy.pipeline.hit import Order
from proxy.pipeline.site_keys import KEY_BYTES, HashPurpose, keyed_hash
from tests.proxy.pipeline.pipeline_setup import Pipeline, pageview, sender

KEY = bytes(range(KEY_BYTES))
OTHER_KEY = bytes(KEY_BYTES)
# The numbers a shop has given in its first years.
GUESSES = range(1, 12_001)


def hashes(key: bytes, purpose: HashPurpose) -> set[int]:
    return {keyed_hash(key, purpose, str(number)) for number in GUESSES}


def test_a_key_holder_finds_order_numbers_by_trying_them() -> None:
    stored = keyed_hash(KEY, HashPurpose.ORDER, "7342")

    assert stored in hashes(KEY, HashPurpose.ORDER)


def test_without_the_key_no_guess_matches() -> None:
    stored = hashes(KEY, HashPurpose.ORDER)

    assert stored.isdisjoint(hashes(OTHER_KEY, HashPurpose.ORDER))
    # Nor does another kind of id of the same text.
    assert stored.isdisjoint(hashes(KEY, HashPurpose.CART))


def test_an_order_stands_beside_the_visitor_of_its_day(tmp_path: Path) -> None:
    chain = Pipeline(tmp_path).prefetch()
    order = Order(id="7342", value=Decimal(10))

    view = chain.event(pageview(), sender())
    placed = chain.event(pageview(name="order_placed", order=order), sender())

    assert placed.order_key is not None
    assert placed.visitor is not None
    assert (placed.day, placed.visitor) == (view.day, view.visitor)
