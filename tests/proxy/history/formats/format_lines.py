"""Lines of each format, made from the fields that its vendor documents."""

import json
from typing import Any

from tests.proxy.history.in_process_import import AGENT

ADDRESS = "198.51.100.7"
# 2026-11-20T10:00:00Z
AT = 1_795_168_800
STAMP = "20/Nov/2026:10:00:00 +0000"
FROM = "https://news.example/a"
PLUS_AGENT = AGENT.replace(" ", "+")
ENCODED_AGENT = AGENT.replace(" ", "%20")
TWICE_ENCODED_AGENT = AGENT.replace(" ", "%2520")


def caddy(*, headers: dict[str, list[str]] | None = None, **request: str) -> str:
    """Return a line of Caddy."""
    sent = {"User-Agent": [AGENT], "Referer": [FROM]} if headers is None else headers
    parts: dict[str, Any] = {"method": "GET", "host": "shop.example", "uri": "/a?b=c"}
    record = {
        "level": "info",
        "ts": AT + 0.524,
        "logger": "http.log.access",
        "msg": "handled request",
        "request": {**parts, "headers": sent, "proto": "HTTP/2.0", **request},
        "user_id": "",
        "duration": 0.0009,
        "size": 512,
        "status": 200,
        "resp_headers": {"Server": ["Caddy"]},
    }
    return json.dumps(record)


def traefik(**headers: str) -> str:
    """Return a line of Traefik in JSON."""
    record = {
        "ClientAddr": f"{ADDRESS}:55012",
        "ClientHost": ADDRESS,
        "ClientPort": "55012",
        "DownstreamContentSize": 512,
        "DownstreamStatus": 200,
        "Duration": 3_000_000,
        "OriginStatus": 200,
        "RequestAddr": "shop.example",
        "RequestHost": "shop.example",
        "RequestMethod": "GET",
        "RequestPath": "/a?b=c",
        "StartUTC": "2026-11-20T10:00:00.123456789Z",
        "level": "info",
        "msg": "",
        "time": "2026-11-20T10:00:01Z",
    }
    return json.dumps(
        record | {f"request_{k.replace('_', '-')}": v for k, v in headers.items()}
    )


def nginx(**fields: object) -> str:
    """Return a line of nginx in JSON, with the usual names of fields."""
    record: dict[str, object] = {
        "time_iso8601": "2026-11-20T10:00:00+00:00",
        "remote_addr": ADDRESS,
        "request": "GET /a?b=c HTTP/1.1",
        "status": "200",
        "body_bytes_sent": "512",
        "http_host": "shop.example",
        "http_referer": FROM,
        "http_user_agent": AGENT,
    }
    return json.dumps(
        {name: value for name, value in (record | fields).items() if value is not None}
    )


IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Version: 1.0\n"
    "#Date: 2026-11-20 10:00:00\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
    " cs(User-Agent) cs(Referer) cs-host sc-status sc-substatus sc-win32-status"
    " sc-bytes time-taken\n"
    f"2026-11-20 10:00:00 10.0.0.1 GET /a b=c 443 - {ADDRESS} {PLUS_AGENT} {FROM}"
    " shop.example 200 0 0 512 15"
)
CLOUDFRONT = (
    "#Version: 1.0\n"
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem"
    " sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type"
    " x-edge-request-id x-host-header cs-protocol cs-bytes time-taken\n"
    f"2026-11-20\t10:00:00\tFRA2\t512\t{ADDRESS}\tGET\td1.cloudfront.example\t/a\t200\t"
    f"{FROM}\t{{agent}}\tb=c\t-\tHit\tid==\tshop.example\thttps\t252\t0.001"
)
S3 = (
    f"79a59df900b949e5 pages [{STAMP}] {ADDRESS} - 3E57427F3EXAMPLE {{operation}}"
    ' a "GET {path} HTTP/1.1" 200 - 512 512 11 10'
    f' "{FROM}" "{AGENT}" - 9vKBE6vM= - - - {{host}} - - -'
)
ALB = (
    f"https 2026-11-20T10:00:00.186641Z app/lb/50dc {ADDRESS}:2817 10.0.0.1:80 0.086"
    ' 0.048 0.037 200 200 0 512 "GET https://shop.example:443/a?b=c HTTP/2.0"'
    f' "{AGENT}" ECDHE-RSA TLSv1.2 arn:aws:x "Root=1-58" "shop.example" "arn:y" 1'
    ' 2026-11-20T10:00:00.000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
)
HAPROXY = (
    f"{ADDRESS}:33317 [20/Nov/2026:10:00:00.655] http-in static/srv1 10/0/30/69/109"
    ' 200 512 - - ---- 1/1/1/1/0 0/0 {captures}"GET /a?b=c HTTP/1.1"'
)
NPM = (
    f"[{STAMP}] {{cache}}200 - GET https shop.example"
    f' "/a?b=c" [Client {ADDRESS}] [Length 512] [Gzip -] {{sent}}"{AGENT}" "{FROM}"'
)
COMBINED = f'{ADDRESS} - - [{STAMP}] "GET /a?b=c HTTP/1.1" 200 512'


