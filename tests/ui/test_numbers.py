import pytest
import torch

from resnet.training.experiment import hardware
from resnet.util.numbers import machine


@pytest.mark.parametrize("processes", [1, 2])
def test_a_machine_is_told_in_english_as_it_was_recorded(processes):
    recorded = hardware(torch.device("cpu"), processes)
    assert machine(recorded, "en") == recorded


@pytest.mark.parametrize(("recorded", "chinese"), [
    ("1 thread of AMD EPYC", "AMD EPYC 的 1 个线程"), ("2 threads of AMD EPYC", "AMD EPYC 的 2 个线程"),
    ("2 processes, each on 1 thread of AMD EPYC", "2 个进程，每个使用 AMD EPYC 的 1 个线程"),
    ("NVIDIA H100", "NVIDIA H100"), ("", ""), ("odd\nlines", "odd\nlines")])
def test_a_machine_is_told_in_chinese(recorded, chinese):
    assert machine(recorded, "zh") == chinese
