"""A net for another program: written once it answers there as it does here."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet.checkpoint import stored
from resnet.hub.libraries import timm_config, torchvision_twin
from resnet.hub.loaded import LoadedModel
from resnet.inference.web import web_file
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, WEIGHTS_FILE, write_file
from resnet.util.note import Note

NEAR = 1e-4  # of the largest logit, where that is above 1
BATCHES = (1, 2, 5)
Answer = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Exported:
    """The files that were written, and a sentence of how they were held against the net."""

    files: tuple[Path, ...]
    told: Note


def export(loaded: LoadedModel, to: str, out: Path) -> Exported:
    """Write a net as one of `FORMATS`: a folder for timm, else a file.

    Raises:
        InputError: the format has no such net, what it needs is not installed, it answers otherwise there, or the
            place cannot be written.
    """
    return FORMATS[to](loaded, out)


def _web(loaded: LoadedModel, out: Path) -> Exported:
    write_file(out, web_file(loaded))
    return Exported((out,), Note("web", under="export"))


def _onnx(loaded: LoadedModel, out: Path) -> Exported:
    with _needed("onnx", "onnxscript, onnxruntime"), _quiet():
        import onnxruntime
        import onnxscript  # noqa: F401  torch's exporter needs it

        program = torch.onnx.export(
            loaded.model, (_noise(loaded, 2),), dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},),
            input_names=["images"], output_names=["logits"], verbose=False)
    assert program
    program.model.metadata_props.update({key: json.dumps(value, ensure_ascii=False)
                                         for key, value in _told(loaded).items()})
    data = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    told = _held(loaded, "onnxruntime", lambda x: torch.from_numpy(session.run(None, {"images": x.numpy()})[0]))
    write_file(out, data)
    return Exported((out,), told)


def _torch_export(loaded: LoadedModel, out: Path) -> Exported:
    with _quiet():
        program = torch.export.export(loaded.model, (_noise(loaded, 2),),
                                      dynamic_shapes=({0: torch.export.Dim("batch")},))
        told = _held(loaded, "torch.export", program.module())
        data = io.BytesIO()
        torch.export.save(program, data, extra_files={"about.json": json.dumps(_told(loaded), ensure_ascii=False)})
    write_file(out, data.getvalue())
    return Exported((out,), told)


def _torchvision(loaded: LoadedModel, out: Path) -> Exported:
    from safetensors.torch import save

    twin = torchvision_twin(loaded.info.architecture)
    if twin is None:
        raise InputError("export_no_net", library="torchvision", model=str(loaded.ref)[:80])
    state = stored(loaded.model, half=False)
    told = _held(loaded, f"{twin.build}{''.join(f'; {line}' for line in twin.changes)}", _torchvision_net(loaded.model))
    write_file(out, save(state, {"format": "pt", **{key: json.dumps(value, ensure_ascii=False)
                                                    for key, value in _told(loaded).items()}}))
    return Exported((out,), told)


def _torchvision_net(model: ResNet) -> nn.Module:
    """torchvision's net with these tensors, every one of them."""
    from torchvision.models import resnet

    config = model.config
    block = {"basic": resnet.BasicBlock, "bottleneck": resnet.Bottleneck}[config.block]
    net = resnet.ResNet(block, list(config.depths), config.classes, groups=config.groups,
                        width_per_group=config.width_per_group)
    shape = (3, 1, 1) if config.stem == "3x3" else (7, 2, 3)
    net.conv1 = nn.Conv2d(config.in_channels, 64, *shape, bias=False)
    if config.stem == "3x3":
        net.add_module("maxpool", nn.Identity())
    net.load_state_dict(model.state_dict(), strict=True)
    return net.eval()


def _timm(loaded: LoadedModel, out: Path) -> Exported:
    from safetensors.torch import save

    config = timm_config(loaded.info, loaded.steps)
    if config is None:
        raise InputError("export_no_net", library="timm", model=str(loaded.ref)[:80])
    write_file(out / WEIGHTS_FILE, save(stored(loaded.model, half=False), {"format": "pt"}))
    write_file(out / CONFIG_FILE, json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    files = (out / WEIGHTS_FILE, out / CONFIG_FILE)
    try:
        import timm
    except ImportError:
        return Exported(files, Note("unchecked", {"library": "timm"}, "export"))
    net = timm.create_model(f"local-dir:{out.resolve()}", pretrained=True).eval()
    return Exported(files, _held(loaded, f"timm.create_model(\"local-dir:{out}\", pretrained=True)", net))


FORMATS: dict[str, Callable[[LoadedModel, Path], Exported]] = {
    "onnx": _onnx, "torchvision": _torchvision, "timm": _timm, "web": _web, "torch_export": _torch_export}


@torch.inference_mode()
def _held(loaded: LoadedModel, where: str, answer: Answer) -> Note:
    """Hold answers to noise, in batches of several sizes, against the net's own.

    Raises:
        InputError: they differ by more than `NEAR`.
    """
    most = 0.0
    for n in BATCHES:
        noise = _noise(loaded, n)
        ours, theirs = loaded.model(noise), answer(noise)
        most = max(most, float((ours - theirs).abs().max() / ours.abs().max().clamp(min=1)))
    if not most <= NEAR:
        raise InputError("export_differs", where=where[:200], most=f"{most:.1e}", limit=f"{NEAR:.0e}")
    return Note("held", {"where": where, "most": f"{most:.1e}", "batches": ", ".join(map(str, BATCHES))}, "export")


def _noise(loaded: LoadedModel, n: int) -> Tensor:
    size = loaded.steps.size if loaded.steps else loaded.info.architecture.input_size
    shape = n, loaded.info.architecture.in_channels, *size
    return torch.randn(shape, generator=torch.Generator().manual_seed(n))


def _told(loaded: LoadedModel) -> dict[str, object]:
    """What a program must know beside the weights: "images" are values from 0 to 1, less the mean, by the deviation."""
    info = loaded.info
    size = loaded.steps.size if loaded.steps else info.architecture.input_size
    return {"name": info.name, "labels": info.labels, "mean": info.mean, "std": info.std, "size": size}


@contextmanager
def _needed(kind: str, packages: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InputError("export_needs", format=kind, packages=packages) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters tell of their passes at length."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
