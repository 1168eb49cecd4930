"""A real nginx writes logs, in the documented formats, and the import counts them."""

import re
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from config.settings import ProxySettings, Settings
from proxy.history.file_problems import NoAddressError
from tests.processes import free_ports
from tests.proxy.history.in_process_import import AGENT, BOT, run, stored
from tests.proxy.shipped_nginx import nginx_config, running_nginx
from tests.test_house import ROOT
from tests.waiting import wait_until

# Later than what nginx logs now.
LATER = 4_102_444_800
PROBE = "/probe.txt"
# The names of the logs, and what the import says of each.
TITLES = {
    "documented.log": "nginx JSON",
    "combined.log": "combined",
    "main.log": "combined",
    "common.log": "common, without User-Agents",
    "hosts.log": "combined",
    "proxied.log": "Nginx Proxy Manager",
    "other.log": "Nginx Proxy Manager",
}
FORMATS = """
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
        '$status $body_bytes_sent "$http_referer" "$http_user_agent" '
        '"$http_x_forwarded_for"';
    log_format plain '$remote_addr - $remote_user [$time_local] "$request" '
        '$status $body_bytes_sent';
    log_format hosts '$host:$server_port $remote_addr - $remote_user [$time_local] '
        '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
    log_format proxied '[$time_local] $upstream_cache_status $upstream_status $status '
        '- $request_method $scheme $host "$request_uri" [Client $remote_addr] '
        '[Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] '
        '"$http_user_agent" "$http_referer"';
    log_format other '[$time_local] $status - $request_method $scheme $host '
        '"$request_uri" [Client $remote_addr] [Length $body_bytes_sent] '
        '[Gzip $gzip_ratio] "$http_user_agent" "$http_referer"';
"""
SERVER = """
    server {
        listen 127.0.0.1:PORT;
        server_name shop.example;
        access_log documented.log millpond;
        access_log combined.log combined;
        access_log main.log main;
        access_log common.log plain;
        access_log hosts.log hosts;
        set $server 10.0.0.2;
        access_log proxied.log proxied;
        access_log other.log other;
        location / { return 200 "page"; }
    }
"""
REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/", {"User-Agent": AGENT, "Referer": "https://www.google.com/"}),
    ("/a?utm_source=news&q=%22caf%C3%A9%22", {"User-Agent": AGENT}),
    ("/a", {"User-Agent": f'{AGENT} "quoted" \\x22 \u00e9'}),
    ("/robot", {"User-Agent": BOT}),
    ("/none", {}),
    ("/style.css", {"User-Agent": AGENT}),
    ("/stats/v1/visit", {"User-Agent": AGENT}),
)


def documented_format() -> str:
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"(?ms)^```nginx\n(.*?)^```", page)
    (block,) = blocks
    return block


def get(port: int, path: str, **headers: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", "shop.example")
    connection.putheader("X-Forwarded-For", "198.51.100.7")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value.encode())
    connection.endheaders()
    connection.getresponse().read()
    connection.close()


def answers(port: int) -> bool:
    with suppress(OSError):
        get(port, PROBE)
        return True
    return False


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory in which nginx logged the requests."""
    directory = tmp_path_factory.mktemp("logged") / "nginx"
    (port,) = free_ports(1)
    server = SERVER.replace("PORT", str(port))
    config = nginx_config(documented_format() + FORMATS + server, access_log="off")
    with running_nginx(directory, config):
        wait_until(lambda: answers(port), "nginx to answer")
        for path, headers in REQUESTS:
            get(port, path, **headers)
    return directory


@pytest.mark.parametrize(("name", "title"), TITLES.items(), ids=TITLES.keys())
def test_a_log_of_a_real_nginx_is_recognised_and_counted(
    settings: Settings, logs: Path, name: str, title: str
) -> None:
    outcome = run(settings, logs / name, now_s=LATER)
    events = stored(settings)
    has_agents = name != "common.log"

    assert [file.title for file in outcome.files] == [title]
    assert outcome.problems == []
    assert sorted(outcome.tally.skipped) == [
        "call by a program: tracker, image service, health check",
        "file, feed or part of a page",
    ]
    paths = sorted(events["path"].to_list())
    if has_agents:
        assert paths == ["/", "/a", "/a"]
        assert outcome.tally.dropped == {"bot": 2}
        assert set(events["browser"]) == {"Chrome"}
        assert events.filter(path="/")["source"].to_list() == ["Google"]
    else:
        assert paths == ["/", "/a", "/a", "/none", "/robot"]
        assert outcome.tally.no_agent == 5
    assert events["utm_source"].drop_nulls().to_list() == ["news"]
    assert set(events["hostname"]) == {"shop.example"}
    assert events["visitor"].null_count() == 0


def test_the_formats_with_a_client_behind_the_proxy_give_the_same_visitors(
    settings: Settings, logs: Path
) -> None:
    run(settings, logs / "documented.log", now_s=LATER)
    first = stored(settings)
    again = run(settings, logs / "main.log", now_s=LATER)

    assert again.duplicates == first.height == stored(settings).height


def test_a_log_of_private_peers_only_is_an_error_behind_a_proxy(
    settings: Settings, logs: Path
) -> None:
    proxy = ProxySettings(client_ip="xff", trusted_proxies=("127.0.0.1",))
    behind = replace(settings, proxy=proxy)
    outcome = run(behind, logs / "combined.log", now_s=LATER)

    assert [type(problem) for problem in outcome.problems] == [NoAddressError]
    assert stored(settings)["visitor"].null_count() == 3
