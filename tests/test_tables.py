import re

import pytest

from resnet.papers.tables import PUBLISHED, published
from resnet.tracing.trace import trace


@pytest.mark.parametrize(("name", "shortcut"), [
    ("resnet18", "B"), ("resnet34", "A"), ("resnet50", "B"), ("resnet101", "B"), ("resnet152", "B")])
def test_table_1_is_reproduced_with_the_papers_stride(name, shortcut):
    row, = published(name, "macs")
    assert row.matches(trace(name, shortcut=shortcut, stride_in="1x1").macs)


def test_table_1_does_not_match_with_the_stride_of_todays_releases():
    for name in ("resnet50", "resnet101", "resnet152"):
        assert not published(name, "macs")[0].matches(trace(name).macs)


@pytest.mark.parametrize(("name", "shape"), [("resnet18", "basic"), ("resnet152", "bottleneck")])
def test_table_1_output_sizes(name, shape):
    sizes = {stage.group: stage.output[2] for stage in trace(name).stages[:-1]}
    assert sizes == {"conv1": 112, "conv2_x": 56, "conv3_x": 28, "conv4_x": 14, "conv5_x": 7}
    assert trace(name).config.block == shape


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_table_6_is_reproduced(depth):
    name = f"resnet{depth}_cifar"
    row, = published(name, "params")
    result = trace(name)
    assert row.matches(result.params)
    assert [stage.output[2] for stage in result.stages[:-1]] == [32, 32, 16, 8]
    assert {len(stage.blocks) for stage in result.stages if stage.blocks} == {(depth - 2) // 6}


def test_errors_are_the_papers():
    assert [row.value for row in published("resnet110_cifar", "cifar10")] == [6.43]
    by_option = {row.shortcut: row.value for row in published("resnet34", "imagenet_top1_10crop")}
    assert by_option == {"A": 25.03, "B": 24.52, "C": 24.19}
    assert published("resnet20_fashion_mnist") == ()


def test_every_number_has_a_citation_and_a_unit():
    for row in PUBLISHED:
        assert re.fullmatch(r"(He et al. 2015, arXiv 1512.03385, Table|Xie et al. 2017, arXiv 1611.05431,) .+",
                            row.source) and row.unit and row.step > 0
    assert len({(row.variant, row.quantity, row.shortcut, row.source) for row in PUBLISHED}) == len(PUBLISHED)
