"""A net for the browser: batch norms folded into convolutions, fp16, in one safetensors file that says what it is.

The page's own script (resnet/ui/stream/web/net.js) reads and runs it.
"""

import copy
import json

from torch import Tensor

from resnet.checkpoint import ModelInfo
from resnet.config import ResNetConfig, stage_output
from resnet.data import PEN
from resnet.hub.loaded import LoadedModel
from resnet.inference.folding import folded
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.numbers import by

COMPUTED = {"block": ("basic",), "stem": ("3x3",), "shortcut": ("A", "none"), "order": ("original",),
            "head": ("avgpool",), "conv_bias": (False,), "zero_pad": ("behind",), "halving": ("subsample",),
            "activation": ("relu",), "stem_width": (0,), "anti_alias": ("none",), "attention": ("none",),
            "norm": ("batch",), "standardised": (False,)}
TOLD = ("block", "depths", "widths", "stem", "shortcut", "order", "groups", "width_per_group", "stride_in", "conv_bias",
        "shortcut_norm", "head", "in_channels", "classes", "input_size")  # what the file says of the config
PARTS = tuple(name for name, _ in PEN.parts)  # of test images that are counted apart
MAX_PARAMETERS = 1_000_000
SMALLEST_MAP = 4  # pixels: the script computes four of a row at once


def web_file(loaded: LoadedModel) -> bytes:
    """The safetensors file of a net that the page computes; its metadata tells its config, labels, mean and std.

    Raises:
        InputError: the page's script does not know such a net, or it is too large for a page.
    """
    from safetensors.torch import save

    check_web(loaded.info.architecture, str(loaded.ref))
    if sum(parameter.numel() for parameter in loaded.model.parameters()) > MAX_PARAMETERS:
        raise InputError("web_size", model=str(loaded.ref)[:80], limit=f"{MAX_PARAMETERS:,}")
    return save(web_tensors(loaded.model), {"net": json.dumps(_description(loaded.info), ensure_ascii=False)})


def check_web(config: ResNetConfig, reference: str) -> None:
    """Raises InputError for a setting that the page's script does not know."""
    for field, known in COMPUTED.items():
        if (value := getattr(config, field)) not in known:
            raise InputError("web_net", model=reference[:80], field=field, value=str(value))
    if min(stage_output(config.input_size, config)) < SMALLEST_MAP:
        raise InputError("web_net", model=reference[:80], field="input_size", value=by(config.input_size))


def web_tensors(model: ResNet) -> dict[str, Tensor]:
    """fp16 kernels [out, in, 3, 3] and biases [out] of each convolution ("layer1.0.conv1.weight"), and fc's.

    Folded in fp64, so that every machine rounds to the same fp16.
    """
    state = folded(copy.deepcopy(model).double()).state_dict()
    return {name: tensor.half().contiguous() for name, tensor in state.items() if ".downsample." not in name}


def _description(info: ModelInfo) -> dict:
    test = info.results.get("test", {})
    config = info.architecture.to_dict()
    return {"name": info.name, "title": info.title, "data": info.data,
            "architecture": {field: config[field] for field in TOLD},
            "labels": info.labels, "mean": info.mean, "std": info.std,
            "test": _counts(test) | {part: _counts(info.results[part]) for part in PARTS if part in info.results}}


def _counts(result: dict) -> dict:
    return {key: result[key] for key in ("n", "accuracy") if key in result}
