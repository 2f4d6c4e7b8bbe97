"""A net with a head of somebody's own classes, and the files that carry it into other programs."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

from resnet.checkpoint import ModelInfo, stored
from resnet.explain.heads import Fit, Head
from resnet.hub.fingerprint import rebuilt
from resnet.hub.libraries import timm_config
from resnet.hub.loaded import LoadedModel
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, WEIGHTS_FILE

LARGEST = 120_000_000  # bytes of a net that is handed out: a ResNet-50 has 102 MB
HEAD_FILE = "head.safetensors"


def taught_net(loaded: LoadedModel, fit: Fit, labels: tuple[str, ...], kind: str) -> LoadedModel:
    """The net with the head in its classifier's place; all other tensors are shared with the net.

    Args:
        labels: the classes' names; kind: of the head, as `heads.fit` takes it.
    """
    config = replace(loaded.info.architecture, classes=len(labels), input_size=_size(loaded))
    state = loaded.model.state_dict() | _head_tensors(fit.head)
    name = str(loaded.ref).replace("/", "-")
    results = {"leave_one_out": {"n": fit.n, "accuracy": fit.correct / fit.n}}
    info = ModelInfo(f"{name[:150]}-taught", loaded.info.variant, config, "", labels, loaded.info.mean, loaded.info.std,
                     results, {"features": str(loaded.ref)[:150], "head": kind})
    return LoadedModel(loaded.ref, rebuilt(config, state), info, loaded.steps)


def _size(loaded: LoadedModel) -> tuple[int, int]:
    """(height, width) of the pictures that the net is shown."""
    return loaded.steps.size if loaded.steps else loaded.info.architecture.input_size


def _head_tensors(head: Head) -> dict[str, Any]:
    return {"fc.weight": head.weight.contiguous(), "fc.bias": head.bias.contiguous()}


def head_file(loaded: LoadedModel, head: Head, labels: tuple[str, ...]) -> bytes:
    """The head alone, as safetensors: fc.weight and fc.bias, and in its metadata which net it reads and its classes."""
    from safetensors.torch import save

    return save(_head_tensors(head), {"net": str(loaded.ref), "labels": json.dumps(labels, ensure_ascii=False)})


def net_archive(taught: LoadedModel) -> bytes:
    """A ZIP archive of model.safetensors (fp32) and config.json, in a folder of the net's name.

    Raises:
        InputError: the net has more than `LARGEST` bytes.
    """
    from safetensors.torch import save

    check_size(taught)
    files = {WEIGHTS_FILE: save(stored(taught.model, half=False), {"format": "pt"}), CONFIG_FILE: config_file(taught)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{taught.info.name}/{name}", content)
    return packed.getvalue()


def check_size(loaded: LoadedModel) -> None:
    """Raises InputError for a net of more than `LARGEST` bytes."""
    if loaded.nbytes > LARGEST:
        raise InputError("teach_size", megabytes=f"{loaded.nbytes / 1e6:,.0f}", limit=f"{LARGEST / 1e6:,.0f}")


def config_file(taught: LoadedModel) -> str:
    """config.json: timm's, which this app reads too, where timm has the net; else this app's own."""
    theirs = timm_config(taught.info, taught.steps)
    return taught.info.to_json() if theirs is None else json.dumps(theirs, indent=2, ensure_ascii=False)
