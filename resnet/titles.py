"""What nets are called in print, as the papers write them."""

KINDS = {"resnet": "ResNet", "resnext": "ResNeXt"}


def net_title(plain: bool, depth: int) -> str:
    """ "plain-20" or "ResNet-20"."""
    return f"{'plain' if plain else 'ResNet'}-{depth}"


def variant_title(variant: str) -> str:
    """ "resnext50_32x4d" -> "ResNeXt-50 32x4d", "resnet20_cifar" -> "ResNet-20 (CIFAR)"."""
    if variant == "d2l_resnet18":
        return "ResNet-18, 1×64×64 (d2l)"
    net, *rest = variant.removeprefix("wide_").split("_")
    kind = net.rstrip("0123456789")
    title = f"{KINDS.get(kind, kind)}-{net[len(kind):]}"
    if variant.startswith("wide_"):
        return f"Wide {title}-{rest[0]}"
    return title + "".join(" (CIFAR)" if part == "cifar" else f" {part}" for part in rest)
