"""A network -> Trace: one record per layer, found by running the real modules without their numbers.

The modules are built on PyTorch's meta device, where parameters have shapes only, and fake
tensors go through them. Hooks on the leaves see what really runs; the addition that closes a block
has no module and is recorded where the shortcut delivers.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from resnet.config import VARIANTS, ResNetConfig, config_of, repeats, stage_output, two_blocks_a_stage
from resnet.layers import BlurPool
from resnet.model import ResNet
from resnet.tracing.records import Block, Layer, Stage, Trace
from resnet.tracing.shape_rules import FLOAT_BYTES, PASSING, FakeTensor, side_of, use_shape_rule
from resnet.util.errors import InputError
from resnet.util.numbers import by

__all__ = ["Block", "Layer", "Stage", "Trace", "checked_size", "name_of", "trace"]
MAX_BATCH = 65_536
Size = int | Sequence[int] | None  # of an input: one number for both sides, (height, width), or the config's own
Fields = dict[str, Any]  # the fields of a Layer


def trace(net: "str | ResNetConfig | nn.Module", size: Size = None, batch: int = 1, **changes: Any) -> Trace:
    """Shapes, parameters and cost of a variant, a config or a network of ours.

    Args:
        size: (height, width) in pixels, or one number for both; None is the size the net is made for.
        changes: fields of the config: trace("resnet50", classes=10, stride_in="1x1").

    Raises:
        InputError: no such variant or setting, a value out of range, or a size that the net cannot take.
    """
    if not (isinstance(batch, int) and 1 <= batch <= MAX_BATCH):
        raise InputError("range", field="batch", value=batch, limit=f"{MAX_BATCH:,}")
    if isinstance(net, nn.Module):
        return _trace_module(net, size, batch, changes)
    config = config_of(net, **changes)
    height, width = checked_size(config, size)
    shape = (batch, config.in_channels, height, width)
    rows, peak = _run(_skeleton(two_blocks_a_stage(config)), shape)
    name = net if isinstance(net, str) else name_of(config)
    return _finish(name, config, shape, _repeat(rows, config), peak)


def _trace_module(net: nn.Module, size: Size, batch: int, changes: dict[str, Any]) -> Trace:
    """The module as it stands, by a copy that shares nothing with it and has no numbers."""
    if not isinstance(net, ResNet):
        raise InputError("not_a_resnet", kind=type(net).__name__)
    if changes:
        raise TypeError("a built network keeps its settings; trace its config to change them")
    height, width = checked_size(net.config, size)
    tensors = list(net.parameters()) + list(net.buffers())
    with torch.no_grad():
        memo = {id(t): _empty(t) for t in tensors}
    shape = (batch, net.config.in_channels, height, width)
    rows, peak = _run(copy.deepcopy(net, memo), shape)
    return _finish(name_of(net.config), net.config, shape, rows, peak)


def _empty(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


def name_of(config: ResNetConfig) -> str:
    """The variant with this config, else what it is nearest to: "resnet50" or "plain20"."""
    for name, known in VARIANTS.items():
        if known == config:
            return name
    return f"{'plain' if config.plain else 'resnet'}{config.depth}"


def checked_size(config: ResNetConfig, size: Size = None) -> tuple[int, int]:
    """`size` as (height, width), in range and fit for the net's head.

    Raises:
        InputError: out of range, a single pixel, or a flatten head made for another size.
    """
    if size is None:
        return config.input_size
    asked = (size, size) if isinstance(size, int) else size
    height, width = config_of(config, input_size=asked).input_size
    if (height, width) == (1, 1):
        raise InputError("one_pixel")
    if 0 in stage_output((height, width), config):
        raise InputError("no_window", size=by((height, width), "x"))
    made, given = stage_output(config.input_size, config), stage_output((height, width), config)
    if config.head == "flatten" and prod(made) != prod(given):
        raise InputError("flatten_size", made=by(config.input_size, "x"), given=by((height, width), "x"),
                         made_map=by(made, "x"), given_map=by(given, "x"))
    return height, width


def _skeleton(config: ResNetConfig) -> ResNet:
    """The net with shapes for parameters."""
    try:
        with torch.device("meta"):
            return ResNet(config)
    except RuntimeError as error:
        if "overflow" in str(error).lower():  # a weight beyond 2**63 bytes
            raise InputError("too_large") from None
        raise


# Running -----------------------------------------------------------------------------------------


class _Call(NamedTuple):
    """One operation that ran. An addition has no module; its input and output are what the shortcut gives: 0 in a
    plain net. `gate` is what a Scale multiplies its input with."""

    name: str
    module: nn.Module | None
    input: "FakeTensor | int"
    output: "FakeTensor | int"
    gate: "FakeTensor | int" = 0


def _run(net: ResNet, shape: tuple[int, ...]) -> tuple[list[Fields], int]:
    """Rows in the order of execution, and the peak of live activation bytes, for a net on meta."""
    calls: list[_Call] = []

    def watch(name: str) -> Callable:
        return lambda module, args, output: calls.append(_Call(name, module, args[0], output, *args[1:]))

    def watch_addition(name: str) -> Callable:
        return lambda module, args, output: calls.append(_Call(name, None, output, output))

    for name, module in net.named_modules():
        use_shape_rule(module)
        if not any(module.children()) and not isinstance(module, PASSING):
            module.register_forward_hook(watch(name))
        if name.endswith(".downsample"):  # the last thing before the sum
            module.register_forward_hook(watch_addition(name.removesuffix("downsample") + "add"))
    with torch.no_grad():
        net.eval()(FakeTensor(shape))
    return list(_rows(calls, net.config)), _peak_bytes(calls)


def _rows(calls: list[_Call], config: ResNetConfig) -> Iterator[Fields]:
    seen: dict[str, int] = {}
    for name, module, x, out, _ in calls:
        if not (isinstance(x, FakeTensor) and isinstance(out, FakeTensor)):
            continue
        if module is None:
            yield _addition(name, out, config)
        else:
            again = seen[name] = seen.get(name, -1) + 1
            yield _row(f"{name}_{again}" if again else name, module, x, out, config)


def _row(name: str, module: nn.Module, x: FakeTensor, out: FakeTensor, config: ResNetConfig) -> Fields:
    return {
        **_position(name, config),
        "type": type(module).__name__,
        "input": x.shape,
        "output": out.shape,
        **{key: side_of(module, key) for key in ("stride", "padding", "groups")},
        "kernel": side_of(module, "kernel_size"),
        "params": sum(p.numel() for p in module.parameters(recurse=False)),
        "macs": macs_of(module, out),
        "activation_bytes": out.numel() * FLOAT_BYTES,
    }


def _addition(name: str, shortcut: FakeTensor, config: ResNetConfig) -> Fields:
    """A block's addition: of the branch and the shortcut, both of the shortcut's shape."""
    shape = shortcut.shape
    return {
        **_position(name, config), "type": "Add", "input": shape, "output": shape,
        "kernel": None, "stride": None, "padding": None, "groups": None,
        "params": 0, "macs": 0, "activation_bytes": shortcut.numel() * FLOAT_BYTES,
    }


def macs_of(module: nn.Module, out: FakeTensor) -> int:
    """One multiply-add per weight and output position; a group's kernel sees only its own channels."""
    if isinstance(module, (nn.Conv2d, nn.Conv1d)):
        return out.numel() * prod(module.weight.shape[1:])
    if isinstance(module, BlurPool):  # a convolution, though its weights are fixed
        return out.numel() * module.kernel_size**2
    return out.numel() * module.in_features if isinstance(module, nn.Linear) else 0


