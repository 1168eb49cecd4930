"""The page on which a visitor objects, without JavaScript, and takes it back.

The cookie it sets holds no id, is the only one Millpond ever sets, and is never made
to last longer: an objection stands for thirteen months from when it was made.
"""

import re

from multidict import MultiMapping

from proxy.pipeline.opt_out import COOKIE, has_opted_out

PATH = "/optout"
_CHOICE_IN = re.compile(rb"(?:^|&)choice=in(?:&|$)")
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
<p>This site counts visits without cookies. Your address and browser are used in memory
to tell visits of one day apart, and are never stored.</p>
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
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def opt_out_page(*, opted_out: bool) -> str:
    """Return the page for a visitor who has objected, or has not."""
    if opted_out:
        return _PAGE.format(
            state="You are not counted.", choice="in", button="Count my visits again"
        )
    return _PAGE.format(
        state="Your visits are counted.", choice="out", button="Do not count my visits"
    )


def choice_headers(body: bytes, headers: MultiMapping[str]) -> dict[str, str]:
    """Return the headers that carry out the choice in a posted form, and lead back.

    A form without a choice is an objection, and so is one that cannot be read.
    """
    secure = "; Secure" if headers.get("Origin", "").startswith("https:") else ""
    answer = {"Location": "optout", **HEADERS}
    if _CHOICE_IN.search(body):
        answer["Set-Cookie"] = f"{COOKIE}=; Path=/; Max-Age=0; SameSite=Lax{secure}"
    elif not has_opted_out(headers):
        age = f"Max-Age={_THIRTEEN_MONTHS_S}"
        answer["Set-Cookie"] = f"{COOKIE}=1; Path=/; {age}; SameSite=Lax{secure}"
    return answer
