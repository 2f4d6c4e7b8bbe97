import pytest

from resnet.config import VARIANTS, net_title, variant_title


@pytest.mark.parametrize(("variant", "title"), [
    ("resnet50", "ResNet-50"), ("plain34", "plain-34"), ("resnext50_32x4d", "ResNeXt-50 32x4d"),
    ("wide_resnet50_2", "Wide ResNet-50-2"), ("resnet20_cifar", "ResNet-20 (CIFAR)")])
def test_titles_are_the_papers(variant, title):
    assert variant_title(variant) == title


def test_no_two_variants_share_a_title():
    assert len({variant_title(name) for name in VARIANTS}) == len(VARIANTS)


def test_a_net_is_called_by_its_kind_and_depth():
    assert (net_title(True, 20), net_title(False, 56)) == ("plain-20", "ResNet-56")
