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
_TABLET = (
    r"iPad|Tablet|PlayBook|\bKF[A-Z]{2,5}\b|\bSM-[TXP][0-9]|\bGT-P[0-9]|Lenovo TB"
    r"|\bTB-[0-9X]|Nexus (?:7|9|10)\b|Pixel C\b"
)
_MOBILE = (
    r"Mobi|Phone|iPod|Dalvik|Opera Mini|BlackBerry|BB10|KAIOS|Symb|MIDP|J2ME"
    r"|UP\.Browser|\bSM-[AFGJMNS][0-9]"
)
_DESKTOP = r"Windows|Macintosh|X11|Linux|CrOS|BSD|SunOS"

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
