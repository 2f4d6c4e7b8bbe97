"""What runs on the device: on ZeroGPU inside spaces.GPU, on a machine's own GPU or CPU as it is.

ZeroGPU runs each call in a process forked from the page's. What follows from that, here and below:

- Arguments and results cross by pickle: tensors on the CPU, frozen dataclasses, plain values. A model is
  named by its reference and looked up inside; the page loads it first, so that the fork finds it loaded.
- Caches filled inside are gone after the call. What is to be kept (the measured samples, loaded models)
  is kept by the page's process.
- The fork has none of the page's threads: nobody fills a batch or a queue from outside, and a lock that
  another thread held at that moment stays locked. So pictures are decoded before the call, and batches
  are put together by the caller.
- The quota counts the seconds asked for, so a call is short and there is one for each event. Without quota
  the call is refused; the CPU then answers, and the page says so.
- Of an exception inside only the name of its class comes back. An InputError therefore comes back as a
  value and is raised here.
- CUDA exists inside only; the page's process must not touch it. The default model is the exception:
  ZeroGPU packs what is placed at start, and hands it to each fork.

tests/ui/test_classify_device.py runs the page's handlers through a stand-in that forks and pickles.
"""

import functools
from dataclasses import replace

import gradio as gr
import spaces
import torch
from spaces.config import Config
from torch import Tensor

from resnet.explain import evidence, samples
from resnet.explain.evidence import Evidence, ManyAnswers, Questions
from resnet.explain.samples import SampleAnswers
from resnet.explain.vectors import Vectors, feature_vectors
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.decoder import Picture
from resnet.inference.placement import cpu_only, placed
from resnet.inference.serving import start
from resnet.util.errors import InputError
from resnet.util.fields import settings


def on_device(seconds: int, gpu=spaces.GPU):
    """For a module-level function, so that ZeroGPU finds it at start; its result has a field `fallback`."""

    def decorate(function):
        def inside(*values):
            try:
                return function(*values)
            except InputError as error:
                return error

        remote = gpu(duration=seconds)(inside)

        @functools.wraps(function)
        def call(*values):
            try:
                answer = remote(*values)
            except gr.Error:  # ZeroGPU's own: no quota left, or its worker failed
                with cpu_only():
                    return replace(function(*values), fallback="busy")
            if isinstance(answer, InputError):
                raise answer
            return answer

        return call

    return decorate


@on_device(seconds=5)
def gather(picture: "Tensor | Picture", ref: ModelRef, questions: Questions, reading: tuple[str, ...] = ()) -> Evidence:
    """resnet.explain.evidence.gather by the model's reference, and the reading of it that was set by hand."""
    return evidence.gather(picture, current().load(ref).read_as(settings(reading)), questions)


@on_device(seconds=10)
def classify_many(pictures: Tensor, ref: ModelRef, reading: tuple[str, ...] = (), strange: bool = False) -> ManyAnswers:
    """resnet.explain.evidence.classify_many, by the same."""
    return evidence.classify_many(pictures, current().load(ref).read_as(settings(reading)), strange=strange)


@on_device(seconds=15)
def measure(ref: ModelRef) -> SampleAnswers:
    """resnet.explain.samples.measure by the model's reference."""
    return samples.measure(current().load(ref))


@on_device(seconds=15)
def features(pictures: Tensor, ref: ModelRef) -> Vectors:
    """resnet.explain.vectors.feature_vectors by the model's reference."""
    return feature_vectors(pictures, current().load(ref))


def place_default(ref: ModelRef) -> None:
    """On ZeroGPU, the default model is placed before the page is served; elsewhere nothing is loaded."""
    if Config.zero_gpu:
        placed(current().load(ref), torch.device("cuda"))


def start_inference() -> None:
    """By app.py, first of all: the thread that runs nets (resnet.inference.serving); not on ZeroGPU, which forks."""
    if not Config.zero_gpu:
        start()
