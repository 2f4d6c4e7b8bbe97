"""The exhibit: residual networks and their plain twins, to be read beside the papers.

He et al. 2015 (arXiv 1512.03385), He et al. 2016 (arXiv 1603.05027), Xie et al. 2017
(arXiv 1611.05431). Parameter names are torchvision's, so weights go both ways. The shortcut is
always a module, so that a block's forward is the paper's equation.
"""

from typing import Any

import torch
from torch import Tensor, nn

from resnet.config import ResNetConfig, config_of, stage_output
from resnet.layers import (
    DropPath,
    NoShortcut,
    ZeroPad,
    activation,
    anti_alias,
    attention,
    conv,
    halving_mean,
    norm,
    stem_convolutions,
    stem_pool,
    strides,
)


def _shortcut(config: ResNetConfig, c_in: int, c_out: int, stride: int) -> nn.Module:
    if config.plain:
        return NoShortcut()
    if config.shortcut != "C" and stride == 1 and c_in == c_out:
        return nn.Identity()
    if config.shortcut == "A":
        return ZeroPad(c_in, c_out, stride, config.zero_pad, config.halving == "average")
    # In pre-activation order the projection's input is already normalised (He et al. 2016, section 4.1).
    norms = [norm(config, c_out)] if config.shortcut_norm and config.order != "preact" else []
    if config.shortcut == "D":
        mean = halving_mean() if stride == 2 else nn.Identity()
        return nn.Sequential(mean, conv(config, c_in, c_out, 1), *norms)
    return nn.Sequential(conv(config, c_in, c_out, 1, stride), *norms)


class ResidualBlock(nn.Module):
    """y = relu(F(x) + x), the original order (He et al. 2016, figure 4a); the kinds of block differ in F.

    [n, c_in, h, w] -> [n, c_out, h / stride, w / stride].
    """

    relu: nn.Module
    downsample: nn.Module
    drop_path: nn.Module

    def residual(self, x: Tensor) -> Tensor:
        """The residual branch F."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.drop_path(self.residual(x)) + self.downsample(x))


class BasicBlock(ResidualBlock):
    """F is two 3x3 convolutions."""

    def __init__(self, config: ResNetConfig, c_in: int, stage: int, stride: int):
        super().__init__()
        width, (first, second) = config.block_width(stage), strides(config, stride)
        self.conv1 = conv(config, c_in, width, 3, first)
        self.bn1 = norm(config, width)
        self.relu = activation(config)
        self.aa = anti_alias(config, width, stride)
        self.conv2 = conv(config, width, width, 3, second)
        self.bn2 = norm(config, width)
        self.se = attention(config, width)
        self.downsample = _shortcut(config, c_in, width, stride)

    def residual(self, x: Tensor) -> Tensor:
        out = self.aa(self.relu(self.bn1(self.conv1(x))))
        return self.se(self.bn2(self.conv2(out)))


class Bottleneck(ResidualBlock):
    """F is a 1x1, a 3x3 (grouped in ResNeXt) and a 1x1 convolution to 4 times the width."""

    def __init__(self, config: ResNetConfig, c_in: int, stage: int, stride: int):
        super().__init__()
        width, c_out = config.block_width(stage), config.out_channels(stage)
        first, second = strides(config, stride)
        self.conv1 = conv(config, c_in, width, 1, first)
        self.bn1 = norm(config, width)
        self.conv2 = conv(config, width, width, 3, second, config.groups)
        self.bn2 = norm(config, width)
        self.aa = anti_alias(config, width, stride)
        self.conv3 = conv(config, width, c_out, 1)
        self.bn3 = norm(config, c_out)
        self.se = attention(config, c_out)
        self.relu = activation(config)
        self.downsample = _shortcut(config, c_in, c_out, stride)

    def residual(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.aa(self.relu(self.bn2(self.conv2(out))))
        return self.se(self.bn3(self.conv3(out)))


# The other orders of figure 4: b to d are built for the CIFAR family only, on which they were tried.


class BNAfterAddition(BasicBlock):
    """y = relu(bn(F(x) + x)): the norm lies on the shortcut's way (figure 4b)."""

    def residual(self, x: Tensor) -> Tensor:
        return self.se(self.conv2(self.aa(self.relu(self.bn1(self.conv1(x))))))

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn2(self.drop_path(self.residual(x)) + self.downsample(x)))


