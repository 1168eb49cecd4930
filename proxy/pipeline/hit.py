"""Decodes request bytes into hits: typed, but not yet checked or trusted.

Decoding errors name the field, never the value.
"""

from decimal import Decimal
from typing import ClassVar

import msgspec

from proxy.pipeline.commerce_names import CartAction
from proxy.pipeline.drops import Dropped, DropReason

# An empty id would merge all events, or all customers, that have it into one.
NO_ID = (None, "")
_ONE = Decimal(1)


class OrderLine(msgspec.Struct, frozen=True):
    """One line of an order or cart, as the client sends it."""

    product: str | int | None = None
    sku: str | int | None = None
    variant: str | int | None = None
    quantity: Decimal = _ONE
    price: Decimal | None = None
    currency: str | None = None


class Order(msgspec.Struct, frozen=True):
    """The commerce part of a hit; amounts are exact decimals."""

    id: str | int | None = None
    cart: str | int | None = None
    cart_action: CartAction | None = None
    currency: str | None = None
    value: Decimal | None = None
    tax: Decimal | None = None
    shipping: Decimal | None = None
    refund: Decimal | None = None
    coupon: str | None = None
    discount: Decimal | None = None
    items: list[OrderLine] | None = None


class Visitor(msgspec.Struct, frozen=True):
    """The visitor that a site's own server names; trusted only with a secret key."""

    address: str | None = None
    user_agent: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the visitor."""
        return "Visitor(…)"


class Hit(msgspec.Struct, kw_only=True):
    """A native event: everything that a client may send."""

    library: ClassVar[bool] = False
    refused: ClassVar[DropReason | None] = None
    secret: ClassVar[str | None] = None

    site: str | None = None
    key: str | None = None
    name: str = "pageview"
    id: str | int | None = None
    at: str | int | float | None = None
    sent_at: str | int | float | None = None
    url: str | None = None
    referrer: str | None = None
    lang: str | None = None
    screen: list[float] | None = None
    engaged_ms: float | None = None
    scroll_pct: float | None = None
    props: dict[str, object] | None = None
    actor: str | int | None = None
    order: Order | None = None
    visitor: Visitor | None = None
    visit_token: str | None = msgspec.field(default=None, name="visit")
    optout: bool = False
    passive: bool = False

    def __repr__(self) -> str:
        """Show nothing of the hit."""
        return "Hit(…)"


class VendorHit(Hit, kw_only=True):
    """A hit from a vendor's protocol, with what only the protocol can know.

    *library* is True if a vendor's server library sent the hit. Without a secret key
    the address and User-Agent are then a server's and belong to no visitor. *refused*
    is the reason to drop the hit; it is then only counted under its site. *secret*
    came with a public key and may be a secret key of the site.
    """

    # Fields here; constants in the native hit.
    library: bool = False  # type: ignore[misc]
    refused: DropReason | None = None  # type: ignore[misc]
    secret: str | None = None  # type: ignore[misc]


class MalformedBodyError(Exception):
    """The body is not an event or an array of events; *problem* names no value."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


_HIT = msgspec.json.Decoder(Hit)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
# RecursionError: unknown fields nested deeper than the interpreter's limit.
_UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class _Objection(msgspec.Struct):
    """Only the objection of an event, whatever else is wrong with it."""

    optout: object = None


_OBJECTION = msgspec.json.Decoder(_Objection)
_OPTED_OUT = Dropped(DropReason.OPT_OUT)
_YES = frozenset({"1", "true", "yes", "on"})


def is_yes(value: object) -> bool:
    """Whether *value* says yes in any spelling; an unclear objection is heard too."""
    return value in (True, 1) or (isinstance(value, str) and value.lower() in _YES)


def decode_hits(body: bytes, max_hits: int) -> list[Hit | Dropped]:
    """Return the hits of *body*, one JSON event or an array of at most *max_hits*.

    In an array, a malformed event is dropped alone. A malformed single event, or a
    body that is not JSON, raises ``MalformedBodyError``. A malformed event with an
    objection is an objection.
    """
    if body.lstrip()[:1] != b"[":
        return [_decode_one(body)]
    try:
        raws = _ARRAY.decode(body)
    except _UNDECODABLE as error:
        raise MalformedBodyError(_problem(error)) from None
    if len(raws) > max_hits:
        raise MalformedBodyError(f"more than {max_hits} events in one request")
    return [_decode_member(raw) for raw in raws]


def _decode_one(body: bytes) -> Hit | Dropped:
    try:
        return _HIT.decode(body)
    except _UNDECODABLE as error:
        if _objects(body):
            return _OPTED_OUT
        raise MalformedBodyError(_problem(error)) from None


def _decode_member(raw: msgspec.Raw) -> Hit | Dropped:
    try:
        return _HIT.decode(raw)
    except _UNDECODABLE:
        return _OPTED_OUT if _objects(raw) else Dropped(DropReason.MALFORMED)


def _objects(event: bytes | msgspec.Raw) -> bool:
    try:
        return is_yes(_OBJECTION.decode(event).optout)
    except _UNDECODABLE:
        return False


def _problem(error: Exception) -> str:
    # msgspec's validation messages name only types, positions and declared fields;
    # keys of free-form objects appear as [...]. Other errors quote bytes of the body,
    # so their messages are replaced.
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    if isinstance(error, RecursionError):
        return "JSON is nested too deeply"
    return "the body is not valid JSON"
