import platform
import subprocess
import sys

import pytest

from resnet.util import machine

HEAPS = """
import ctypes, threading
from resnet.util.machine import share_heaps
{call}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
held = threading.Barrier(8)
threads = [threading.Thread(target=lambda: (libc.malloc(1000), held.wait())) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


@pytest.fixture(autouse=True)
def container(monkeypatch, tmp_path):
    """container(file=content, ...) is what a container is told; 16 GB and eight processors are built in."""
    machine.memory.cache_clear()
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machine, "_built_in", lambda: 16 * 10**9)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)

    def told(files: dict[str, str]) -> None:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)

    yield told
    machine.memory.cache_clear()


@pytest.mark.parametrize(("file", "content", "memory"), [
    ("memory.max", "1000000000\n", 10**9), ("memory.max", "max\n", 16 * 10**9), ("memory.max", "odd", 16 * 10**9),
    ("memory/memory.limit_in_bytes", "9223372036854771712", 16 * 10**9),
    ("memory/memory.limit_in_bytes", "2000000000", 2 * 10**9),
])
def test_a_container_may_use_less_memory_than_is_built_in(container, file, content, memory):
    container({file: content})
    assert machine.memory() == memory


def test_where_nothing_tells_there_is_little_memory(monkeypatch):
    monkeypatch.setattr(machine, "_built_in", lambda: 0)
    assert machine.memory() == machine.UNKNOWN


@pytest.mark.parametrize(("files", "processors"), [
    ({}, 8), ({"cpu.max": "200000 100000\n"}, 2), ({"cpu.max": "150000 100000"}, 2), ({"cpu.max": "max 100000"}, 8),
    ({"cpu.max": "3200000 100000"}, 8), ({"cpu.max": ""}, 8),
    ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
    ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
])
def test_a_container_may_use_fewer_processors_than_it_sees(container, files, processors):
    container(files)
    assert machine.processors() == processors


def test_the_tests_machine_has_some(monkeypatch):
    monkeypatch.undo()
    assert machine.memory() > 10**9 and machine.processors() >= 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems share memory in other ways")
@pytest.mark.parametrize(("call", "shared"), [("share_heaps()", True), ("", False)])
def test_threads_share_two_heaps(call, shared):
    told = subprocess.run([sys.executable, "-c", HEAPS.format(call=call)], capture_output=True, text=True, check=True)
    assert (told.stderr.count("Arena ") <= machine.HEAPS) == shared


def test_what_speed_depends_on_is_read_off_the_processor(monkeypatch):
    monkeypatch.setattr(machine, "_told", {"flags": "fpu avx2 amx_bf16 sse", "model name": "A chip"}.get)
    assert (machine.processor(), machine.features()) == ("A chip", ("avx2", "amx_bf16"))
    monkeypatch.setattr(machine, "_told", lambda _: "")  # not Linux
    assert machine.processor() and machine.features() == ()
