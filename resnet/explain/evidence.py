"""One picture through one net: the answer and its evidence, in a single call.

What comes and goes can cross between processes: plain values, CPU tensors and frozen dataclasses; the
model alone stays where it is (resnet.ui.page.device looks it up by its reference).
"""

import time
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from resnet.config import ResNetConfig
from resnet.data import normalise
from resnet.explain.ablation import without_each_block
from resnet.explain.familiarity import Strangeness, calibration_of, figures
from resnet.explain.features import Channel, StageMap, stage_maps, top_channels
from resnet.explain.gradcam import check_stage, grad_cam
from resnet.explain.readout import Means, Readout, known_means, readouts
from resnet.explain.stages import stage_names, stage_outputs
from resnet.hub.loaded import LoadedModel
from resnet.inference.batches import most_at_once
from resnet.inference.decoder import Picture
from resnet.inference.picture import Seen
from resnet.inference.placement import best_device, placed, with_oom_fallback
from resnet.inference.predict import forward, see
from resnet.inference.serving import Served, heavy
from resnet.model import ResNet
from resnet.surgery import Lesion, check_lesion, lesioned
from resnet.util.errors import InputError

FIRST = -1  # as a target: whatever the first answer is
MANY = 32  # pictures at once
COARSEST = 4  # places a side of the map that Grad-CAM is drawn on unasked


@dataclass(frozen=True)
class Questions:
    """What to look for.

    stage       whose map Grad-CAM is drawn on; "" is the last one that tells places apart
    target      the class that Grad-CAM asks about, or FIRST
    channels    the stage whose channels are shown, or "" for none
    off         blocks that are switched off
    alone       whether each block is also switched off alone
    """

    stage: str = ""
    target: int = FIRST
    channels: str = ""
    off: tuple[str, ...] = ()
    alone: bool = False

    def check(self, config: ResNetConfig) -> None:
        """Raises InputError when the net has no such stage, class or block."""
        names = stage_names(config)
        for field in ("stage", "channels"):
            if getattr(self, field) not in ("", *names):
                raise InputError("choice", field=field, value=getattr(self, field)[:40], allowed=", ".join(names))
        if not FIRST <= self.target < config.classes:
            raise InputError("class_index", value=self.target, limit=config.classes - 1)
        check_lesion(config, Lesion(self.off))


@dataclass(frozen=True)
class Evidence:
    """An answer and its evidence, all on the CPU.

    seen        what the net was shown
    logits      [classes], of the net with the blocks in `off` switched off; `intact` of the whole net
    feature     [d], what the classifier reads
    stages      each part's mean map
    stage, target, cam   Grad-CAM [h, w], not negative, of the class `target` at that stage
    channels    of the stage asked for, those with most energy first
    forming     what can be read behind the blocks, in order
    strangeness how far the picture's statistics are from those that the whole net has seen; None where none is recorded
    alone       [1 + removable blocks, classes] logits: the whole net, then without each block, or None
    fallback    "" or "cpu": the device was out of memory
    times       milliseconds; the answer's own forward, and the evidence (always in fp32)
    """

    seen: Seen
    logits: Tensor
    intact: Tensor
    feature: Tensor
    stages: tuple[StageMap, ...]
    stage: str
    target: int
    cam: Tensor
    channels: tuple[Channel, ...]
    forming: tuple[Readout, ...]
    strangeness: Strangeness | None
    alone: Tensor | None
    device: str
    precision: str
    fallback: str
    prepare_ms: float
    forward_ms: float
    evidence_ms: float


def gather(picture: "Tensor | Picture", loaded: LoadedModel, questions: Questions, precision: str = "auto") -> Evidence:
    """A picture, or uint8 RGB [3, height, width], through a model.

    Raises:
        InputError: a stage, class or block is asked for that the model does not have, or too much of a large one.
    """
    questions.check(loaded.info.architecture)
    start = time.perf_counter()
    seen = see(picture, loaded)
    prepare_ms = 1e3 * (time.perf_counter() - start)
    run = partial(_gather_on, loaded=loaded, seen=seen, questions=questions, precision=precision)
    found, fallback = with_oom_fallback(lambda device, _: run(device), best_device())
    return Evidence(seen=seen, fallback=fallback, prepare_ms=prepare_ms, **found)


