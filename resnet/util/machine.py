"""What this machine has: memory and processors that a process here may use, and how its threads share memory."""

import ctypes
import math
import os
import platform
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMORY_FILES = ("memory.max", "memory/memory.limit_in_bytes")  # of a container: version 2, version 1
UNKNOWN = 2_000_000_000
FEATURES = "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"  # that speed depends on
HEAPS, M_ARENA_MAX = 2, -8  # the second is the name of the first in glibc's malloc.h


@lru_cache(maxsize=1)
def memory() -> int:
    """Bytes: what is built in, or what the container is allowed if that is less; 2 GB where nothing tells."""
    limits = [_number(CGROUP / name) for name in MEMORY_FILES]
    return min(filter(None, (_built_in(), *limits)), default=UNKNOWN)


def processors() -> int:
    """How many may be used at a time: a container's share may be less than the processors that it sees."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(seen, math.ceil(_share() or seen))


def processor() -> str:
    """The model's name, as "AMD EPYC"."""
    return _told("model name") or platform.processor() or platform.machine() or f"{os.cpu_count()} processors"


def features() -> tuple[str, ...]:
    """What of FEATURES it has."""
    flags = _told("flags").split()
    return tuple(name for name in FEATURES if name in flags)


def _told(field: str) -> str:
    """What Linux tells of the first processor; "" where it does not."""
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(field):
                return line.partition(":")[2].strip()
    return ""


def share_heaps() -> None:
    """Let all threads of this process take memory from two heaps; to be called before it has threads.

    glibc would give threads heaps of their own, up to eight a processor. What one of them has freed the others
    cannot use, and after some thousand requests that is 150 MB (benchmarks/load.py). Other systems differ.
    """
    with suppress(AttributeError, OSError, TypeError):  # not glibc; Windows has no process-wide library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def allow_open_files(n: int) -> None:
    """Let this process have so many files and connections open, or as many as the system allows it."""
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < n:
            allowed = n if hard == resource.RLIM_INFINITY else min(n, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _share() -> float:
    """Processors' worth of time that the container gets; 0: there is no such limit."""
    try:
        quota, period = (CGROUP / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        return _number(CGROUP / "cpu/cpu.cfs_quota_us") / (_number(CGROUP / "cpu/cpu.cfs_period_us") or 1)
    return int(quota) / int(period) if quota.isdecimal() else 0


def _built_in() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0


def _number(file: Path) -> int:
    """0 where there is none: "max" and -1 are no limits."""
    try:
        told = file.read_text("ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(told) if told.isdecimal() else 0
