"""The browser tag as it is served: one text, the same bytes for every visitor.

Nothing in it or around it may differ between two visitors, or a browser's cache would
become an identifier: no id, no entity tag, no date.
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
        # A page that isolates itself may still load the tag from another host.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
)


def tag_script(proxy: ProxySettings) -> bytes:
    """Return the tag for the configured path; it finds ``/v1/events`` from there.

    The way is relative to the tag's own address, so that any prefix a site's web
    server puts before both of them, and takes off again, keeps working. A tag that a
    page holds in itself has no address, and uses the configured one.
    """
    folders_up = "../" * (proxy.tag_path.count("/") - 1)
    script = minify(_SOURCE.read_text(encoding="utf-8"))
    script = script.replace(_TAG_PATH, proxy.path_prefix + proxy.tag_path)
    return script.replace(_EVENTS_PATH, f'"{folders_up}v1/events"').encode()
