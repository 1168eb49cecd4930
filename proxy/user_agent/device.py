"""Finds the device class in a User-Agent."""

from collections.abc import Callable
from enum import StrEnum

from proxy.user_agent.rules import build_first_match


class Device(StrEnum):
    """The kinds of devices that people view pages with."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    TABLET = "tablet"
    TV = "tv"
    CONSOLE = "console"
    WEARABLE = "wearable"
    OTHER = "other"


_CONSOLE = r"PlayStation|Xbox|Nintendo|Steam Deck"
_TV = (
    r"Smart-?\s?TV|\bTV\b|HbbTV|AndroidTV|GoogleTV|AppleTV|tvOS|Web0S|NetCast|CrKey"
    r"|Chromecast|BRAVIA|Roku|VIDAA|Viera|\bAFT[A-Z]{1,4}\b|InettvBrowser"
)
_WEARABLE = r"\bWatch\b|Watch[0-9]|watchOS|Wear ?OS|\bSM-R[0-9]"
# Headsets, cars, e-book readers.
_OTHER = (
    r"OculusBrowser|Quest [0-9P]|PicoBrowser"
    r"|Tesla/|QtCarBrowser|Automotive|Kindle/[0-9]"
)
# Many tablets say Mobile, so they are known by their names and model numbers.
_TABLET = (
    r"iPad|Tablet|PlayBook|\bXoom\b|Nexus (?:7|9|10)\b|Pixel C\b|Transformer"
    r"|\b(?:Mate|Media|Idea|Zen|MeMO ?|G )?Pad(?:[ ;)_-]|[0-9])|\bTab(?:[ ;)_-]|[0-9])"
    # Amazon, Samsung, Lenovo.
    r"|\bKF[A-Z]{2,5}\b|\bSM-[TXP][0-9]|\bGT-(?:P[0-9]|N51|N80)"
    r"|Lenovo (?:TB|YT|[ABS][0-9]{4,5}-?[HF]V?\b)|\bTB-?[0-9X]{3}|\bYT3?-"
    # Huawei and Honor: W is a tablet without a telephone.
    r"|\b(?:AGS|AGR|BAH|BTV|BZT|CMR|JDN|KOB|SCM|SHT)[0-9]?-[AL]+[0-9]{2}"
    r"|\b[A-Z]{3,4}[0-9]?-W[0-9]{2}\b|\bT1-[0-9]{3}"
    # Xiaomi, Oppo and OnePlus, Realme, Nokia.
    r"|\b2[0-9]{4}C?RP[0-9A-Z]{2,4}\b|\bOPD[0-9]{4}|\bRMP[0-9]{4}|Nokia T[0-9]{2}\b"
    # LG, Asus, Sony, Acer.
    r"|\bLG-V[4-7][0-9]{2}\b|\bLM-T[0-9]{3}|(?:\b|_)[KP]0[0-2][0-9A-Z]\b|\bSGPT?[0-9]{2,3}"
    r"|\b[AB][1-3]-[0-9A][0-9]{2}\b"
)
_MOBILE = (
    r"Mobi|Phone|iPod|Dalvik|Opera Mini|BlackBerry|BB10|KAIOS|Symb|MIDP|J2ME"
    r"|UP\.Browser|\bSM-[AFGJMNS][0-9]"
)
_DESKTOP = r"Windows|Macintosh|Mac OS X|X11|Linux|CrOS|BSD|SunOS|ms-office|MSOffice"

# The first match decides, so rare devices that name themselves come first.
_RULES = (
    (_CONSOLE, Device.CONSOLE),
    (_TV, Device.TV),
    (_WEARABLE, Device.WEARABLE),
    (_OTHER, Device.OTHER),
    (r"Tablet PC", Device.DESKTOP),
    (_TABLET, Device.TABLET),
    (_MOBILE, Device.MOBILE),
    # Google asks phone makers to include "Mobile", and tablet makers to leave it out.
    (r"Android", Device.TABLET),
    (_DESKTOP, Device.DESKTOP),
)


def build_device_rules() -> Callable[[str], Device | None]:
    """Return a function from a User-Agent to its device class, None if unknown."""
    first_match = build_first_match(
        (f"(?i){pattern}", device) for pattern, device in _RULES
    )

    def find_device(user_agent: str) -> Device | None:
        name = first_match(user_agent)
        return None if name is None else Device(name)

    return find_device
