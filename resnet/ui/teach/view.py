"""What is chosen for a lesson: whose features, and which head."""

from dataclasses import dataclass

from resnet.explain.heads import HEADS
from resnet.hub.ref import ModelRef
from resnet.ui.page.sharing import View
from resnet.util.fields import option

DEFAULT_NET = "resnet56_cifar10"  # small, and with three pictures the best that ships (benchmarks/teach.py)


@dataclass(frozen=True)
class TeachView(View):
    """A model reference, and one of HEADS; neither is in a link, for a lesson is nobody else's."""

    model: str = option(DEFAULT_NET, label="teach.net", menu=True)
    head: str = option(HEADS[0], choices=HEADS, label="teach.head", titles=True)

    def __post_init__(self):
        super().__post_init__()
        ModelRef.parse(self.model)  # refuses what a visitor may not name

    @property
    def ref(self) -> ModelRef:
        return ModelRef.parse(self.model)
