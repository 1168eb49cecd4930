"""The state of an order in the shop's list, from the words of its status columns."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class ShopState(StrEnum):
    """Whether the shop still counts an order as revenue."""

    PLACED = "placed"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    FAILED = "failed"
    TEST = "test"

    @property
    def is_void(self) -> bool:
        """Whether the order brought the shop no payment at any time."""
        return self in _VOID


_VOID: Final = frozenset({ShopState.CANCELLED, ShopState.FAILED, ShopState.TEST})
_PREFIX: Final = "wc "
# The words of shop systems in English, German, French, Spanish, Italian and Dutch. A
# word that is not here, such as paid or shipped, is the status of a placed order.
_WORDS: Final[Mapping[ShopState, tuple[str, ...]]] = {
    ShopState.PARTLY_REFUNDED: (
        *("partially refunded", "partial refund", "partly refunded"),
        *("teilweise erstattet", "teilerstattet", "partiellement remboursé"),
        *("remboursement partiel", "reembolso parcial", "rimborso parziale"),
        *("parcialmente reembolsado", "gedeeltelijk terugbetaald"),
    ),
    ShopState.REFUNDED: (
        *("refunded", "order refunded", "fully refunded"),
        *("erstattet", "rückerstattet", "remboursé", "remboursée"),
        *("reembolsado", "rimborsato", "terugbetaald"),
    ),
    ShopState.CANCELLED: (
        *("cancelled", "canceled", "voided", "void", "trash"),
        *("storniert", "abgebrochen", "annulé", "annulée"),
        *("cancelado", "cancelada", "annullato", "annullata", "geannuleerd"),
    ),
    ShopState.FAILED: (
        *("failed", "payment error", "payment failed", "declined", "expired"),
        *("requires payment method", "checkout draft", "draft", "fraud"),
        *("suspected fraud", "fehlgeschlagen", "zahlungsfehler"),
        *("erreur de paiement", "échoué", "échouée", "error en el pago", "fallido"),
        *("errore nel pagamento", "fallito", "mislukt", "betalingsfout"),
    ),
    ShopState.TEST: (
        *("test", "test order", "bogus", "bogus gateway"),
        *("(for testing) bogus gateway", "testbestellung"),
    ),
}
_STATES: Final = {word: state for state, words in _WORDS.items() for word in words}
# If several columns disagree, the later one in this order decides.
_ORDER: Final = tuple(ShopState)


def state_of(words: Iterable[str], own: Mapping[str, ShopState]) -> ShopState:
    """Return the state that the normalized *words* give; *own* are the format's."""
    states = (_state(word.removeprefix(_PREFIX), own) for word in words)
    return max(states, key=_ORDER.index, default=ShopState.PLACED)


def _state(word: str, own: Mapping[str, ShopState]) -> ShopState:
    return own.get(word) or _STATES.get(word, ShopState.PLACED)
