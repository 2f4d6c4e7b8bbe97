"""Panels 10 and 11: costs of other blocks against torchvision's modules, and what tutorials get wrong."""

from collections.abc import Iterator
from math import prod
from typing import Any

from resnet.audit.checks import Audit, Figure, config, drawing, exactly, fresh_error, said, share, words
from resnet.papers.modules import CARDINALITIES
from resnet.ui.compare import modules, tutorials
from resnet.util.numbers import short


def audits() -> Iterator[Audit]:
    for show, figures, constants in (("inception", _inception, ()), ("factorised", _factorised, ()),
                                     ("cardinality", _cardinality, ("50", "64", "32", "4", "8"))):
        lead = drawing(modules.PANEL, show=show).told
        yield Audit(f"modules, {show}", (lead,), tuple(figures(lead)), frozenset(constants))
    shown = drawing(tutorials.PANEL)
    told = words((shown.html or [""])[0])
    count = exactly("sentences", said(shown.told, "compare.tutorials.lead")["count"], told.count("“"))
    yield Audit("tutorials", (shown.told,), (count, *_tutorials(told)))


def _inception(lead: str) -> Iterator[Figure]:
    found = said(lead, "compare.modules.numbers_inception")
    side = 28 * 28
    inception = 192 * 64 + 192 * 96 + 9 * 96 * 128 + 192 * 16 + 25 * 16 * 32 + 192 * 32
    for key, weights in (("inception", inception), ("basic", 2 * 9 * 128 * 128),
                         ("bottleneck", 2 * 512 * 128 + 9 * 128 * 128)):
        yield exactly(f"{key}, multiply-adds", found[key], short(weights * side))


def _cardinality(lead: str) -> Iterator[Figure]:
    from torchvision.models.resnet import Bottleneck, ResNet

    found = said(lead, "compare.modules.numbers_cardinality")
    rows = [row for row in CARDINALITIES if row.depth == 50]
    for key, row in (("first", rows[0]), ("before", rows[-2]), ("last", rows[-1])):
        yield exactly(f"{row.groups}×{row.width}d, top-1 error, %", found[key], f"{row.error:.1f}")
    costs = sorted(_counted(ResNet(Bottleneck, [3, 4, 6, 3], groups=row.groups, width_per_group=row.width))
                   for row in rows)
    for key, cost in (("low", costs[0]), ("high", costs[-1])):
        yield Figure(f"{key}est cost, 10⁹ multiply-adds", f"{found[key]}", f"{cost / 1e9:.2f}")


def _counted(net: Any) -> int:
    """Multiply-adds of torchvision's net at 224 pixels, by hooks on its convolutions and its linear layer."""
    import torch
    from torch import nn

    total = 0

    def add(module: nn.Module, _: tuple, out: torch.Tensor) -> None:
        nonlocal total
        total += out.numel() * prod(module.get_parameter("weight").shape[1:])

    net = net.to("meta").eval()
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(add)
    net(torch.empty(1, 3, 224, 224, device="meta"))
    return total


def _factorised(lead: str) -> Iterator[Figure]:
    found = said(lead, "compare.modules.numbers_factorised")
    for key, left in (("two", 18 / 25), ("three", 6 / 9), ("seven", 14 / 49)):
        yield exactly(f"{key}, cost left, %", found[key], f"{100 * left:.0f}")


def _tutorials(told: str) -> Iterator[Figure]:
    for key, name in (("accuracy", "d2l_resnet18_fashion_mnist"), ("cifar", "resnet18_cifar10")):
        found, results = said(told, f"compare.tutorials.{key}_true"), config(name)["results"]
        fresh = fresh_error(name)
        yield share(f"{name}, test accuracy, %", found["test"], 100 * results["test"]["accuracy"],
                    None if fresh is None else 100 - fresh, ".1f")
        yield exactly(f"{name}, images", found["n"], f"{results['test']['n']:,}")
        yield exactly(f"{name}, epochs", found["epochs"], config(name)["recipe"]["epochs"])
        if "train" in found:
            yield exactly(f"{name}, training accuracy, %", found["train"], f"{100 * results['train']['accuracy']:.1f}")
