"""Panel 2: gradients, which the page measures while one waits, measured again with another seed or another way."""

import copy
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from resnet.audit.checks import Audit, Figure, drawing, said, value
from resnet.data import normalise
from resnet.hub.load import load
from resnet.lab.gradients import BATCH
from resnet.lab.images import images_for
from resnet.lab.twins import all_twins
from resnet.ui.compare.gradients import PANEL

SIZES = ("plain", "plain_centred", "plain_bn", "residual", "residual_centred", "residual_bn", "residual_bn_kept",
         "plain_kept")
ANOTHER = 1  # seed
SPREAD = {"full": 0.4, "fresh": 0.7}  # of the value: another seed's nets differ by so much
FIRST = "layer1.0.conv1"


def audits() -> Iterator[Audit]:
    lead, again = (drawing(PANEL, nets="full", seed=seed).lead for seed in (0, ANOTHER))
    yield Audit("gradients, full", (lead,), tuple(_full(lead, again)), frozenset({"50", "16", "0"}))
    lead, again = (drawing(PANEL, nets="fresh", seed=seed).lead for seed in (0, ANOTHER))
    figures = [_near(f"as initialised, {net}", norm, _norms(again)[net], "fresh")
               for net, norm in _norms(lead).items()]
    yield Audit("gradients, fresh", (lead,), tuple(figures))
    lead = drawing(PANEL, nets="trained").lead
    figures = [Figure(f"trained, {net}", norm, "", _norm(net), 0.02 * float(norm), BATCH)
               for net, norm in _norms(lead).items()]
    yield Audit("gradients, trained", (lead,), tuple(figures))


def _full(lead: str, again: str) -> Iterator[Figure]:
    shown, fresh = (said(told, "compare.gradients.lead_full") for told in (lead, again))
    for key in SIZES:
        yield _near(f"fully connected, {key}", shown[key], fresh[key], "full")


def _near(what: str, shown: str, fresh: str, nets: str) -> Figure:
    return Figure(what, shown, "", value(fresh), SPREAD[nets] * value(shown))


def _norms(lead: str) -> dict[str, str]:
    """Net -> norm of "1.69 in plain-20, 458 in plain-56; 0.551 in ResNet-20, 2.38 in ResNet-56"."""
    parts = lead.rpartition(": ")[2].rstrip(".").replace(";", ",").split(", ")
    return {net: norm for norm, net in (part.split(" in ") for part in parts)}


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