class ReLUBeforeAddition(BasicBlock):
    """y = F(x) + x, F ending with its ReLU: what is added is never negative (figure 4c)."""

    def residual(self, x: Tensor) -> Tensor:
        return self.relu(super().residual(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.drop_path(self.residual(x)) + self.downsample(x)


class ReLUPreActivation(BasicBlock):
    """y = F(relu(x)) + x with BN behind each convolution (figure 4d); the net ends with a ReLU of its own."""

    def __init__(self, config: ResNetConfig, c_in: int, stage: int, stride: int):
        super().__init__(config, c_in, stage, stride)
        self.relu = activation(config, inplace=False)  # not in place: the shortcut needs x as it was

    def residual(self, x: Tensor) -> Tensor:
        return super().residual(self.relu(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.drop_path(self.residual(x)) + self.downsample(x)


class PreActivation(ResidualBlock):
    """y = F(relu(bn(x))) + x: what is added passes through untouched (figure 4e); F takes the activated input.

    With `splits_active` the paths split behind the activation: the shortcut sees the activated input too.
    """

    bn1: nn.Module
    splits_active = False

    def forward(self, x: Tensor) -> Tensor:
        active = self.relu(self.bn1(x))
        return self.drop_path(self.residual(active)) + self.downsample(active if self.splits_active else x)


class PreActBasicBlock(PreActivation, BasicBlock):
    def __init__(self, config: ResNetConfig, c_in: int, stage: int, stride: int):
        super().__init__(config, c_in, stage, stride)
        self.bn1 = norm(config, c_in)
        self.relu = activation(config, inplace=False)

    def residual(self, x: Tensor) -> Tensor:
        return self.se(self.conv2(self.aa(self.relu(self.bn2(self.conv1(x))))))


class PreActBottleneck(PreActivation, Bottleneck):
    def __init__(self, config: ResNetConfig, c_in: int, stage: int, stride: int):
        super().__init__(config, c_in, stage, stride)
        self.bn1, self.bn3 = norm(config, c_in), norm(config, config.block_width(stage))
        self.relu = activation(config, inplace=False)

    def residual(self, x: Tensor) -> Tensor:
        out = self.conv2(self.relu(self.bn2(self.conv1(x))))
        return self.se(self.conv3(self.aa(self.relu(self.bn3(out)))))


BLOCKS = {
    ("basic", "original"): BasicBlock,
    ("basic", "bn_after_add"): BNAfterAddition,
    ("basic", "relu_before_add"): ReLUBeforeAddition,
    ("basic", "relu_preact"): ReLUPreActivation,
    ("basic", "preact"): PreActBasicBlock,
    ("bottleneck", "original"): Bottleneck,
    ("bottleneck", "preact"): PreActBottleneck,
}


class ResNet(nn.Module):
    """[n, in_channels, height, width] -> logits [n, classes]: the stem, the blocks of each stage, the head.

    conv1, bn1, layer1 ... layerN, fc are torchvision's names; the paper calls layer1 conv2_x.
    """

    def __init__(self, config: ResNetConfig):
        super().__init__()
        self.config = config
        preact, channels = config.order == "preact", config.stem_widths[-1]
        self.conv1 = stem_convolutions(config)
        self.bn1 = nn.Identity() if preact else norm(config, channels)
        self.relu = nn.Identity() if preact else activation(config)
        self.maxpool = stem_pool(config)
        for stage in range(len(config.depths)):
            self.add_module(f"layer{stage + 1}", _stage(config, channels, stage))
            channels = config.out_channels(stage)
        self.norm = norm(config, channels) if preact and config.closing_norm else nn.Identity()
        self.act = activation(config, inplace=False) if config.ends_active else nn.Identity()
        flat = config.head == "flatten"
        height, width = stage_output(config.input_size, config) if flat else (1, 1)
        self.avgpool = nn.Identity() if flat else nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels * height * width, config.classes)

    @property
    def stages(self) -> list[nn.Sequential]:
        return [getattr(self, f"layer{i + 1}") for i in range(len(self.config.depths))]

    @property
    def blocks(self) -> list[nn.Module]:
        """All stages' blocks in order; a net that was operated on may have other modules among them."""
        return [block for stage in self.stages for block in stage]

    def stem(self, x: Tensor) -> Tensor:
        """[n, in_channels, height, width] -> what the first block gets."""
        return self.maxpool(self.relu(self.bn1(self.conv1(x))))

    def features(self, x: Tensor) -> Tensor:
        """What the last stage gives, behind a pre-activation net's closing norm and ReLU: [n, channels, h, w]."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.act(self.norm(x))

    def pooled(self, x: Tensor) -> Tensor:
        """Features [n, channels, h, w] -> what the classifier reads, [n, d]."""
        return self.flatten(self.avgpool(x))

    def head(self, x: Tensor) -> Tensor:
        """What the last block gives -> logits [n, classes]."""
        return self.fc(self.pooled(self.act(self.norm(x))))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pooled(self.features(x)))

    def parts(self) -> dict[str, nn.Module]:
        """The papers' parts by their names, each to be run on what the one before it gave; all but the head.

        conv1 ends before the max pooling, the last stage after the closing norm and ReLU.
        """
        first, *rest = self.stages
        parts = [nn.Sequential(self.conv1, self.bn1, self.relu), nn.Sequential(self.maxpool, first), *rest]
        parts[-1] = nn.Sequential(parts[-1], self.norm, self.act)
        return {f"conv{i + 1}_x" if i else "conv1": part for i, part in enumerate(parts)}


def _stage(config: ResNetConfig, channels: int, stage: int) -> nn.Sequential:
    kind = BLOCKS[config.block, config.order]
    blocks: list[ResidualBlock] = []
    for i in range(config.depths[stage]):
        block = kind(config, channels, stage, 2 if i == 0 and stage > 0 else 1)
        rate = config.drop_rate(stage, i)
        block.drop_path = DropPath(rate) if rate else nn.Identity()
        blocks.append(block)
        channels = config.out_channels(stage)
    opening = blocks[0]
    if isinstance(opening, PreActivation):
        opening.splits_active = config.opening == "active" or not isinstance(opening.downsample, nn.Identity)
    return nn.Sequential(*blocks)


@torch.no_grad()
def init_weights(model: nn.Module, seed: int = 0) -> None:
    """He initialisation (arXiv 1502.01852): normal, variance 2 / fan_out; norms 1 and 0.

    Twins that differ in a parameter-free shortcut draw the same numbers for the same seed.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv1d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            module.weight.uniform_(-bound, bound, generator=generator)
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            module.bias.zero_()


def create(net: "str | ResNetConfig", seed: int = 0, **changes: Any) -> ResNet:
    """A freshly initialised network: create("resnet20_cifar", classes=100).

    Raises:
        InputError: no such variant, or a setting out of range.
    """
    model = ResNet(config_of(net, **changes))
    init_weights(model, seed)
    return model