def _position(name: str, config: ResNetConfig) -> Fields:
    """Where a layer stands: its name, the paper's part, its block, and on which path."""
    top, *rest = name.split(".")
    if top.startswith("layer"):
        return {"name": name, "group": f"conv{int(top[5:]) + 1}_x", "block": f"{top}.{rest[0]}",
                "on_shortcut": ".downsample" in name}
    last = f"conv{len(config.depths) + 1}_x"
    group = {"conv1": "conv1", "bn1": "conv1", "relu": "conv1", "maxpool": "conv2_x",
             "norm": last, "act": last}.get(top, "fc")
    return {"name": name, "group": group, "block": "", "on_shortcut": False}


def _peak_bytes(calls: list[_Call]) -> int:
    """The largest sum of tensors that are made and not yet used for the last time.

    A block's sum is first seen as the input of what follows, and the branch is used by it.
    """
    spans: dict[object, list[int]] = {}  # memory -> [bytes, first step, last step]

    def seen(tensor: "FakeTensor | int", first: int, last: int) -> None:
        if isinstance(tensor, int):
            return
        span = spans.setdefault(tensor.memory, [tensor.numel() * FLOAT_BYTES, max(first, 0), last])
        span[2] = last

    branch = calls[0].output
    for step, (name, module, x, out, gate) in enumerate(calls):
        if module is None:
            seen(branch, step, step)
        seen(x, step - 1, step)
        seen(gate, step - 1, step)
        seen(out, step, step)
        if module is not None and ".downsample" not in name:
            branch = out
    change = [0] * (len(calls) + 1)
    for size, first, last in spans.values():
        change[first] += size
        change[last + 1] -= size
    return max(accumulate(change))


# Finishing ---------------------------------------------------------------------------------------


def _repeat(rows: list[Fields], config: ResNetConfig) -> Iterator[Fields]:
    """The rows of a net with at most two blocks a stage -> those of the whole net."""
    for block, group in groupby(rows, key=lambda row: row["block"]):
        run = list(group)
        yield from run
        for name in repeats(block, config):
            yield from ({**row, "block": name, "name": name + row["name"].removeprefix(block)} for row in run)


def _finish(name: str, config: ResNetConfig, shape: tuple[int, ...], rows: Iterable[Fields], peak: int) -> Trace:
    return Trace(name, config, shape, tuple(_with_receptive_fields(rows)), peak)


def _with_receptive_fields(rows: Iterable[Fields]) -> Iterator[Layer]:
    """A window of k at a step of j input pixels adds (k - 1) j; both paths of a block start at its input."""
    main = side = (1, 1)  # receptive field, step
    block = ""
    for row in rows:
        if row["block"] != block:
            block, side = row["block"], main
        if row["type"] == "Add":
            main = (max(main[0], side[0]), main[1])
        field, step = side if row["on_shortcut"] else main
        moved = (field + ((row["kernel"] or 1) - 1) * step, step * (row["stride"] or 1))
        if row["on_shortcut"]:
            side = moved
        else:
            main = moved
        yield Layer(**row, receptive_field=moved[0])
