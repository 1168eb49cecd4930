"""The page where a visitor opts out, or in again, without JavaScript.

The opt-out cookie holds no id and is the only cookie that Millpond sets. Its life is
never extended: an opt-out ends thirteen months after the visitor chose it.
"""

import re

from multidict import MultiMapping

from proxy.pipeline.opt_out import COOKIE, has_opted_out

PATH = "/optout"
_CHOICE_IN = re.compile(rb"(?:^|&)choice=in(?:&|$)")
_PORT = re.compile(r":[0-9]*$")
_THIRTEEN_MONTHS_S = 395 * 86_400
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Visitor statistics</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto;
  padding: 0 1rem; color: #222; background: #fff; }}
button {{ font: inherit; padding: .5rem 1rem; }}
</style>
<h1>Visitor statistics</h1>
<p>This site counts visits without cookies. Your address and browser are used only in
memory, to tell visitors apart within one day, and are never stored.</p>
<p><strong>{state}</strong></p>
<form method="post"><button name="choice" value="{choice}">{button}</button></form>
</html>
"""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
        " frame-ancestors 'self'"
    ),
    # With "no-referrer" the page's own form would be sent with "Origin: null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def opt_out_page(*, opted_out: bool) -> str:
    """Return the page for a visitor who has opted out, or has not."""
    if opted_out:
        return _PAGE.format(
            state="You are not counted.", choice="in", button="Count my visits again"
        )
    return _PAGE.format(
        state="Your visits are counted.", choice="out", button="Do not count my visits"
    )


def is_withdrawal(body: bytes) -> bool:
    """Whether the posted form takes an objection back."""
    return _CHOICE_IN.search(body) is not None


def is_foreign(headers: MultiMapping[str], known_origin: str | None) -> bool:
    """Whether a page of somebody else sent the form; *known_origin* is of a site.

    The browser's ``Sec-Fetch-Site`` decides. Browsers without it send ``Origin``,
    which is also the page's own if it is the host that the browser asked for.
    """
    if known_origin is not None:
        return False
    fetch_site = headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = headers.get("Origin")
    if origin is None:
        return False
    return _host(origin.partition("://")[2]) != _host(headers.get("Host", ""))


def _host(authority: str) -> str:
    # The web server in front may pass the host without its port.
    return _PORT.sub("", authority.lower())


def choice_headers(body: bytes, headers: MultiMapping[str]) -> dict[str, str]:
    """Return the headers that apply a posted choice and redirect to the page.

    A form without a readable choice counts as an opt-out.
    """
    secure = "; Secure" if headers.get("Origin", "").startswith("https:") else ""
    response_headers = {"Location": "optout", **HEADERS}
    if is_withdrawal(body):
        response_headers["Set-Cookie"] = (
            f"{COOKIE}=; Path=/; Max-Age=0; SameSite=Lax{secure}"
        )
    elif not has_opted_out(headers):
        age = f"Max-Age={_THIRTEEN_MONTHS_S}"
        response_headers["Set-Cookie"] = (
            f"{COOKIE}=1; Path=/; {age}; SameSite=Lax{secure}"
        )
    return response_headers
