"""The state of the Classify tab, and what one look at it gathers."""

from dataclasses import dataclass

from resnet.data import DATA
from resnet.explain.look import Asks, Look
from resnet.explain.stages import stage_names
from resnet.hub.load import bundled
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.inference.predict import MAX_TOP_K
from resnet.ui.classify.weights import default_model, hub_title
from resnet.ui.page.examples import EXAMPLES, FORMER, item_of
from resnet.util.errors import InputError

OWN = "own"  # the link's word for a picture of the visitor's, which is never in a link
DEFAULT_MODEL = default_model()
COLDEST, HOTTEST = 0.1, 10.0
SECTIONS = ("blocks", "neighbours", "browse")
KINDS = ("wrong", "right", "all")
ANY = -1  # as a class: no one in particular


@dataclass(frozen=True)
class ClassifyView:
    """The fields are the controls, in order; those from `stage` on are chosen inside the figures.

    example      one of EXAMPLES, a bundled test item ("fashion_mnist-123"), or "own"
    model        a model reference; beside: a second one, or ""
    temperature  divides the logits
    stage, target   Grad-CAM's stage ("" leaves it to resnet.explain.look) and class (ANY is the first answer)
    channels     the stage whose channels are shown, or ""
    off          blocks that are switched off
    open         the sections that are unfolded
    truth, given, kind, page   which test items are browsed: true class, answer, wrong or right, page
    """

    example: str = "boot"
    model: str = DEFAULT_MODEL
    top_k: int = 5
    beside: str = ""
    temperature: float = 1.0
    stage: str = ""
    target: int = ANY
    channels: str = ""
    off: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    truth: int = ANY
    given: int = ANY
    kind: str = "wrong"
    page: int = 0

    def __post_init__(self):
        object.__setattr__(self, "example", FORMER.get(self.example, self.example))
        if self.example not in (*EXAMPLES, OWN) and item_of(self.example) is None:
            raise InputError("choice", field="example", value=self.example, allowed=", ".join(EXAMPLES))
        for name in self.models:
            ModelRef.parse(name)  # refuses what a visitor may not name
        if not 1 <= self.top_k <= MAX_TOP_K:
            raise InputError("range", field="top_k", value=self.top_k, limit=MAX_TOP_K)
        if not COLDEST <= self.temperature <= HOTTEST:
            raise InputError("temperature", value=f"{self.temperature:g}", low=COLDEST, high=HOTTEST)
        for name in self.open:
            if name not in SECTIONS:
                raise InputError("choice", field="open", value=name[:40], allowed=", ".join(SECTIONS))
        if self.kind not in KINDS:
            raise InputError("choice", field="kind", value=self.kind[:40], allowed=", ".join(KINDS))
        if min(self.truth, self.given) < ANY or self.page < 0:
            raise InputError("below_zero")

    def defaults(self) -> dict:
        return {name: field.default for name, field in ClassifyView.__dataclass_fields__.items()}

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model, self.beside) if self.beside else (self.model,)

    @property
    def ref(self) -> ModelRef:
        return ModelRef.parse(self.model)

    @property
    def refs(self) -> tuple[ModelRef, ...]:
        """Of the model, and of the second one if there is one."""
        return tuple(map(ModelRef.parse, self.models))

    @property
    def asks(self) -> Asks:
        """What this view wants to know of its model."""
        return Asks(self.stage, self.target, self.channels, self.off, alone="blocks" in self.open)

    @property
    def item(self) -> "tuple[str, int] | None":
        """(data set, index) of the test item that is the picture, if it is one."""
        return item_of(self.example)


@dataclass(frozen=True)
class Reading:
    """What the parts of the tab draw from: a model's look at the picture.

    beside      the second model's reading, if one was chosen
    decode_ms   from the file's bytes to pixels
    """

    view: ClassifyView
    loaded: LoadedModel
    look: Look
    lang: str
    decode_ms: float = 0.0
    beside: "Reading | None" = None

    @property
    def plain(self) -> bool:
        return self.loaded.info.architecture.plain

    @property
    def stages(self) -> tuple[str, ...]:
        return stage_names(self.loaded.info.architecture)


def model_title(name: str) -> str:
    """ "ResNet-20, Fashion-MNIST"; of the Hub, "ResNet-50 V2, ImageNet" or its reference."""
    if name not in bundled():
        return hub_title(name)
    info = bundled()[name]
    data = DATA[info.data].title if info.data in DATA else info.data
    return f"{info.title}, {data}"


def suited_model(data: str, current: str) -> str:
    """A bundled model for pictures like those of `data`: the current one if it is, the default, else the best
    residual one."""
    known = bundled()
    suited = [name for name, info in known.items() if info.data == data]
    if current in suited or not suited:
        return current
    if DEFAULT_MODEL in suited:
        return DEFAULT_MODEL
    return max(suited, key=lambda name: (not known[name].architecture.plain,
                                         known[name].results.get("test", {}).get("accuracy", 0)))
