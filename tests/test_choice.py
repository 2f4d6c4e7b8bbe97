import json
import time
from itertools import count

import pytest
import torch

from resnet.hub.load import load
from resnet.hub.ref import WEIGHTS
from resnet.inference import choice
from resnet.inference.choice import FILE, quickest, timed
from resnet.inference.int8 import supported
from resnet.inference.int8_record import recorded
from resnet.util.files import cache_folder

CPU = torch.device("cpu")
NAME = "resnet20_fashion_mnist"
SIZE = (28, 28)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def clock(monkeypatch):
    """Calls take as long as they say."""
    now = [0.0]
    monkeypatch.setattr(choice.time, "perf_counter", lambda: now[0])
    return now


def form(clock, *seconds):
    calls = count()

    def run(_):
        clock[0] += seconds[min(next(calls), len(seconds) - 1)]

    run.calls = lambda: next(calls)
    return run


def directly(work):
    return work()


def test_a_load_that_comes_or_goes_does_not_decide(clock):
    forms = {"a": form(clock, 9, 9, 0.03, 0.03, 0.01, 0.03), "b": form(clock, 1, 1, 0.02, 0.04)}
    assert timed(forms, torch.zeros(1), directly) == {"a": pytest.approx(0.01), "b": pytest.approx(0.02)}


def test_what_is_hopeless_is_not_asked_to_the_end(clock):
    slow = form(clock, 1, 1, 0.2)
    found = timed({"slow": slow, "quick": form(clock, 1, 1, 0.01)}, torch.zeros(1), directly)
    assert found["slow"] == pytest.approx(0.2)
    assert slow.calls() == choice.WARM_UPS + choice.SURE


def chosen(record=None, precision="auto"):
    loaded = load(NAME)
    return quickest(loaded.model, loaded.info, CPU, precision, SIZE, record, directly)


def fixed(monkeypatch, times):
    """The timings of one picture and of several."""
    told = iter(times)

    def timed(forms, *_):
        found = next(told)
        return {name: found.get(name, 9.0) for name in forms}

    monkeypatch.setattr(choice, "timed", timed)


def test_one_and_several_may_go_different_ways_and_it_is_remembered(monkeypatch):
    fixed(monkeypatch, [{"fp32": 1.0}, {"eager": 1.0}])
    found = chosen()
    assert (found.at(1).way, found.at(2).way) == ("fused", "eager")
    assert [*json.loads((cache_folder() / FILE).read_text()).values()] == [["fp32", "eager"]]
    monkeypatch.setattr(choice, "timed", None)  # not asked again
    again = chosen()
    assert (again.at(1).way, again.at(8).way) == ("fused", "eager")


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 3}', '{"a": ["x", "y"]}'])
def test_a_damaged_memory_only_costs_time(damage, monkeypatch):
    fixed(monkeypatch, [{"fp32": 1.0}, {"fp32": 1.0}])
    cache_folder().mkdir(parents=True)
    (cache_folder() / FILE).write_text(damage)
    assert chosen().at(1).precision == "fp32"


@pytest.mark.skipif(not supported(load(NAME).info.architecture), reason="no VNNI here")
def test_eight_bits_answer_with_their_second_look_counted(monkeypatch):
    record = recorded(WEIGHTS / NAME)
    even = 1 / (1 - record.again)
    fixed(monkeypatch, [{"int8": 1.0, "fp32": 1.01 * even}, {"int8": 1.0, "fp32": 0.99 * even}])
    found = chosen(record)
    assert [(found.at(n).way, found.at(n).precision) for n in (1, 2)] == [("int8", "int8"), ("fused", "fp32")]


@pytest.mark.skipif(not supported(load(NAME).info.architecture), reason="no VNNI here")
def test_without_the_operators_a_net_stays_in_float(monkeypatch, caplog):
    fixed(monkeypatch, [{"int8": 1.0, "fp32": 2.0}] * 4)

    def gone(*_):
        raise AttributeError("no operator conv2d_relu")

    monkeypatch.setattr(choice, "int8", gone)
    assert chosen(recorded(WEIGHTS / NAME)).at(1).precision == "fp32"
    assert "no operator" in caplog.text


def test_a_precision_that_is_asked_for_is_not_measured(monkeypatch):
    monkeypatch.setattr(choice, "timed", None)
    assert chosen(precision="bf16").at(1).precision == "bf16"


@pytest.mark.slow
def test_the_measurement_itself_takes_little():
    start = time.perf_counter()
    found = chosen(recorded(WEIGHTS / NAME))
    assert found.at(1).way != "eager"
    assert found(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    assert time.perf_counter() - start < 60
