"""The memory allocator of the data libraries; configured before their import.

The allocator reads its variable once, when it is loaded. docs/decisions/0053 has the
measured effect of each part of the value.
"""

from collections.abc import MutableMapping

ALLOCATOR = "_RJEM_MALLOC_CONF"
# With one arena, threads keep no spare pages of their own. Freed pages stay for a tenth
# of a second, for code that allocates them again at once.
_THRIFTY = "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0"


def configure_allocator(environment: MutableMapping[str, str]) -> None:
    """Set the allocator's variable unless the operator has set it.

    A build then takes a sixth less memory.
    """
    environment.setdefault(ALLOCATOR, _THRIFTY)
