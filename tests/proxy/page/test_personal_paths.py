"""Personal numbers are cut out of paths and hosts in any language and spelling."""

import pytest

from proxy.page.page import PageRules, parse_page
from proxy.page.path_scrub import PathScrub


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/hello-489-36-8350-thanks", "/:phone"),
        ("/spring_489_36_8350_sale", "/:phone"),
        ("/host-203-0-113-7", "/:address"),
        ("/x_2001:db8::1", "/:address"),
        ("/@52.5200,13.4050,15z", "/:place"),
        ("/u/jane&commat;mail.example", "/u/:email"),
        ("/u/jane=40mail.example", "/u/:email"),
        ("/x/１２３４５６７８", "/x/:id"),  # noqa: RUF001 - the disguise
        ("/x/①②③④⑤⑥⑦⑧", "/x/:id"),
        ("/orders/７", "/orders/:id"),  # noqa: RUF001 - the disguise
        ("/shop,jsessionid=1A2B3C", "/:token"),
        ("/jsessionid=1A2B3C", "/:token"),
        ("/order1001", "/:token"),
        ("/zork/customer1234567", "/zork/:token"),
        ("/ssn/489368350", "/ssn/:id"),
        ("/bestellung/1001", "/bestellung/:id"),
        ("/de/bestellungen/R-10023/danke", "/de/bestellungen/:id/danke"),
        ("/kunden/17", "/kunden/:id"),
        ("/konto/rechnung-1001", "/konto/:token"),
        ("/passwort-vergessen/abc", "/passwort-vergessen/:token"),
        ("/passwort-zurücksetzen/abc", "/passwort-zurücksetzen/:token"),
        ("/newsletter/bestätigen/abc", "/newsletter/bestätigen/:token"),
        ("/einladung/abc", "/einladung/:token"),
        ("/commande/1001", "/commande/:id"),
        ("/mes-factures/1001", "/mes-factures/:id"),
        ("/mot-de-passe-oublié/abc", "/mot-de-passe-oublié/:token"),
        ("/réinitialiser/mot-de-passe/abc", "/réinitialiser/mot-de-passe/:token"),
        ("/désinscription/abc", "/désinscription/:token"),
        ("/pedido/1001", "/pedido/:id"),
        ("/mi-cuenta/facturas/1001", "/mi-cuenta/facturas/:id"),
        ("/restablecer-contraseña/abc", "/restablecer-contraseña/:token"),
        ("/confirmar/abc", "/confirmar/:token"),
    ],
)
def test_a_personal_segment_is_replaced(path: str, expected: str) -> None:
    assert PathScrub().scrub(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        *("/size-38-40-42-44", "/best-of-5-10-15-20", "/sale-2024-11-22-10"),
        *("/商品/東京", "/de/größe-xl", "/bestellung/danke", "/konto/einstellungen"),
        *("/passwort-vergessen", "/compte/commandes", "/mi-cuenta/pedidos"),
        *("/ordner1", "/news/top-10-2024", "/season_2019_2020", "/v2/orders"),
    ],
)
def test_an_ordinary_path_stays(path: str) -> None:
    assert PathScrub().scrub(path) == path


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("shop.example", "shop.example"),
        ("berlin.shop.example", "berlin.shop.example"),
        ("team-4.eu.shop.example", "team-4.eu.shop.example"),
        ("550e8400-e29b-41d4-a716-446655440000.shop.example", "*.shop.example"),
        ("4915112345678.shop.example", "*.shop.example"),
        ("949-877-7106.shop.example", "*.shop.example"),
        ("host-203-0-113-7.dsl.shop.example", "*.dsl.shop.example"),
        ("203.0.113.7.shop.example", "*.shop.example"),
        ("a.xj3kp9qlmz7vr2ty8wb4.shop.example", "*.shop.example"),
        # A host that the configuration names is the site's own, whatever it looks like.
        ("preview-20481937.example", "preview-20481937.example"),
    ],
)
def test_a_personal_label_of_a_host_is_not_stored(host: str, expected: str) -> None:
    rules = PageRules(
        domains=["shop.example", "*.shop.example", "preview-20481937.example"]
    )

    page = parse_page(f"https://{host}/a", rules)

    assert page is not None
    assert page.hostname == expected
    assert page.hostname in rules.own_hosts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("call+me+9498777106+now", None),
        ("spring_489-36-8350_sale", None),
        ("jane%26commat%3Bmail.example", None),
        ("0498777106", None),
        ("spring_20456789012", "spring_20456789012"),
        ("120210987654321098|120210987654321099",) * 2,
    ],
)
def test_a_typed_number_is_no_campaign_and_an_ad_number_is(
    value: str, expected: str | None
) -> None:
    page = parse_page(f"https://shop.example/a?utm_term={value}", PageRules())

    assert page is not None
    assert page.utm_term == expected
