"""Property names are judged by their words, in any spelling."""

import pytest

from config.prop_keys import holds_only_personal_data, names_id


@pytest.mark.parametrize(
    "key",
    [
        *("plan", "email_opened", "mobile_view", "page_name", "product_name", "name"),
        *("cookie_consent", "token_count", "shipping", "latency", "plan_number"),
        *("is_member", "ip_version", "language"),
    ],
)
def test_a_name_of_no_personal_value_is_allowed(key: str) -> None:
    assert not holds_only_personal_data(key)


@pytest.mark.parametrize(
    "key",
    [
        *("id", "order_id", "orderId", "orderID", "user_id", "userid", "user-id"),
        *("customer.id", "uuid", "device_uuid", "session_ids", "order_number"),
        *("orderNo", "invoice_ref", "transactionid", "$user_id", "Kunden Nr", "ref_id"),
    ],
)
def test_a_name_of_an_id_is_recognised(key: str) -> None:
    assert names_id(key)


@pytest.mark.parametrize(
    "key",
    [
        *("product_id", "productId", "variant_id", "campaign_id", "form_id", "paid"),
        *("plan", "grid", "avoid", "order_total", "user_type", "coupon_code", "number"),
    ],
)
def test_a_name_of_public_content_is_not_an_id(key: str) -> None:
    assert not names_id(key)