def facts(
    *,
    host: str | None = "shop.example",
    agent: str | None = AGENT,
    referrer: str | None = FROM,
    hops: tuple[str, ...] = (ADDRESS,),
    target: str = "/a?b=c",
) -> tuple[object, ...]:
    return AT, host, hops, target, agent, referrer, "GET", "200 512"


# name: text of the file, name of the format, title, facts of the last line
CASES: dict[str, tuple[str, str, str, tuple[object, ...]]] = {
    "combined": (
        f'{COMBINED} "{FROM}" "{AGENT}"',
        "combined",
        "combined",
        facts(host=None),
    ),
    "common": (
        COMBINED,
        "combined",
        "common, without User-Agents",
        facts(host=None, agent=None, referrer=None),
    ),
    "Traefik": (
        f'{COMBINED} "{FROM}" "{AGENT}" 5 "web@docker" "http://10.0.0.2:80" 3ms',
        "traefik",
        "Traefik",
        facts(host=None),
    ),
    "Traefik without headers": (
        f'{COMBINED} "-" "-" 5 "web@docker" "http://10.0.0.2:80" 3ms',
        "traefik",
        "Traefik",
        facts(host=None, agent=None, referrer=None),
    ),
    "Traefik JSON": (
        traefik(User_Agent=AGENT, Referer=FROM),
        "traefik-json",
        "Traefik JSON",
        facts(),
    ),
    "Traefik JSON without headers": (
        traefik(),
        "traefik-json",
        "Traefik JSON",
        facts(agent=None, referrer=None),
    ),
    "Caddy": (caddy(remote_ip=ADDRESS), "caddy", "Caddy JSON", facts()),
    "Caddy behind a proxy it trusts": (
        caddy(remote_ip="10.0.0.1", client_ip=ADDRESS),
        "caddy",
        "Caddy JSON",
        facts(),
    ),
    "Caddy 2.4": (
        caddy(remote_addr=f"{ADDRESS}:41342"),
        "caddy",
        "Caddy JSON",
        facts(hops=(f"{ADDRESS}:41342",)),
    ),
    "Caddy, no User-Agent sent": (
        caddy(remote_ip=ADDRESS, headers={"Accept": ["*/*"]}),
        "caddy",
        "Caddy JSON",
        facts(agent="", referrer=None),
    ),
    "nginx JSON": (nginx(), "json", "nginx JSON", facts()),
    "nginx JSON, parts": (
        nginx(request=None, request_method="GET", uri="/a", args="b=c"),
        "json",
        "nginx JSON",
        facts(),
    ),
    "nginx JSON, numbers": (
        nginx(time_iso8601=None, msec=AT + 0.5, status=200, body_bytes_sent=512),
        "json",
        "nginx JSON",
        facts(),
    ),
    "nginx JSON, local time": (
        nginx(time_iso8601=None, time_local=STAMP),
        "json",
        "nginx JSON",
        facts(),
    ),
    "nginx JSON, duration in time": (
        nginx(time_iso8601=None, time="0.004", time_local=STAMP),
        "json",
        "nginx JSON",
        facts(),
    ),
    "nginx JSON, forwarded": (
        nginx(remote_addr="10.0.0.1", http_x_forwarded_for=f"{ADDRESS}, 10.0.0.2"),
        "json",
        "nginx JSON",
        facts(hops=("10.0.0.1", "10.0.0.2", ADDRESS)),
    ),
    "nginx JSON, agent not logged": (
        nginx(http_user_agent=None, http_referer=None),
        "json",
        "nginx JSON",
        facts(agent=None, referrer=None),
    ),
    "nginx JSON, no agent sent": (
        nginx(http_user_agent="", http_referer="-"),
        "json",
        "nginx JSON",
        facts(agent="", referrer=None),
    ),
    "nginx JSON with the default escapes": (
        nginx().replace("/a?b=c", "/a?b=\\x22c\\xC3\\xA9"),
        "json",
        "nginx JSON",
        facts(target='/a?b="cé'),
    ),
    "Elastic's names": (
        json.dumps(
            {
                "@timestamp": "2026-11-20T10:00:00.000Z",
                "source": {"ip": ADDRESS},
                "http": {
                    "request": {"method": "GET"},
                    "response": {"status_code": 200, "body": {"bytes": 512}},
                },
                "url": {"original": "/a?b=c", "domain": "shop.example"},
                "domain": "shop.example",
                "bytes": 512,
                "referrer": FROM,
                "user_agent": {"original": AGENT},
            }
        ),
        "json",
        "nginx JSON",
        facts(),
    ),
    "IIS": (IIS, "w3c", "W3C extended (IIS)", facts()),
    "CloudFront": (
        CLOUDFRONT.format(agent=ENCODED_AGENT),
        "cloudfront",
        "CloudFront",
        facts(),
    ),
    "CloudFront, encoded twice": (
        CLOUDFRONT.format(agent=TWICE_ENCODED_AGENT),
        "cloudfront",
        "CloudFront",
        facts(),
    ),
    "S3 website": (
        S3.format(
            operation="WEBSITE.GET.OBJECT", path="/a?b=c", host="www.shop.example"
        ),
        "s3",
        "Amazon S3",
        facts(host="www.shop.example"),
    ),
    "S3, bucket in the path": (
        S3.format(
            operation="REST.GET.OBJECT",
            path="/pages/a?b=c",
            host="s3.eu-central-1.amazonaws.com",
        ),
        "s3",
        "Amazon S3",
        facts(host=None),
    ),
    "S3, bucket in the host": (
        S3.format(
            operation="REST.GET.OBJECT",
            path="/pages/a",
            host="pages.s3.eu-central-1.amazonaws.com",
        ),
        "s3",
        "Amazon S3",
        facts(host=None, target="/pages/a"),
    ),
    "load balancer": (
        ALB,
        "alb",
        "Amazon load balancer",
        facts(host="shop.example:443", referrer=None, hops=(f"{ADDRESS}:2817",)),
    ),
    "classic load balancer": (
        ALB.removeprefix("https "),
        "alb",
        "Amazon load balancer",
        facts(host="shop.example:443", referrer=None, hops=(f"{ADDRESS}:2817",)),
    ),
    "HAProxy": (
        HAPROXY.format(captures=""),
        "haproxy",
        "HAProxy",
        facts(host=None, agent=None, referrer=None),
    ),
    "HAProxy in syslog, with captures": (
        "Nov 20 10:00:00 lb haproxy[14389]: "
        + HAPROXY.format(captures=f"{{shop.example|{AGENT}|{FROM}}} {{nginx}} "),
        "haproxy",
        "HAProxy",
        facts(),
    ),
    # The next two have the form of lines that HAProxy 2.6 wrote.
    "HAProxy without a server, no User-Agent sent": (
        "\n".join(
            f"{ADDRESS}:35964 [20/Nov/2026:10:00:00.249] web web/<NOSRV> 0/-1/-1/-1/0"
            f' 200 512 - - LR-- 1/1/0/0/0 0/0 {captures} "GET /a?b=c HTTP/1.1"'
            for captures in (f"{{shop.example|{AGENT}|}}", "{192.0.2.1:8080||}")
        ),
        "haproxy",
        "HAProxy",
        facts(host="192.0.2.1:8080", agent="", referrer=None),
    ),
    "HAProxy, common log format": (
        f'{COMBINED} "" "" 49664 649 "clf" "clf" "<NOSRV>" 0 -1 -1 -1 0 LR-- 1 "" "" ',
        "combined",
        "common, without User-Agents",
        facts(host=None, agent=None, referrer=None),
    ),
    "HAProxy, IPv6 and a captured client": (
        HAPROXY.format(captures="{192.0.2.9|} ").replace(ADDRESS, "2001:db8::7"),
        "haproxy",
        "HAProxy",
        facts(host=None, agent=None, referrer=None, hops=("2001:db8::7", "192.0.2.9")),
    ),
    "Nginx Proxy Manager, proxied": (
        NPM.format(cache="- 200 ", sent="[Sent-to 10.0.0.2] "),
        "npm",
        "Nginx Proxy Manager",
        facts(),
    ),
    "Nginx Proxy Manager, other host": (
        NPM.format(cache="", sent=""),
        "npm",
        "Nginx Proxy Manager",
        facts(),
    ),
}
