"""Which test modules can start a process, for `make quick` to leave out.

A module can when it uses `subprocess` or `multiprocessing`, itself or through another
module of the tests. So nobody has to remember a marker.
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
    """Return the modules that the values of *module* are, or come from."""
    return {
        value.__name__
        if isinstance(value, ModuleType)
        else str(getattr(value, "__module__", None))
        for value in vars(module).values()
    }
