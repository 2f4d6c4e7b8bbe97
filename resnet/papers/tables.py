"""Published numbers with their citations, as data. What is derived or measured here is not in this file."""

from dataclasses import dataclass

from resnet.papers.modules import CARDINALITIES

HE2015 = "He et al. 2015, arXiv 1512.03385"
HE2016 = "He et al. 2016, arXiv 1603.05027"
XIE2017 = "Xie et al. 2017, arXiv 1611.05431"
BALDUZZI2017 = "Balduzzi et al. 2017, arXiv 1702.08591"


@dataclass(frozen=True)
class Published:
    """One number as a paper prints it.

    quantity    "macs" (the paper's "FLOPs" are multiply-adds), "params", or an error rate:
                "imagenet_top1_10crop", "imagenet_top5_10crop" (validation set, 10-crop),
                "imagenet_top1", "imagenet_top5" (validation set, single model, Table 4),
                "imagenet_top1_1crop" (validation set, one crop), "cifar10" (test set)
    value, step the number and one unit of its last printed digit, both in `unit`
    shortcut    the option it was obtained with, "" where the paper's entry does not depend on it
    """

    variant: str
    quantity: str
    value: float
    step: float
    unit: str
    shortcut: str
    source: str

    @property
    def cite(self) -> str:
        """The short form: "He et al. 2015, Table 1"."""
        return _short(self.source)

    def matches(self, measured: float) -> bool:
        """Within one unit of the last printed digit: Table 1 rounds some entries (7.57 -> 7.6) and cuts others."""
        return abs(measured - self.value) < self.step


def _short(source: str) -> str:
    authors, _, place = source.split(", ", 2)
    return f"{authors}, {place}"


def published(variant: str, quantity: str | None = None) -> tuple[Published, ...]:
    """What the papers state of a variant; empty if nothing."""
    return tuple(row for row in PUBLISHED if row.variant == variant and quantity in (None, row.quantity))


_TABLE_1 = {"resnet18": 1.8, "resnet34": 3.6, "resnet50": 3.8, "resnet101": 7.6, "resnet152": 11.3}
_TABLE_2 = {"plain18": 27.94, "plain34": 28.54, "resnet18": 27.88, "resnet34": 25.03}
_TABLE_3 = (  # variant, shortcut, top-1 and top-5 error
    ("plain34", "none", 28.54, 10.02),
    ("resnet34", "A", 25.03, 7.76),
    ("resnet34", "B", 24.52, 7.46),
    ("resnet34", "C", 24.19, 7.40),
    ("resnet50", "B", 22.85, 6.71),
    ("resnet101", "B", 21.75, 6.05),
    ("resnet152", "B", 21.43, 5.71),
)
_TABLE_4 = (
    ("resnet34", "B", 21.84, 5.71),
    ("resnet34", "C", 21.53, 5.60),
    ("resnet50", "B", 20.74, 5.25),
    ("resnet101", "B", 19.87, 4.60),
    ("resnet152", "B", 19.38, 4.49),
)
_TABLE_6 = (  # depth, parameters in millions, unit of their last digit, error; 110 is the best of 5 runs
    (20, 0.27, 0.01, 8.75),
    (32, 0.46, 0.01, 7.51),
    (44, 0.66, 0.01, 7.17),
    (56, 0.85, 0.01, 6.97),
    (110, 1.7, 0.1, 6.43),
    (1202, 19.4, 0.1, 7.93),
)
_UNCUT = (("resnet50", 31.2), ("resnext50_32x4d", 26.1))  # Xie et al., section 5.1: without shortcuts


def _rows():
    for variant, giga in _TABLE_1.items():
        yield Published(variant, "macs", giga * 1e9, 0.1e9, "multiply-adds", "", f"{HE2015}, Table 1")
    for variant, error in _TABLE_2.items():
        yield _error(variant, "imagenet_top1_10crop", error, "A" if variant.startswith("resnet") else "none", 2)
    for variant, shortcut, top1, top5 in _TABLE_3:
        yield _error(variant, "imagenet_top1_10crop", top1, shortcut, 3)
        yield _error(variant, "imagenet_top5_10crop", top5, shortcut, 3)
    for variant, shortcut, top1, top5 in _TABLE_4:
        yield _error(variant, "imagenet_top1", top1, shortcut, 4)
        yield _error(variant, "imagenet_top5", top5, shortcut, 4)
    for depth, millions, step, error in _TABLE_6:
        variant = f"resnet{depth}_cifar"
        yield Published(variant, "params", millions * 1e6, step * 1e6, "parameters", "A", f"{HE2015}, Table 6")
        yield _error(variant, "cifar10", error, "A", 6)
    for row in CARDINALITIES:
        if row.variant:
            yield Published(row.variant, "imagenet_top1_1crop", row.error, 0.1, "%", "B", f"{XIE2017}, Table 3")
    for variant, error in _UNCUT:
        yield Published(variant, "imagenet_top1_1crop", error, 0.1, "%", "none", f"{XIE2017}, section 5.1")


def _error(variant: str, quantity: str, percent: float, shortcut: str, table: int) -> Published:
    return Published(variant, quantity, percent, 0.01, "%", shortcut, f"{HE2015}, Table {table}")


PUBLISHED: tuple[Published, ...] = tuple(_rows())


@dataclass(frozen=True)
class OrderError:
    """CIFAR-10 test error in per cent, median of 5 runs, of ResNet-110 and ResNet-164 with an order of BN, ReLU
    and addition, or with another shortcut (None: not given)."""

    name: str
    error110: float | None
    error164: float | None
    source: str

    @property
    def cite(self) -> str:
        return _short(self.source)


ORDER_ERRORS = tuple(OrderError(name, short, deep, f"{HE2016}, Table 2") for name, short, deep in (
    ("original", 6.61, 5.93),
    ("bn_after_add", 8.17, 6.50),
    ("relu_before_add", 7.84, 6.14),
    ("relu_preact", 6.71, 5.91),
    ("preact", 6.37, 5.46),
))
SHORTCUT_ERRORS = tuple(OrderError(name, error, None, f"{HE2016}, Table 1") for name, error in (
    ("identity", 6.61),
    ("scaled_half", 12.35),
    ("exclusive_gate", 8.70),
    ("shortcut_gate_0", 12.86),
    ("shortcut_gate_6", 6.91),
    ("convolution", 12.22),
    ("dropout", None),
))
