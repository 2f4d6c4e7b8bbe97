"""Panel 2: gradients, from shattering.csv and gradients.csv, and measured again with another seed or another way."""

import copy
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from resnet.audit.checks import Audit, Figure, drawing, rows_of, said, value
from resnet.data import normalise
from resnet.hub.load import load
from resnet.lab.gradients import BATCH
from resnet.lab.gradients_log import DEPTHS, TWINS
from resnet.lab.images import images_for
from resnet.lab.twins import all_twins
from resnet.ui.compare.gradients import PANEL
from resnet.util.numbers import readable

SIZES = ("plain", "plain_centred", "plain_bn", "residual_bn", "residual_bn_kept", "plain_kept")
ANOTHER = 1  # seed
SPREAD = {"full": 0.4, "fresh": 0.7}  # of the value: another seed's nets differ by so much
FIRST = "layer1.0.conv1"


def audits() -> Iterator[Audit]:
    told, again = (drawing(PANEL, nets="full", seed=seed).told for seed in (0, ANOTHER))
    yield Audit("gradients, full", (told,), tuple(_full(told, again)), frozenset({"50", "16", "0"}))
    told, again = (drawing(PANEL, nets="fresh", seed=seed).told for seed in (0, ANOTHER))
    figures = [Figure(f"as initialised, {net}", norm, _recorded(net, trained=False), value(_norms(again)[net]),
                      SPREAD["fresh"] * value(norm)) for net, norm in _norms(told).items()]
    yield Audit("gradients, fresh", (told,), tuple(figures))
    told = drawing(PANEL, nets="trained").told
    figures = [Figure(f"trained, {net}", norm, _recorded(net, trained=True), _norm(net), 0.02 * float(norm), BATCH)
               for net, norm in _norms(told).items()]
    yield Audit("gradients, trained", (told,), tuple(figures))


def _full(told: str, again: str) -> Iterator[Figure]:
    shown, fresh = (said(one, "compare.gradients.numbers_full") for one in (told, again))
    for key in SIZES:
        kind, quantity = key.removesuffix("_kept"), "correlation" if key.endswith("_kept") else "size"
        depth = "16" if key == "plain_kept" else "50"
        [row] = [row for row in rows_of(DEPTHS) if (row["kind"], row["depth"]) == (kind, depth)]
        yield Figure(f"fully connected, {key}", shown[key], readable(float(row[f"{quantity}_independent"])),
                     value(fresh[key]), SPREAD["full"] * value(shown[key]))


def _norms(told: str) -> dict[str, str]:
    """Net -> norm of "1.69 in plain-20, 458 in plain-56; 0.551 in ResNet-20, 2.38 in ResNet-56"."""
    parts = said(told, "compare.gradients.numbers_twins")["norms"].replace(";", ",").split(", ")
    return {net: norm for norm, net in (part.split(" in ") for part in parts)}


def _recorded(title: str, trained: bool) -> str:
    """The norm at the first block's first kernels."""
    kind, depth = title.split("-")
    return next(readable(float(row["norm"])) for row in rows_of(TWINS)
                if (row["plain"] == "True", row["depth"], bool(row["name"]), row["layer"])
                == (kind == "plain", depth, trained, FIRST))


def _norm(title: str) -> float:
    """Of the loss's gradient by the first block's first kernels, in training mode on one batch."""
    name = next(name for pair in all_twins().values() if pair.shipped for name in pair.names
                if load(name).info.title == title)
    loaded = load(name)
    split = images_for(loaded.info, "train", BATCH, shipped=True)
    net = copy.deepcopy(loaded.model).train().requires_grad_(True)
    kernels = net.get_parameter(f"{FIRST}.weight")
    loss = F.cross_entropy(net(normalise(split.images, split.spec)), split.labels)
    return float(torch.autograd.grad(loss, kernels)[0].norm())
