"""Trains the small nets beside this file: python -m tests.nets (20 minutes on one core; those that are here are kept).

Each is one reading of its tensors: 15,000 training images, three epochs, random crops and flips, kernels kept as fp16.
"""

from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from resnet.config import config_of
from resnet.data import augment, load_split, normalise
from resnet.hub.preprocessing import NORMALISATIONS
from resnet.model import ResNet, create
from tests.nets import NETS, TrainedNet

IMAGES, EPOCHS, BATCH, PEAK = 15_000, 3, 64, 0.1


def train(kind: TrainedNet, seed: int) -> ResNet:
    """A net that saw its pictures as `kind` says."""
    config = config_of("resnet20_cifar", **kind.settings)
    split = load_split(kind.data, "train").first(IMAGES).resized(config.input_size)
    images = split.images.flip(1) if kind.channels == "bgr" else split.images
    mean, std = NORMALISATIONS[config.in_channels][kind.normalisation]
    colours = SimpleNamespace(mean=mean[::-1] if kind.channels == "bgr" else mean,
                              std=std[::-1] if kind.channels == "bgr" else std)
    torch.manual_seed(seed)
    net, generator = create(config, seed=seed).train(), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(net.parameters(), PEAK, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = EPOCHS * (IMAGES // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK, steps)
    for _ in range(steps):
        chosen = torch.randint(IMAGES, (BATCH,), generator=generator)
        flip = torch.rand(BATCH, generator=generator) < 0.5
        x = normalise(augment(images[chosen], config.input_size[0] // 8, flip, generator), colours)
        loss = F.cross_entropy(net(x), split.labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    print(f"{kind.name}: loss {loss.item():.3f} at the end", flush=True)
    return net.eval()


def save(net: ResNet, file: Path, names) -> None:
    state = {key: value.half() if value.dim() > 1 else value for key, value in net.state_dict().items()
             if not key.endswith("num_batches_tracked")}
    save_file(names({key: value.contiguous() for key, value in state.items()}), file)


def main() -> None:
    for seed, kind in enumerate(NETS):
        if not kind.file.exists():
            save(train(kind, seed), kind.file, kind.names)


if __name__ == "__main__":
    main()
