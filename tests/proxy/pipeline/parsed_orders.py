"""Orders of one site, parsed as the pipeline parses them."""

from decimal import Decimal

from config.settings import PrivacySettings, SiteSettings
from proxy.pipeline.commerce import OrderFields, parse_order
from proxy.pipeline.commerce_names import CommerceName
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.sites import Site, prepare_site

PLACED, REFUNDED = CommerceName.ORDER_PLACED, CommerceName.ORDER_REFUNDED
KEY = bytes(range(32))
SITE = prepare_site(
    SiteSettings(id="shop", domains=("shop.example",), currency="EUR"),
    PrivacySettings(),
    KEY,
)
VALUE = Decimal("10.50")
NAN = Decimal("NaN")
UNREADABLE_LINE = OrderLine(product="a", price=NAN)


def fields(order: Order, name: str = PLACED, site: Site = SITE) -> OrderFields:
    """Return the columns of *order*, which is not refused."""
    got = parse_order(order, name, site)
    assert isinstance(got, OrderFields), got
    return got


def lines(count: int, price: str = "1.50") -> list[OrderLine]:
    """Return lines of different products at one price."""
    return [OrderLine(product=f"p{n}", price=Decimal(price)) for n in range(count)]
