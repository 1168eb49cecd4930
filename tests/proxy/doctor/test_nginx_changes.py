"""Each change that makes nginx log, keep, copy or forge something is reported.

The base is the shipped configuration in a server that logs by default. Each case
changes one line of it, or adds one.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import ProxySettings
from proxy.doctor.nginx import nginx
from proxy.doctor.nginx_file import load_nginx
from proxy.doctor.nginx_location import Locations

SHIPPED = (Path(__file__).parents[3] / "deploy" / "nginx.conf").read_text("utf-8")
# What stays to be looked at with the shipped configuration.
CUT_OFF = (
    "look nginx's answers: server shop.example: the access log gets requests that end"
    " before their headers are complete"
)
OFF = "access_log off;"
OWN_PAGES = next(
    line for line in SHIPPED.splitlines() if line.startswith("    error_page")
)
REFUSALS = [line for line in SHIPPED.splitlines() if line.startswith("error_page")]
TARGET = "proxy_pass http://127.0.0.1:8080;\n    proxy_http_version"

Examine = Callable[..., list[str]]


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """Return the function that examines a changed configuration."""

    def examined(
        *changes: tuple[str, str],
        inside: str = "",
        server: str = "",
        http: str = "",
        main: str = "",
        proxy: ProxySettings | None = None,
    ) -> list[str]:
        text = SHIPPED
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        text = text.replace(OFF, f"{OFF}\n{inside}", 1)
        file = tmp_path / "nginx.conf"
        file.write_text(
            f"events {{}}\n{main}\nhttp {{\n{http}\nserver {{\n"
            f"server_name shop.example;\n{server}\n{text}\n}}\n}}"
        )
        settings = proxy or ProxySettings(
            path_prefix="/stats",
            client_ip="xff",
            trusted_proxies=("127.0.0.1/32",),
        )
        return [
            f"{result.level} {result.about}: {result.text}"
            for result in nginx(settings, file)
            if result.level != "fine"
        ]

    return examined


def test_the_shipped_configuration_has_one_thing_to_look_at(examine: Examine) -> None:
    assert examine() == [CUT_OFF]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"server": "error_page 502 /50x.html;"}, id="page of the site"),
        pytest.param({"server": "location ~ \\.gif$ { expires 1d; }"}, id="images"),
        pytest.param({"inside": "mirror off;"}, id="no mirror"),
        pytest.param({"inside": "access_log /dev/null;"}, id="log to nothing"),
        pytest.param({"http": "set_real_ip_from 192.0.2.0/24;"}, id="a CDN's network"),
        pytest.param({"http": "set_real_ip_from unix:;"}, id="a socket"),
        pytest.param(
            {"inside": "proxy_set_header Cookie $http_cookie;"}, id="header passed on"
        ),
        pytest.param({"server": "error_log error.log warn;"}, id="usual error log"),
        pytest.param(
            {"inside": "proxy_set_header X-Forwarded-For $http_x_real_ip;"},
            id="the peer's address in the last line",
        ),
    ],
)
def test_what_harms_nothing_is_not_reported(
    examine: Examine, changes: dict[str, str]
) -> None:
    assert examine(**changes) == [CUT_OFF]


@pytest.mark.parametrize(
    ("pattern", "is_left_out"),
    [
        pytest.param('"~^\\S+ /stats/" 0', True, id="the path"),
        pytest.param('"~*^[a-z]+ /STATS/" ""', True, id="the path in capitals"),
        pytest.param('"~^\\S+ /other/" 0', False, id="another path"),
        pytest.param('"~^\\S+ /stats/" 1', False, id="logged on purpose"),
        pytest.param('"~(" 0', False, id="a pattern that nobody reads"),
    ],
)
def test_a_condition_can_keep_the_path_out_of_the_servers_log(
    examine: Examine, pattern: str, *, is_left_out: bool
) -> None:
    got = examine(
        http=f"map $request $is_logged {{ default 1; {pattern}; }}\n"
        "access_log access.log combined if=$is_logged;"
    )

    assert got == ([] if is_left_out else [CUT_OFF])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"changes": [(OWN_PAGES, "")], "server": "error_page 502 /50x.html;"},
            "finding nginx's answers: server shop.example, location ^~ /stats/:"
            " /50x.html answers failed requests (502) and logs the visitor",
            id="error_page of the server",
        ),
        pytest.param(
            {
                "changes": [(OWN_PAGES, "error_page 504 @sorry;")],
                "server": "location @sorry { }",
            },
            "@sorry answers failed requests (504) and logs",
            id="error_page with a name",
        ),
        pytest.param(
            {"changes": [(OWN_PAGES, "error_page 504 /$host.html;")]},
            "look",
            id="error_page with a variable",
        ),
        pytest.param(
            {
                "changes": [
                    (OWN_PAGES, "error_page 404 /404.html;"),
                    ("intercept_errors off", "intercept_errors on"),
                ]
            },
            "/404.html answers failed requests (404)",
            id="error_page for the proxy's answers",
        ),
        pytest.param(
            {"changes": [(REFUSALS[1], "")]},
            "finding nginx's answers: server shop.example: the access log gets"
            " malformed",
            id="refusals in the server's log",
        ),
        pytest.param(
            {"server": "error_log error.log info;"},
            "finding nginx's answers: server shop.example: the error log gets",
            id="error log with malformed requests",
        ),
        pytest.param(
            {
                "changes": [("location ^~ /stats/", "location /stats/")],
                "server": "location ~ \\.(js|gif)$ { expires 1d; }",
            },
            "finding nginx's answers: server shop.example, location ~ \\.(js|gif)$"
            " answers /stats/p.gif, /stats/script.js in place of Millpond",
            id="images' location is first",
        ),
        pytest.param(
            {"inside": "if ($arg_x) { access_log a.log; }"},
            "if $arg_x: a.log gets $",
            id="log in a condition, which passes on requests too",
        ),
        pytest.param(
            {"inside": "location /stats/old/ { access_log a.log; return 410; }"},
            "location /stats/old/: a.log gets $",
            id="log in an inner location",
        ),
        pytest.param(
            {
                "changes": [(OFF, "access_log $remote_addr.log short;")],
                "http": "log_format short $status;",
            },
            "$remote_addr.log gets $remote_addr of",
            id="log named by the visitor",
        ),
        pytest.param(
            {
                "changes": [
                    ("error_log /dev/null;", "error_log a.log; error_log /dev/null;")
                ]
            },
            "a.log gets the address of visitors whose requests fail",
            id="two error logs",
        ),
        pytest.param(
            {"http": "set_real_ip_from 0.0.0.0/0;"},
            "finding client address: server shop.example, location ^~ /stats/:"
            " set_real_ip_from 0.0.0.0/0",
            id="everybody is a proxy",
        ),
        pytest.param(
            {"server": "set_real_ip_from ::/0;"}, "set_real_ip_from ::/0", id="IPv6"
        ),
        pytest.param(
            {"server": "set_real_ip_from 0.0.0.0/1; set_real_ip_from 192.0.2.1;"},
            "set_real_ip_from 0.0.0.0/1",
            id="half of everybody",
        ),
        pytest.param(
            {"changes": [("For $remote_addr", 'For "$remote_addr, $http_x_real_ip"')]},
            "finding client address: server shop.example, location ^~ /stats/: nginx"
            " passes on x-forwarded-for as the visitor sent it",
            id="the visitor's own address last",
        ),
        pytest.param({"inside": "mirror /copy;"}, "`mirror` sends each", id="mirror"),
        pytest.param(
            {"http": "mirror /copy;"}, "`mirror` sends each", id="inherited mirror"
        ),
        pytest.param(
            {"inside": "proxy_cache all; proxy_cache_methods POST;"},
            "cache keeps URLs",
            id="cache of POST",
        ),
        pytest.param({"http": "proxy_cache all;"}, "cache keeps URLs", id="cache"),
        pytest.param({"inside": "proxy_store on;"}, "`proxy_store` keeps", id="store"),
        pytest.param({"http": "userid on;"}, "`userid` gives", id="cookie"),
        pytest.param({"server": "auth_request /who;"}, "look web server:", id="auth"),
        pytest.param({"http": "post_action /after;"}, "look web server:", id="after"),
        pytest.param({"http": "modsecurity on;"}, "look web server:", id="firewall"),
        *(
            pytest.param(
                {"inside": f'proxy_set_header {name} "";'},
                f"finding web server: server shop.example, location ^~ /stats/: nginx"
                f" replaces the header {name.lower()}",
                id=f"{name} emptied",
            )
            for name in ("Cookie", "Sec-GPC", "DNT", "Origin", "User-Agent", "Referer")
        ),
        pytest.param(
            {"inside": "proxy_pass_request_headers off;"}, "objections", id="no headers"
        ),
        pytest.param({"inside": "proxy_pass_request_body off;"}, "lost", id="no body"),
        pytest.param({"inside": "proxy_set_body x;"}, "lost", id="another body"),
        pytest.param({"inside": "proxy_method GET;"}, "lost", id="another method"),
        pytest.param(
            {"inside": "proxy_hide_header Set-Cookie;"}, "no objection", id="no cookie"
        ),
        pytest.param(
            {"changes": [("Host $host", "Host shop.internal")]},
            "look web server: server shop.example, location ^~ /stats/: nginx replaces"
            " the header host; Segment's",
            id="another host",
        ),
        pytest.param(
            {"changes": [("proxy_set_header Host $host;", "")]},
            "replaces the header host; Segment's",
            id="nginx's own host",
        ),
        pytest.param(
            {
                "changes": [
                    (OFF, ""),
                    (TARGET, TARGET.replace("127.0.0.1:8080", "$u")),
                ],
                "server": "set $u 127.0.0.1:8080;",
            },
            "finding web server's log: server shop.example, location ^~ /stats/:"
            " logs/access.log gets",
            id="a variable that is known",
        ),
        pytest.param(
            {
                "changes": [
                    (OFF, ""),
                    (TARGET, TARGET.replace("127.0.0.1:8080", "$u$p")),
                ],
                "http": "map $uri $u { default 127.0.0.1; }"
                " map $uri $p { default :8080; }",
            },
            "finding web server's log: server shop.example, location ^~ /stats/:",
            id="two variables of maps",
        ),
        pytest.param(
            {"server": "location /other/ { proxy_pass http://$arg_u; }"},
            "look web server's log: server shop.example, location /other/: proxy_pass"
            " http://$arg_u contains a variable",
            id="a variable that is not known",
        ),
        pytest.param(
            {"main": "stream { server { listen 9000; proxy_pass localhost:8080; } }"},
            "finding web server's log: stream:",
            id="connections without an address",
        ),
    ],
)
def test_a_change_that_harms_is_reported(
    examine: Examine, changes: dict[str, str], expected: str
) -> None:
    arguments = dict(changes)
    got = examine(*arguments.pop("changes", ()), **arguments)

    assert any(expected in text for text in got if text != CUT_OFF)


@pytest.mark.parametrize("target", ["http://millpond:8080", "http://192.0.2.7:8080"])
def test_a_proxy_on_all_addresses_is_known_by_its_port(
    examine: Examine, target: str
) -> None:
    proxy = ProxySettings(
        host="0.0.0.0",  # noqa: S104 - nothing is bound
        path_prefix="/stats",
        client_ip="xff",
        trusted_proxies=("192.0.2.0/24",),
    )
    got = examine(
        (TARGET, TARGET.replace("http://127.0.0.1:8080", target)),
        (OFF, ""),
        proxy=proxy,
    )

    assert any("logs/access.log gets $" in text for text in got)


def test_a_file_with_locations_only_is_examined(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(SHIPPED)

    assert "fine" in [result.level for result in nginx(ProxySettings(), file)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/a/b", "location = /a/b", id="exact"),
        pytest.param("/a/b.js", "location ~ \\.js$", id="pattern before prefix"),
        pytest.param("/a/c", "location /a/", id="longest prefix"),
        pytest.param("/kept/x.js", "location ^~ /kept/", id="no pattern wanted"),
        pytest.param("/x.JS", "location /", id="capitals matter"),
        pytest.param("/x.GIF", "location ~* \\.gif$", id="capitals do not matter"),
        pytest.param("/a/in/x", "location /a/, location /a/in/", id="inner"),
    ],
)
def test_a_path_is_answered_where_nginx_answers_it(
    tmp_path: Path, path: str, expected: str
) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(
        "http { server { location / { } location = /a/b { } location ~ \\.js$ { }"
        " location ~ ( { } location ~* \\.gif$ { } location ^~ /kept/ { }"
        " location /a/ { location /a/in/ { } } } }"
    )
    blocks = load_nginx(file).blocks
    found = Locations(blocks, blocks[-1].server).find(path)

    assert found.name == f"server, {expected}"
