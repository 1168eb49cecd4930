"""Search the memory of a running process for bytes, like an attacker with root."""

from pathlib import Path

# Kernel pages that cannot be read.
_UNREADABLE = ("[vvar]", "[vvar_vclock]", "[vsyscall]")


def count_in_memory(pid: int, needle: bytes) -> int:
    """Return how often *needle* is in the memory of process *pid*."""
    count = 0
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps.splitlines():
            span, permissions, *_ = line.split()
            if "r" in permissions and not line.endswith(_UNREADABLE):
                start, end = (int(bound, 16) for bound in span.split("-"))
                memory.seek(start)
                count += memory.read(end - start).count(needle)
    return count
