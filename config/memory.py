"""How the data libraries give memory back; to be settled before they are imported.

Their allocator reads the variable once, as it is loaded. docs/decisions/0053 has what
each part of it was measured to do.
"""

from collections.abc import MutableMapping

ALLOCATOR = "_RJEM_MALLOC_CONF"
# One arena holds no spare pages for every thread; a tenth of a second keeps those that
# are wanted again at once.
_THRIFTY = "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0"


def configure_allocator(environment: MutableMapping[str, str]) -> None:
    """Make a build take a sixth less memory; what an operator has set stays."""
    environment.setdefault(ALLOCATOR, _THRIFTY)
