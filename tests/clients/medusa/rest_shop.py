"""A shop in Medusa's REST API: setup, a purchase, a capture and refunds."""

import json
import urllib.request
from typing import Any

Body = dict[str, Any]

_PATIENCE_S = 60


class Rest:
    """One client of a running Medusa, with an optional token and publishable key."""

    def __init__(self, root: str, **headers: str) -> None:
        self._root = root
        self._headers = {"Content-Type": "application/json", **headers}

    def with_headers(self, **headers: str) -> "Rest":
        """Return the same client with more headers."""
        return Rest(self._root, **{**self._headers, **headers})

    def signed_in(self, token: str) -> "Rest":
        """Return the same client with *token*."""
        return self.with_headers(Authorization=f"Bearer {token}")

    def get(self, path: str) -> Any:
        """Return the decoded answer of *path*."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Body | None = None) -> Any:
        """Send *body* to *path*, and return the decoded answer."""
        return self._ask("POST", path, json.dumps(body or {}).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._root + path, body, self._headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise AssertionError(f"{method} {path}: {error.code} {text}") from None


class Shop:
    """A shop with one product: a mug for 19.99 EUR, 4.90 shipping, 19 % tax on both."""

    def __init__(self, root: str, email: str, password: str) -> None:
        guest = Rest(root)
        credentials = {"email": email, "password": password}
        self.guest = guest
        self.admin = guest.signed_in(
            guest.post("/auth/user/emailpass", credentials)["token"]
        )
        self.channel = self._create("sales-channels", "sales_channel", name="Web")
        self.region = self._region()
        self.profile = self._create(
            "shipping-profiles", "shipping_profile", name="All", type="all"
        )
        self.option = self._shipping()
        self.variant = self._variant()
        self.store = guest.with_headers(**{"x-publishable-api-key": self._key()})

    def _create(self, kind: str, named: str, **body: Any) -> str:
        created_id: str = self.admin.post(f"/admin/{kind}", body)[named]["id"]
        return created_id

    def _region(self) -> str:
        rate = {"rate": 19, "code": "vat", "name": "VAT"}
        self._create(
            "tax-regions",
            "tax_region",
            country_code="de",
            provider_id="tp_system",
            default_tax_rate=rate,
        )
        return self._create(
            "regions",
            "region",
            name="Germany",
            currency_code="eur",
            countries=["de"],
            payment_providers=["pp_system_default"],
        )

    def _shipping(self) -> str:
        place = self._create("stock-locations", "stock_location", name="Here")
        path = f"/admin/stock-locations/{place}"
        self.admin.post(f"{path}/sales-channels", {"add": [self.channel]})
        self.admin.post(f"{path}/fulfillment-providers", {"add": ["manual_manual"]})
        answer = self.admin.post(
            f"{path}/fulfillment-sets?fields=fulfillment_sets.id",
            {"name": "Parcels", "type": "shipping"},
        )
        zones = answer["stock_location"]["fulfillment_sets"][0]["id"]
        zone = self.admin.post(
            f"/admin/fulfillment-sets/{zones}/service-zones",
            {
                "name": "Germany",
                "geo_zones": [{"type": "country", "country_code": "de"}],
            },
        )["fulfillment_set"]["service_zones"][0]["id"]
        return self._create(
            "shipping-options",
            "shipping_option",
            name="Parcel",
            service_zone_id=zone,
            shipping_profile_id=self.profile,
            provider_id="manual_manual",
            price_type="flat",
            type={"label": "Parcel", "description": "Parcel", "code": "parcel"},
            prices=[{"currency_code": "eur", "amount": 4.9}],
        )

    def _variant(self) -> str:
        variant = {
            "title": "Blue",
            "sku": "MUG-BLUE",
            "manage_inventory": False,
            "options": {"Colour": "Blue"},
            "prices": [{"currency_code": "eur", "amount": 19.99}],
        }
        product = self.admin.post(
            "/admin/products",
            {
                "title": "Mug",
                "handle": "mug",
                "status": "published",
                "options": [{"title": "Colour", "values": ["Blue"]}],
                "variants": [variant],
                "sales_channels": [{"id": self.channel}],
                "shipping_profile_id": self.profile,
            },
        )["product"]
        variant_id: str = product["variants"][0]["id"]
        return variant_id

    def _key(self) -> str:
        body = {"title": "Web", "type": "publishable"}
        key = self.admin.post("/admin/api-keys", body)["api_key"]
        path = f"/admin/api-keys/{key['id']}/sales-channels"
        self.admin.post(path, {"add": [self.channel]})
        token: str = key["token"]
        return token

    def register(self, email: str) -> Rest:
        """Create a customer account, and return the store client of that customer."""
        credentials = {"email": email, "password": "a long password"}
        token = self.guest.post("/auth/customer/emailpass/register", credentials)[
            "token"
        ]
        self.store.signed_in(token).post("/store/customers", {"email": email})
        token = self.guest.post("/auth/customer/emailpass", credentials)["token"]
        return self.store.signed_in(token)

    def buy(self, store: Rest, email: str, **metadata: str) -> Body:
        """Put three mugs in a cart, complete the checkout, and return the order."""
        cart = store.post("/store/carts", {"region_id": self.region})["cart"]["id"]
        path = f"/store/carts/{cart}"
        store.post(f"{path}/line-items", {"variant_id": self.variant, "quantity": 3})
        address = {
            "first_name": "Canary",
            "last_name": "Kanarienvogel",
            "address_1": "Canary Street 77",
            "city": "Berlin",
            "country_code": "de",
            "postal_code": "10115",
        }
        store.post(
            path,
            {"email": email, "shipping_address": address, "metadata": metadata},
        )
        store.post(f"{path}/shipping-methods", {"option_id": self.option})
        collection = store.post("/store/payment-collections", {"cart_id": cart})
        payments = (
            f"/store/payment-collections/{collection['payment_collection']['id']}"
        )
        store.post(f"{payments}/payment-sessions", {"provider_id": "pp_system_default"})
        order: Body = store.post(f"{path}/complete")["order"]
        return order

    def payment(self, order: Body) -> str:
        """Return the payment id of an order."""
        fields = "?fields=payment_collections.payments.id"
        answer = self.admin.get(f"/admin/orders/{order['id']}{fields}")
        payment_id: str = answer["order"]["payment_collections"][0]["payments"][0]["id"]
        return payment_id
