"""The peers of benchmarks/inference.py, each in a process of its own, told by lines of JSON what to do.

One process each, so that no library's thread pool, allocator or global setting disturbs another's; all
get the same number of threads, the same weights and the same bytes of JPEG. A peer's net and its
preprocessing are set up as its documentation shows.

    python -m benchmarks.peers PEER NET WEIGHTS PICTURE THREADS
"""

import io
import json
import os
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TOP = 5
WARM_SECONDS = 0.1  # of calls before the one that counts


class Peer(ABC):
    """A library with one net.

    Args:
        net: a variant's name.
        state: its weights under torchvision's names.
        threads: how many it may use.
    """

    only: tuple[str, ...] = ()  # the nets that it has; all if empty

    def __init__(self, net: str, state: dict[str, Tensor], threads: int):
        self.net, self.threads = net, threads
        self.small = net.endswith("_cifar")
        self.size = 32 if self.small else 224
        self.labels = [f"class {i}" for i in range(len(state["fc.bias"]))]
        torch.set_num_threads(threads)
        self.load(state)

    @abstractmethod
    def load(self, state: dict[str, Tensor]) -> None:
        """Make the net ready."""

    @abstractmethod
    def forward(self, batch: Tensor) -> Tensor:
        """Normalised fp32 [n, 3, h, w] -> fp32 logits [n, classes]."""

    @abstractmethod
    def prepare(self, picture: bytes) -> Tensor:
        """A JPEG -> normalised fp32 [3, h, w]."""

    def answer(self, pictures: list[bytes]) -> list[list[tuple[str, float]]]:
        """JPEGs -> the five most probable labels of each."""
        logits = self.forward(torch.stack([self.prepare(picture) for picture in pictures]))
        values, indices = logits.softmax(1).topk(TOP)
        return [[(self.labels[i], p) for i, p in zip(*row, strict=True)]
                for row in zip(indices.tolist(), values.tolist(), strict=True)]

    def inside(self, work: Callable[[], Any]) -> Any:
        """work(), where the net runs: here, or in a thread of its own."""
        return work()

    def calibration(self) -> list[Tensor]:
        """Inputs from which a runtime takes its ranges for eight bits."""
        made = torch.randn(32, 3, self.size, self.size, generator=torch.Generator().manual_seed(2))
        return list(made.split(1))

    def _transforms(self) -> Callable[..., Tensor]:
        """What torchvision's weights bring along as weights.transforms()."""
        from torchvision.transforms._presets import ImageClassification

        return ImageClassification(crop_size=self.size, resize_size=32 if self.small else 256)


class Torchvision(Peer):
    """torchvision's model in eager mode; for a CIFAR net, which it has not, ours in the same way."""

    def load(self, state: dict[str, Tensor]) -> None:
        if self.small:
            from resnet.model import create

            self.model = create(self.net)
        else:
            import torchvision

            self.model = torchvision.models.get_model(self.net)
        self.model.load_state_dict(state)
        self.model.eval()
        self.transforms = self._transforms()

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        return self.model(batch)

    def prepare(self, picture: bytes) -> Tensor:
        from torchvision.io import decode_image

        return self.transforms(decode_image(torch.frombuffer(bytearray(picture), dtype=torch.uint8)))


class Timm(Peer):
    only = ("resnet18", "resnet50")

    def load(self, state: dict[str, Tensor]) -> None:
        import timm
        from timm.data.config import resolve_data_config
        from timm.data.transforms_factory import create_transform

        self.model = timm.create_model(self.net).eval()
        self.model.load_state_dict(state)
        config = resolve_data_config({"crop_pct": 0.875, "interpolation": "bilinear"}, model=self.model)
        self.transforms = cast(Callable[..., Tensor], create_transform(**config, is_training=False))

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        return self.model(batch)

    def prepare(self, picture: bytes) -> Tensor:
        from PIL import Image

        return self.transforms(Image.open(io.BytesIO(picture)).convert("RGB"))


