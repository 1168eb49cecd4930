"""Removes from a User-Agent the names of people's devices and software.

Such a name may contain a word that is typical of bots: the phones of CUBOT, the browser
of Sogou, Viber with its own browser.
"""

import re

# What is left of an app that names no browser. No bot is called so.
_APP = "[app]"
# The comment of a browser on Android names the device: version; model Build/number.
_ANDROID = re.compile(r"\([^()]{0,40}Android [^()]{0,300}")
_BUILD = " Build/"
_APP_ONLY = re.compile(
    # UC Browser's short form, and Facebook's apps.
    r"^dv\(\S{0,200};pr\(UCBrowser/\S*|(?:^\(null\) ?)?\[FBAN/[^\]]*\]|^FBAN/\S*"
)
_SOFTWARE = re.compile(
    # Televisions and news readers.
    r"WebAppManager|\bCatcher\d|GoogleTV|google_cube|SmartNews|NewsBreak"
    r"|AppleNews/\d+|NewsArticle/[\d.]+|Opera News"
    r"|\bNews/[\d.]+(?= Version/)"
    # Browsers, and apps with a browser of their own.
    r"|Sogou(?:MSE|MobileBrowser|Search|Explorer|PCBrowser)\b"
    r"|(?<= )(?:Viber|WhatsApp)/[\d.]+|Process/tools\w*"
    r"|Google (?:Nexus|Earth|Pixel)\b|GooglePlayStore|googleweblight"
    r"|Embedded(?: Web Browser|WB [\d.]+) from: http://(?:www\.)?bsalsa\.com/"
    r"|[(\[](?:http://)?(?:www\.)?avantbrowser\.com[)\]]|QQ-(?:URL-)?Manager"
    # Extensions and toolbars.
    r"|chromeframe(?:/[\d.]+)?|FirePHP/[\d.]+|Fire(?:Download|Torrent)/[\d.]+"
    r"|GWX:\w+|(?i:msn optimized)\w*|\(AutoProxy[\w-]*\)|HbTools|IDS\d Agent"
    r"|Splashtop|masking-agent|(?<=; )User-agent: (?=Mozilla)"
    r"|(?:Sgrunt|snprtz)\|[^;)]{0,80}|Technology%20Preview"
    # Phones from before Android, and other devices.
    r"|JavaPlatform/|Java/Jbed|java_runtime_version|MAUI ?\((?:HTTP PGDL; ?HTTPS)?\)"
    r"|Opera \(HTTPS\)|Phone Hybrid\(\)|AlphaServer|Windows Server"
    r"|(?<=IEMobile/\d\d\.0; )[^)]{0,80}|(?<=IEMobile/\d\.0; )[^)]{0,80}|^0 (?=Opera/)"
)


def without_people(user_agent: str) -> str:
    """Return *user_agent* without the names of people's devices and software."""
    text = _ANDROID.sub(_without_device, user_agent)
    text = _SOFTWARE.sub("", text)
    return _APP_ONLY.sub(_APP, text) if "(UCBrowser" in text or "FBAN" in text else text


def _without_device(comment: re.Match[str]) -> str:
    """Return the comment without the device: its parts up to the build.

    Bots name themselves and a version there: ``Storebot-Google/1.0``.
    """
    parts = comment[0].split(";")
    builds = [n for n, part in enumerate(parts) if _BUILD in f" {part}"]
    end = builds[0] if builds else len(parts)
    return ";".join(
        "" if n == end or (n < end and _is_device(part)) else part
        for n, part in enumerate(parts)
    )


def _is_device(part: str) -> bool:
    return "/" not in part and "Android " not in part
