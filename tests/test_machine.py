import pytest

from resnet import machine


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