class Transformers(Peer):
    """pipeline("image-classification")."""

    only = ("resnet18", "resnet50")

    def load(self, state: dict[str, Tensor]) -> None:
        from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification, pipeline

        from resnet.hub.spelling import to_torchvision

        deep = self.net == "resnet50"
        sizes = [256, 512, 1024, 2048] if deep else [64, 128, 256, 512]
        model = ResNetForImageClassification(ResNetConfig(
            depths=[3, 4, 6, 3] if deep else [2, 2, 2, 2], hidden_sizes=sizes,
            layer_type="bottleneck" if deep else "basic", id2label=dict(enumerate(self.labels))))
        names = to_torchvision(model.state_dict()).mapping
        model.load_state_dict({name: state[names[name]] for name in model.state_dict() if name in names}, strict=False)
        processor = ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875, resample=2,
                                           image_mean=MEAN, image_std=STD)
        self.model = model.eval()
        self.pipe = pipeline("image-classification", model=model, image_processor=processor, device="cpu")

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        return self.model(pixel_values=batch).logits

    def prepare(self, picture: bytes) -> Tensor:
        raise NotImplementedError("the pipeline does it")

    def answer(self, pictures: list[bytes]) -> list:
        from PIL import Image

        opened: list[Image.Image] = [Image.open(io.BytesIO(picture)) for picture in pictures]
        found = self.pipe(opened, top_k=TOP, batch_size=len(opened))
        return [[(one["label"], one["score"]) for one in row] for row in found]


class _Converted(Torchvision):
    """A torch model that another runtime runs; pictures by PIL and weights.transforms(), as their tutorials do."""

    def prepare(self, picture: bytes) -> Tensor:
        from PIL import Image

        return self.transforms(Image.open(io.BytesIO(picture)).convert("RGB"))


class OnnxRuntime(_Converted):
    int8 = False

    def load(self, state: dict[str, Tensor]) -> None:
        import onnxruntime  # pyright: ignore[reportMissingImports]: only benchmarks/requirements.txt names it

        super().load(state)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "net.onnx")
            torch.onnx.export(self.model, (torch.zeros(2, 3, self.size, self.size),), file, verbose=False,
                              input_names=["x"], dynamic_shapes=({0: torch.export.Dim("n")},))
            if self.int8:
                file = self._quantised(file)
            self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        del self.model

    def _quantised(self, file: str) -> str:
        """Statically, by channel, as ONNX Runtime's documentation advises for CPUs with VNNI."""
        from onnxruntime import quantization  # pyright: ignore[reportMissingImports]
        from onnxruntime.quantization.shape_inference import quant_pre_process  # pyright: ignore[reportMissingImports]

        samples = iter([{"x": part.numpy()} for part in self.calibration()])

        class Reader(quantization.CalibrationDataReader):
            def get_next(self) -> Any:
                return next(samples, None)

        ready, done = file + ".ready", file + ".int8"
        quant_pre_process(file, ready)
        quantization.quantize_static(ready, done, Reader(), per_channel=True,
                                     quant_format=quantization.QuantFormat.QDQ,
                                     activation_type=quantization.QuantType.QUInt8,
                                     weight_type=quantization.QuantType.QInt8)
        return done

    def forward(self, batch: Tensor) -> Tensor:
        return torch.from_numpy(self.session.run(None, {"x": batch.numpy()})[0])


class OnnxRuntimeInt8(OnnxRuntime):
    int8 = True


class OpenVino(_Converted):
    """Converted and compiled for latency, with any batch."""

    precision = "f32"
    int8 = False

    def load(self, state: dict[str, Tensor]) -> None:
        import openvino  # pyright: ignore[reportMissingImports]: only benchmarks/requirements.txt names it

        super().load(state)
        net = openvino.convert_model(self.model, example_input=torch.zeros(1, 3, self.size, self.size),
                                     input=[-1, 3, self.size, self.size])
        if self.int8:
            net = self._quantised(net)
        self.compiled = openvino.Core().compile_model(net, "CPU", {
            "INFERENCE_PRECISION_HINT": self.precision, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads})
        del self.model

    def _quantised(self, net: Any) -> Any:
        import nncf  # pyright: ignore[reportMissingImports]

        return nncf.quantize(net, nncf.Dataset([part.numpy() for part in self.calibration()]),
                             target_device=nncf.TargetDevice.CPU)

    def forward(self, batch: Tensor) -> Tensor:
        return torch.from_numpy(self.compiled(batch.numpy())[0])


class OpenVinoBf16(OpenVino):
    precision = "bf16"


class OpenVinoInt8(OpenVino):
    int8 = True


