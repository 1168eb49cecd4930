"""The browser tag as the proxy serves it: the same bytes for every visitor.

Neither the script nor its headers may differ between two visitors, or a browser's
cache would become an identifier. So there is no id, no entity tag and no date.
"""

from pathlib import Path
from types import MappingProxyType

from config.settings import ProxySettings
from proxy.routes.minify import minify

_SOURCE = Path(__file__).with_name("tag.js")
_EVENTS_PATH = '"v1/events"'
_TAG_PATH = "/m.js"

TAG_HEADERS = MappingProxyType(
    {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": "public, max-age=3600",
        # A cross-origin isolated page may still load the tag from another host.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
)


def tag_script(proxy: ProxySettings) -> bytes:
    """Return the tag for the configured path, with the path to ``/v1/events`` in it.

    The path is relative to the tag's own URL, so a site's web server may serve both
    under any prefix and remove it again. A tag that is inlined in a page has no URL,
    and uses the configured prefix.
    """
    folders_up = "../" * (proxy.tag_path.count("/") - 1)
    script = minify(_SOURCE.read_text(encoding="utf-8"))
    script = script.replace(_TAG_PATH, proxy.path_prefix + proxy.tag_path)
    return script.replace(_EVENTS_PATH, f'"{folders_up}v1/events"').encode()