def _gather_on(device: torch.device, loaded: LoadedModel, seen: Seen, questions: Questions, precision: str) -> dict:
    """The fields of Evidence that need the device."""
    loaded = placed(loaded, device)
    start = time.perf_counter()
    served = forward(loaded, seen.pixels[None], device, precision)
    answered = time.perf_counter()
    net = lesioned(loaded.model, Lesion(questions.off)) if questions.off else loaded.model
    x = normalise(seen.pixels[None].to(device), loaded.info)
    known = None if questions.off else served.logits[0]
    evidence = heavy(partial(_evidence, net, x, questions, known, known_means(loaded)))
    strangeness = heavy(partial(_strangeness, loaded, x))
    alone = without_each_block(loaded.model, x) if questions.alone else None
    done = time.perf_counter()
    return evidence | {"alone": alone, "strangeness": next(iter(strangeness), None), "intact": served.logits[0],
                       "device": device.type, "precision": served.precision,
                       "forward_ms": 1e3 * (answered - start), "evidence_ms": 1e3 * (done - answered)}


def _evidence(net: ResNet, x: Tensor, questions: Questions, known: Tensor | None, means: Means | None) -> dict:
    """Of `net`, the model or its copy with blocks switched off, always in fp32; its logits too where none are known."""
    outputs = stage_outputs(net, x)
    feature = net.pooled(outputs[next(reversed(outputs))])
    logits = net.fc(feature)[0].detach().float().cpu() if known is None else known
    stage = questions.stage or _last_telling(outputs)
    check_stage(net.config, tuple(x.shape[-2:]), stage)
    target = int(logits.argmax()) if questions.target == FIRST else questions.target
    return {
        "logits": logits, "feature": feature[0].float().cpu(), "stages": stage_maps(outputs),
        "stage": stage, "target": target, "cam": grad_cam(net, outputs[stage], stage, target),
        "channels": top_channels(outputs[questions.channels]) if questions.channels else (),
        "forming": readouts(net, outputs, means),
    }


def _strangeness(loaded: LoadedModel, x: Tensor) -> tuple[Strangeness, ...]:
    """Of each picture, where it is recorded. Only of a net as its folder describes it: by another reading it gets
    something else."""
    folder = loaded.ref.path
    calibration = calibration_of(folder) if folder and not loaded.by_hand else None
    return tuple(map(calibration.strangeness, figures(loaded.model, x).cpu())) if calibration else ()


def _last_telling(outputs: dict[str, Tensor]) -> str:
    """The last stage whose map has at least COARSEST places a side; the first where none has."""
    names = [name for name, maps in outputs.items() if min(maps.shape[-2:]) >= COARSEST]
    return names[-1] if names else next(iter(outputs))


@dataclass(frozen=True)
class ManyAnswers:
    """Logits [n, classes] of n pictures, how they were computed, and how strange each is where that was asked."""

    logits: Tensor
    device: str
    precision: str
    fallback: str
    milliseconds: float
    strangeness: tuple[Strangeness, ...] = ()


def classify_many(pictures: Tensor, loaded: LoadedModel, precision: str = "auto", strange: bool = False) -> ManyAnswers:
    """What the net saw of n pictures, uint8 [n, channels, height, width] -> their answers, in as few batches as fit.

    Raises:
        InputError: more than MANY pictures, or none.
    """
    if not 1 <= len(pictures) <= MANY:
        raise InputError("several", n=len(pictures), limit=MANY)
    config, start = loaded.info.architecture, time.perf_counter()

    def run(device: torch.device, batch: int) -> tuple[list[Served], tuple[Strangeness, ...], str]:
        there, most = placed(loaded, device), most_at_once(config, tuple(pictures.shape[-2:]), device)
        parts = pictures.split(min(batch, most))
        served = [forward(there, part, device, precision) for part in parts]
        inputs = (normalise(part.to(device), loaded.info) for part in parts if strange)
        return served, tuple(one for x in inputs for one in heavy(partial(_strangeness, there, x))), device.type

    (served, strangeness, device), fallback = with_oom_fallback(run, best_device(), len(pictures))
    return ManyAnswers(torch.cat([part.logits for part in served]), device, served[0].precision, fallback,
                       1e3 * (time.perf_counter() - start), strangeness)
