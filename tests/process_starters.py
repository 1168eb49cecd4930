"""Find the test modules that can start a process; `make quick` leaves them out.

Such a module uses `subprocess` or `multiprocessing`, itself or through another
module of the tests. So no test needs a marker set by hand.
"""

import sys
from functools import cache
from types import ModuleType

_STARTERS = frozenset({"subprocess", "multiprocessing"})


@cache
def starts_processes(name: str) -> bool:
    """Return whether the imported module *name* can start a process."""
    waiting, visited = [name], set[str]()
    while waiting:
        module = waiting.pop()
        if module.partition(".")[0] in _STARTERS:
            return True
        if module.startswith("tests.") and module not in visited:
            visited.add(module)
            waiting += _sources(sys.modules[module])
    return False


def _sources(module: ModuleType) -> set[str]:
    """Return the modules that *module* imports, or imports a value from."""
    return {
        value.__name__
        if isinstance(value, ModuleType)
        else str(getattr(value, "__module__", None))
        for value in vars(module).values()
    }