class Ours(Peer):
    """resnet.inference.serving, as the page uses it."""

    int8 = True

    def load(self, state: dict[str, Tensor]) -> None:
        from resnet.inference import serving

        server = serving.start()  # before anything computes, as app.py does: it is to be the only pool of threads
        from resnet.checkpoint import ModelInfo, restore
        from resnet.config import config_of
        from resnet.hub.loaded import LoadedModel
        from resnet.hub.preprocessing import Steps
        from resnet.hub.ref import ModelRef
        from resnet.inference.int8_record import Int8Record

        config = config_of(self.net)
        info = ModelInfo(self.net, self.net, config, "", tuple(self.labels), MEAN, STD)
        steps = Steps((self.size, self.size), (32, 32) if self.small else (256, 256))
        self.loaded = LoadedModel(ModelRef("bundled", self.net), restore(config, state), info, steps)
        refused = None if self.int8 else Int8Record({}, 0, 0, 0, (0, 0), 0, 0, 0, admitted=False)
        net = serving.ServedNet(self.loaded.model, info, torch.device("cpu"), "auto", refused)
        self.served = net
        while (quick := server.form(net)) is None:
            serving.answer(net, torch.zeros(1, 3, self.size, self.size, dtype=torch.uint8))
            time.sleep(0.02)
        self.quick, self.inside = quick, server.heavy

    def forward(self, batch: Tensor) -> Tensor:
        return self.quick(batch)

    def prepare(self, picture: bytes) -> Tensor:
        raise NotImplementedError("answer does it")

    def answer(self, pictures: list[bytes]) -> list:
        from resnet.inference.picture import decode
        from resnet.inference.predict import see
        from resnet.inference.serving import answer

        seen = torch.stack([see(decode(picture), self.loaded).pixels for picture in pictures])
        values, indices = answer(self.served, seen).logits.softmax(1).topk(TOP)
        return [[(self.labels[i], p) for i, p in zip(*row, strict=True)]
                for row in zip(indices.tolist(), values.tolist(), strict=True)]


class OursFloat(Ours):
    """The same without eight bits."""

    int8 = False


class Prepacked(Torchvision):
    """Our other candidate: benchmarks/prepacked.py, a form for each batch."""

    def load(self, state: dict[str, Tensor]) -> None:
        from resnet.model import create

        self.model = create(self.net)
        self.model.load_state_dict(state)
        self.model.eval().requires_grad_(False)
        self.transforms = self._transforms()
        self.forms = {}

    def forward(self, batch: Tensor) -> Tensor:
        from benchmarks.prepacked import prepacked
        from resnet.inference.fast import DTYPES
        from resnet.util.precision import resolve

        if len(batch) not in self.forms:
            self.forms[len(batch)] = prepacked(self.model, batch, DTYPES[resolve("auto")])
        return self.forms[len(batch)](batch)


PEERS = {"torchvision": Torchvision, "timm": Timm, "transformers": Transformers, "onnxruntime": OnnxRuntime,
         "openvino fp32": OpenVino, "openvino bf16": OpenVinoBf16, "prepacked": Prepacked, "ours float": OursFloat,
         "onnx int8": OnnxRuntimeInt8, "openvino int8": OpenVinoInt8, "ours": Ours}
INT8 = ("onnx int8", "openvino int8")


def resident() -> float:
    """MB of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def serve(name: str, net: str, weights: str, picture: str, threads: int) -> None:
    """Answers {"what": "forward" or "request", "batch": n} by {"seconds": ...}, and {"what": "logits"} by logits."""
    from safetensors.torch import load_file

    state = load_file(weights)
    before = resident()
    start = time.perf_counter()
    with redirect_stdout(sys.stderr):  # libraries tell of their progress where the answers go
        peer = PEERS[name](net, state, threads)
    made = torch.randn(32, 3, peer.size, peer.size, generator=torch.Generator().manual_seed(0))
    jpeg = Path(picture).read_bytes()
    peer.inside(lambda: peer.forward(made[:1]))
    print(json.dumps({"load": time.perf_counter() - start, "memory": resident() - before}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        n = asked["batch"]
        if asked["what"] == "request":
            seconds, _ = timed(lambda n: peer.answer([jpeg] * n), n)
            told = {"seconds": seconds}
        else:
            seconds, logits = peer.inside(lambda: timed(lambda n: peer.forward(made[:n]), n))  # noqa: B023
            told = {"seconds": seconds} | ({"logits": logits.tolist()} if asked["what"] == "logits" else {})
        print(json.dumps(told | {"memory": resident() - before}), flush=True)


def timed(call: Callable[[int], Tensor], n: int) -> tuple[float, Tensor]:
    """(seconds, result) of a call after others: threads slept and caches were lost while the peers were measured."""
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_SECONDS:
        call(min(n, 8))
    start = time.perf_counter()
    found = call(n)
    return time.perf_counter() - start, found


if __name__ == "__main__":
    name, net, weights, picture, threads = sys.argv[1:]
    serve(name, net, weights, picture, int(threads))
