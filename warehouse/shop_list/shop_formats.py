"""The column names of the order lists that shop systems and Stripe export.

A list is recognised by its header. The names of a header that is not recognised are
looked up in ``GENERAL``, which has the usual names in several languages.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from warehouse.shop_list.shop_states import ShopState

_BLANK: Final = re.compile(r"[\s_.\-]+")


class ListColumn(StrEnum):
    """The columns of the list that are read."""

    ID = "id"
    TOTAL = "total"
    CURRENCY = "currency"
    DATE = "date"
    STATUS = "status"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopFormat:
    """One format: the names that only its header has, and its columns.

    Of several names of a column, the first one in the header is read. ``id`` and
    ``status`` are exceptions: every column with one of their names is read.
    *states* are the words of this format that mean something else in others.
    *has_rest*: the total of a refunded order is followed by the rest.
    """

    name: str
    marks: Sequence[frozenset[str]] = ()
    columns: Mapping[ListColumn, Sequence[str]]
    states: Mapping[str, ShopState] = field(default_factory=dict)
    has_rest: bool = False


# The usual names; the names of plugins and of exports made by hand are among them.
GENERAL: Final = ShopFormat(
    name="general",
    columns={
        ListColumn.ID: (
            *("order id", "order number", "order no", "order #", "order"),
            *("transaction id", "invoice number", "invoice no", "invoiceno"),
            *("id", "name", "reference", "order reference"),
            *("bestellnummer", "auftragsnummer", "numéro de commande", "référence"),
            *("número de pedido", "numero ordine", "ordernummer"),
        ),
        ListColumn.TOTAL: (
            *("total", "order total", "grand total", "total price", "amount"),
            *("order total amount", "order value", "revenue", "value"),
            *("gesamtsumme", "gesamt", "betrag", "montant", "total ttc"),
            *("importe", "totale", "totaal"),
        ),
        ListColumn.CURRENCY: (
            *("currency", "currency code", "order currency"),
            *("währung", "devise", "moneda", "valuta"),
        ),
        ListColumn.DATE: (
            *("date", "order date", "created at", "date created", "created"),
            *("placed at", "purchase date", "created (utc)", "created date (utc)"),
            *("invoice date", "invoicedate", "paid at", "timestamp"),
            *("datum", "bestelldatum", "fecha", "data"),
        ),
        ListColumn.STATUS: (
            *("status", "order status", "financial status", "payment status"),
            *("mode", "état", "statut", "estado", "stato"),
        ),
        ListColumn.REFUNDED: (
            *("refunded amount", "amount refunded", "total refunded"),
            *("refunded total", "order refund amount", "refunded"),
        ),
        ListColumn.CANCELLED: ("cancelled at", "canceled at"),
    },
)

FORMATS: Final = (
    ShopFormat(
        name="Shopify",
        marks=(frozenset({"name", "financial status", "lineitem name"}),),
        columns={
            ListColumn.ID: ("id", "name"),
            ListColumn.TOTAL: ("total",),
            ListColumn.CURRENCY: ("currency",),
            ListColumn.DATE: ("created at", "paid at"),
            # The gateway for test payments is named in the payment method.
            ListColumn.STATUS: ("financial status", "payment method"),
            ListColumn.REFUNDED: ("refunded amount",),
            ListColumn.CANCELLED: ("cancelled at",),
        },
    ),
    ShopFormat(
        name="WooCommerce",
        marks=(frozenset({"order #", "n revenue (formatted)"}),),
        columns={
            ListColumn.ID: ("order #",),
            ListColumn.TOTAL: ("n revenue (formatted)",),
            ListColumn.DATE: ("date",),
            ListColumn.STATUS: ("status",),
        },
        has_rest=True,
    ),
    ShopFormat(
        name="Medusa",
        marks=(frozenset({"order id", "display id", "order status"}),),
        columns={
            ListColumn.ID: ("order id", "display id"),
            ListColumn.TOTAL: ("total",),
            ListColumn.CURRENCY: ("currency code",),
            ListColumn.DATE: ("date",),
            ListColumn.STATUS: ("order status", "payment status"),
            ListColumn.REFUNDED: ("refunded total",),
        },
    ),
    ShopFormat(
        name="PrestaShop",
        marks=(frozenset({"id", "reference", "new client", "payment", "status"}),),
        columns={
            ListColumn.ID: ("reference", "id"),
            ListColumn.TOTAL: ("total",),
            ListColumn.DATE: ("date",),
            ListColumn.STATUS: ("status",),
        },
    ),
    ShopFormat(
        name="Magento",
        marks=(frozenset({"id", "purchase date", "bill to name"}),),
        columns={
            ListColumn.ID: ("id",),
            ListColumn.TOTAL: ("grand total (purchased)", "grand total (base)"),
            ListColumn.DATE: ("purchase date",),
            ListColumn.STATUS: ("status",),
            ListColumn.REFUNDED: ("total refunded",),
        },
        # An order is closed when its whole amount has been credited.
        states={"closed": ShopState.REFUNDED},
    ),
    ShopFormat(
        name="Stripe",
        marks=(
            frozenset({"id", "amount refunded", "created date (utc)"}),
            frozenset({"id", "amount refunded", "created (utc)"}),
        ),
        columns={
            ListColumn.ID: (
                *("order id (metadata)", "order number (metadata)"),
                *("order (metadata)", "orderid (metadata)", "id", "paymentintent id"),
                *("payment intent id", "invoice id"),
            ),
            ListColumn.TOTAL: ("amount",),
            ListColumn.CURRENCY: ("currency",),
            ListColumn.DATE: ("created date (utc)", "created (utc)"),
            ListColumn.STATUS: ("status", "mode"),
            ListColumn.REFUNDED: ("amount refunded",),
        },
    ),
)


def recognized_format(names: Iterable[str]) -> ShopFormat:
    """Return the format whose header has *names*, which are normalized."""
    present = frozenset(names)
    for known in FORMATS:
        if any(marks <= present for marks in known.marks):
            return known
    return GENERAL


def normalized(name: str) -> str:
    """Return *name* in lower case, with a space for each ``_``, ``.`` or ``-``."""
    return _BLANK.sub(" ", name.strip().lower()).strip()
