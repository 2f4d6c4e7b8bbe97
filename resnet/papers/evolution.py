"""What became of ResNet-50 from 2015 to 2021: each change, and what its authors published of it; data only.

Only figures that could be looked up stand here; Table 5 of He et al. 2019 and Table 1 of Bello et al. 2021, which take
the changes apart, could not.
"""

from dataclasses import dataclass, field

TRICKS = "He et al. 2019, arXiv 1812.01187"
RS = "Bello et al. 2021, NeurIPS"


@dataclass(frozen=True)
class Change:
    """One step.

    settings    what the net has otherwise than our resnet50
    after       the step that it starts from; "" for the first
    accuracy    published ImageNet top-1 in per cent, one crop of 224 pixels; None: none that is of this net
    """

    key: str
    year: int
    after: str
    settings: dict = field(default_factory=dict)
    accuracy: float | None = None
    source: str = ""


_C: dict = {"stem": "deep"}
_D: dict = _C | {"shortcut": "D"}
EVOLUTION = (
    Change("v1", 2015, "", {"stride_in": "1x1"}, 75.3, f"{TRICKS}, Table 1"),
    Change("b", 2016, "v1"),
    Change("se", 2017, "b", {"attention": "se"}, 76.71, f"{TRICKS}, Table 1"),
    Change("c", 2018, "b", _C),
    Change("d", 2018, "c", _D, 77.16, f"{TRICKS}; Papers with Code"),
    Change("tricks", 2018, "d", _D, 79.29, f"{TRICKS}, Table 1"),
    Change("rs", 2021, "d", _D | {"pool": "conv", "attention": "se", "reduction": 4}, source=f"{RS}, abstract"),
    Change("strikes", 2021, "b", {}, 80.4, "Wightman et al. 2021, arXiv 2110.00476, abstract"),
)
