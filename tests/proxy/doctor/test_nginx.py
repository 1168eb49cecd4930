"""The doctor reads from the nginx configuration what nginx logs and passes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import ProxySettings
from proxy.doctor.client_address import ABOUT as ADDRESS
from proxy.doctor.nginx import ABOUT, nginx
from proxy.doctor.nginx_file import NginxFileError, load_nginx

SHIPPED = Path(__file__).parents[3] / "deploy" / "nginx.conf"
# A location without findings.
SILENT = """
    access_log off;
    error_log /dev/null;
    client_max_body_size 1m;
    client_body_buffer_size 1m;
    proxy_pass http://127.0.0.1:8080;
    proxy_set_header X-Forwarded-For $remote_addr;
"""

CheckLocation = Callable[..., list[str]]


@pytest.fixture
def check_location(tmp_path: Path) -> CheckLocation:
    """Return a function that returns the findings about a configuration."""

    def check(location: str, http: str = "", client_ip: str = "xff") -> list[str]:
        file = tmp_path / "nginx.conf"
        file.write_text(
            "events {}\nhttp {\n" + http + "\nserver { server_name shop.example;\n"
            "location /stats/ {\n" + location + "\n} } }"
        )
        trusted = () if client_ip == "peer" else ("127.0.0.1/32",)
        proxy = ProxySettings(client_ip=client_ip, trusted_proxies=trusted)
        findings = [
            finding
            for finding in nginx(proxy, file)
            if finding.level != "fine" and finding.about in (ABOUT, ADDRESS)
        ]
        return [f"{finding.level} {finding.text}" for finding in findings]

    return check


def test_a_location_without_logs_is_fine(check_location: CheckLocation) -> None:
    assert check_location(SILENT) == []


def test_the_shipped_configuration_is_fine(check_location: CheckLocation) -> None:
    text = SHIPPED.read_text(encoding="utf-8")

    assert check_location("", http=f"server {{ {text} }}") == []


HERE = "server shop.example, location /stats/"
NO_LOG = SILENT.replace("access_log off;", "")
ALL = "$http_referer, $http_user_agent, $remote_addr, $remote_user, $request"


@pytest.mark.parametrize(
    ("location", "http", "expected"),
    [
        pytest.param(NO_LOG, "", f"logs/access.log gets {ALL} of", id="by default"),
        pytest.param(
            NO_LOG, "access_log /v/a;", f"/v/a gets {ALL} of", id="inherited, combined"
        ),
        pytest.param(
            f"{NO_LOG} access_log /v/a mine;",
            "log_format mine escape=json '$status ' '${http_x_forwarded_for}';",
            "/v/a gets $http_x_forwarded_for of",
            id="a format of several parts",
        ),
        pytest.param(
            f"{NO_LOG} access_log /v/a unheard_of;", "", "$unknown", id="no such format"
        ),
        pytest.param(
            f"{NO_LOG} access_log /v/a combined buffer=4k if=$some;",
            "",
            "$remote_addr",
            id="on some condition",
        ),
        pytest.param(
            f"{NO_LOG} if ($arg_x) {{ access_log /v/a; }}",
            "access_log off;",
            "if $arg_x: /v/a gets",
            id="not where it is said, but in a block of it",
        ),
    ],
)
def test_a_log_format_with_visitor_data_is_a_finding(
    check_location: CheckLocation, location: str, http: str, expected: str
) -> None:
    location = location.replace("{ access_log", f"{{ {ON} access_log")
    (text, *_) = [line for line in check_location(location, http) if "gets $" in line]

    assert text.startswith("finding server shop.example, location /stats/")
    assert expected in text


ON = "proxy_pass http://127.0.0.1:8080;"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param("$time_iso8601 $status $uri $request_time", [], id="of nobody"),
        pytest.param(
            "$masked $status",
            [f"look {HERE}: /v/a gets $masked, defined in that file"],
            id="made by the file",
        ),
    ],
)
def test_a_custom_log_format_is_checked(
    check_location: CheckLocation, form: str, expected: list[str]
) -> None:
    http = f"log_format mine '{form}'; map $remote_addr $masked {{ default 0; }}"

    assert check_location(f"{NO_LOG} access_log /v/a mine;", http) == expected


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        pytest.param("error_log /v/e;", "finding", id="errors"),
        pytest.param("error_log /v/e warn;", "finding", id="warnings too"),
        pytest.param("error_log /v/e crit;", "look", id="what is rare"),
        pytest.param("", "finding", id="by default"),
    ],
)
def test_an_error_log_is_a_finding_because_it_names_visitors(
    check_location: CheckLocation, directive: str, expected: str
) -> None:
    (text,) = check_location(SILENT.replace("error_log /dev/null;", directive))

    assert text.startswith(f"{expected} ")
    assert "the address of visitors whose requests fail" in text


@pytest.mark.parametrize(
    ("directives", "is_found"),
    [
        pytest.param("", True, id="by default"),
        pytest.param("client_body_buffer_size 512k;", True, id="half as large"),
        pytest.param(
            "client_body_buffer_size 2m; client_max_body_size 2m;", False, id="as large"
        ),
        pytest.param(
            "client_body_buffer_size 2m; client_max_body_size 0;", True, id="no limit"
        ),
        pytest.param("proxy_request_buffering off;", True, id="streamed, HTTP 1.0"),
        pytest.param(
            "proxy_request_buffering off; proxy_http_version 1.1;", False, id="streamed"
        ),
        pytest.param(
            "client_body_buffer_size 1m; client_body_in_file_only clean;",
            True,
            id="in a file by order",
        ),
    ],
)
def test_buffering_requests_in_files_is_a_finding(
    check_location: CheckLocation, directives: str, *, is_found: bool
) -> None:
    own = ("client_max_body_size 1m;", "client_body_buffer_size 1m;")
    bare = SILENT.replace(own[0], "").replace(own[1], "")
    texts = [
        line for line in check_location(bare + directives) if "large requests" in line
    ]

    assert len(texts) == is_found


HEADER = "proxy_set_header X-Forwarded-For $remote_addr;"


@pytest.mark.parametrize(
    ("client_ip", "directive", "expected"),
    [
        pytest.param("peer", "", None, id="no header is believed"),
        pytest.param("xff", "", "finding", id="passed on unchanged"),
        pytest.param(
            "xff", "proxy_set_header Host $host;", "finding", id="another header"
        ),
        pytest.param(
            "xff",
            "proxy_set_header x-forwarded-for $proxy_add_x_forwarded_for;",
            None,
            id="added to",
        ),
        pytest.param(
            "xff", "proxy_set_header X-Forwarded-For $mine;", "look", id="made somehow"
        ),
        pytest.param(
            "forwarded", "proxy_set_header Forwarded for=$remote_addr;", None, id="RFC"
        ),
        pytest.param("forwarded", HEADER, "finding", id="not the one believed"),
        pytest.param(
            "header:x-real-ip",
            "proxy_set_header X-Real-IP $remote_addr;",
            None,
            id="a header set by nginx",
        ),
        pytest.param("header:x-real-ip", "", "finding", id="ours, not written"),
        pytest.param("header:cf-connecting-ip", "", "look", id="a CDN's"),
    ],
)
def test_the_address_header_must_be_set_by_nginx(
    check_location: CheckLocation, client_ip: str, directive: str, expected: str | None
) -> None:
    texts = check_location(SILENT.replace(HEADER, directive), client_ip=client_ip)

    assert [line.split()[0] for line in texts] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("target", "is_ours"),
    [
        pytest.param("http://127.0.0.1:8080", True, id="address"),
        pytest.param("http://localhost:8080/x/", True, id="name and path"),
        pytest.param("http://[::1]:8080", True, id="IPv6"),
        pytest.param("http://pool", True, id="a group of servers"),
        pytest.param("http://127.0.0.1:9090", False, id="another port"),
        pytest.param("http://192.0.2.7:8080", False, id="another machine"),
    ],
)
def test_locations_that_pass_to_millpond_are_recognized(
    check_location: CheckLocation, target: str, *, is_ours: bool
) -> None:
    pool = "upstream pool { server 192.0.2.7:80; server 127.0.0.1:8080 backup; }"
    texts = check_location(
        f"proxy_pass {target};", f"access_log off; error_log /dev/null;{pool}"
    )

    assert any("location /stats/" in line for line in texts) == is_ours
    assert any("passes nothing to port 8080" in line for line in texts) != is_ours


def test_logging_is_a_finding_before_a_location_passes_to_millpond(
    check_location: CheckLocation,
) -> None:
    (text,) = check_location(
        "return 204;", http="access_log /var/log/nginx/access.log;"
    )

    assert text.startswith("finding ")
    assert "a new location for it would write each visitor's address" in text


def test_a_configuration_without_logs_only_needs_a_look(
    check_location: CheckLocation,
) -> None:
    (text,) = check_location("return 204;", http="access_log off; error_log /dev/null;")

    assert text.startswith("look ")


def test_included_files_are_checked(
    check_location: CheckLocation, tmp_path: Path
) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "a.conf").write_text(f"location /a/ {{ {SILENT} }}")
    (tmp_path / "sites" / "b.conf").write_text(f"location /b/ {{ {NO_LOG} }}")
    texts = check_location("", http="server { include sites/*.conf; }")

    assert [line.split(":")[0] for line in texts] == ["finding server, location /b/"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("http { server {", 'expecting "}"', id="not closed"),
        pytest.param("http }", 'unexpected "}"', id="closed too often"),
        pytest.param("include no/such.conf;", "No such file", id="what is not there"),
        pytest.param("include nginx.conf;", "it includes itself", id="a circle"),
        pytest.param(
            "http { proxy_set_header Host; }", "number of arguments", id="too little"
        ),
    ],
)
def test_an_unreadable_configuration_is_reported(
    tmp_path: Path, text: str, expected: str
) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(text)

    with pytest.raises(NginxFileError, match=expected):
        load_nginx(file)
