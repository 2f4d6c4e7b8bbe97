"""A net put anywhere on a plane through its weights, and its loss there, under either treatment of batch norm."""

import copy
import hashlib
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from resnet.data import Split, normalise
from resnet.util.precision import autocast

NORMS = ("fixed", "reestimated")
Direction = Mapping[str, Tensor]  # by parameter name; what does not move is left out


class Walker:
    """A copy of a net on a device, moved over the plane of two directions.

    norm  "fixed": batch norm keeps the net's running statistics wherever it goes; "reestimated": at each point it
          takes those of the very images that the loss is of, all in one batch, as torch's `update_bn` over them would
    """

    def __init__(self, net: nn.Module, first: Direction, second: Direction, norm: str = "fixed",
                 device: "str | torch.device" = "cpu"):
        self.net = copy.deepcopy(net).to(device).requires_grad_(False).train(norm == "reestimated")
        convert_conv2d_weight_memory_format(self.net, torch.channels_last)
        parameters = dict(self.net.named_parameters())
        self.moving = [(parameters[name], parameters[name].clone(), first[name].to(device), second[name].to(device))
                       for name in first]

    def go(self, a: float, b: float) -> nn.Module:
        """The net at weights + a d1 + b d2; at (0, 0) its weights bit for bit."""
        for parameter, start, first, second in self.moving:
            parameter.copy_(start + a * first + b * second)
        return self.net


class Ground:
    """The images over which a plane is measured, ready for nets on a device."""

    def __init__(self, split: Split, precision: str = "fp32", device: "str | torch.device" = "cpu"):
        self.device, self.precision = torch.device(device), precision
        self.inputs, self.labels = normalise(split.images.to(device), split.spec), split.labels.to(device)

    @torch.inference_mode()
    def height(self, net: nn.Module) -> tuple[float, float]:
        """Mean cross-entropy in nats and error in per cent, in the mode that the net is in, as one batch."""
        with autocast(self.device, self.precision):
            logits = net(self.inputs).float()
        wrong = int((logits.argmax(1) != self.labels).sum())
        loss = F.cross_entropy(logits, self.labels, reduction="sum").item()
        return loss / len(self.labels), 100 * wrong / len(self.labels)


def fingerprint(net: nn.Module) -> str:
    """Twelve digits of the SHA-256 of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
