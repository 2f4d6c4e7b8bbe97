"""The state of the Classify tab, and what one look at it gathers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from torch import Tensor

from resnet.data import data_title
from resnet.explain.evidence import Evidence, Questions
from resnet.explain.stages import stage_names
from resnet.hub.load import bundled
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.inference.decoder import Picture
from resnet.inference.predict import MAX_TOP_K
from resnet.papers.curated import PHOTOGRAPHS
from resnet.ui.classify.photographs import STANDING_IN, can_be_had
from resnet.ui.classify.weights import default_model, hub_title
from resnet.ui.page.examples import EXAMPLES, FORMER, example_of, item_of
from resnet.ui.page.sharing import View
from resnet.util.errors import InputError
from resnet.util.fields import option, settings

OWN = "own"  # the link's word for a picture of the visitor's, which is never in a link
DEFAULT_MODEL = default_model()
COLDEST, HOTTEST = 0.1, 10.0
SECTIONS = ("blocks", "neighbours", "browse")
KINDS = ("wrong", "right", "all")
ANY = -1  # as a class: no one in particular


def _too_many(value: int, limits: tuple) -> InputError:
    return InputError("range", field="top_k", value=value, limit=MAX_TOP_K)


def _too_hot(value: float, limits: tuple) -> InputError:
    return InputError("temperature", value=f"{value:g}", low=COLDEST, high=HOTTEST)


def _below_zero(value: int, limits: tuple) -> InputError:
    return InputError("below_zero")


@dataclass(frozen=True)
class ClassifyView(View):
    """The fields are the controls, in order; those from `stage` on are chosen inside the figures.

    example      one of EXAMPLES, a bundled test item ("fashion_mnist-123"), or "own"
    model        a model reference; beside: a second one, or ""
    temperature  divides the logits
    stage, target   Grad-CAM's stage ("" leaves it to resnet.explain.evidence) and class (ANY is the first answer)
    channels     the stage whose channels are shown, or ""
    off          blocks that are switched off
    open         the sections that are unfolded
    truth, given, kind, page   which test items are browsed: true class, answer, wrong or right, page
    reading      what the model's tensors leave open and was set by hand, "zero_pad=both"
    """

    example: str = option("boot", hidden=True)
    model: str = option(DEFAULT_MODEL)
    top_k: int = option(5, low=1, high=MAX_TOP_K, refusal=_too_many, label="classify.top_k", step=1, within=(1, 10))
    beside: str = option("")
    temperature: float = option(1.0, low=COLDEST, high=HOTTEST, refusal=_too_hot, label="classify.temperature",
                                step=0.1, within=(COLDEST, 5))
    stage: str = option("", of="model", hidden=True)
    target: int = option(ANY, of="model", hidden=True)
    channels: str = option("", of="model", hidden=True)
    off: tuple[str, ...] = option((), of="model", hidden=True)
    open: tuple[str, ...] = option((), choices=SECTIONS, hidden=True)
    truth: int = option(ANY, low=ANY, refusal=_below_zero, of="model", hidden=True)
    given: int = option(ANY, low=ANY, refusal=_below_zero, of="model", hidden=True)
    kind: str = option("wrong", choices=KINDS, hidden=True)
    page: int = option(0, low=0, refusal=_below_zero, of="model", hidden=True)
    reading: tuple[str, ...] = option((), of="model", hidden=True)

    def __post_init__(self):
        object.__setattr__(self, "example", FORMER.get(self.example, self.example))
        super().__post_init__()
        if self.example not in (*EXAMPLES, OWN) and item_of(self.example) is None:
            raise InputError("choice", field="example", value=self.example, allowed=", ".join(EXAMPLES))
        for name in self.models:
            ModelRef.parse(name)  # refuses what a visitor may not name
        settings(self.reading)

    @classmethod
    def of_link(cls, said: Mapping[str, str]) -> Self:
        """A picture without a model goes to the net that a click on it asks."""
        view = super().of_link(said)
        return view if "model" in said or "example" not in said else replace(view, model=view.suited)

    def defaults(self) -> dict[str, Any]:
        """The model is named where the link alone would not lead to it."""
        found = super().defaults()
        return found if self.model == self.suited or self.example == found["example"] else found | {"model": ""}

    @property
    def suited(self) -> str:
        """The model that this picture goes to; the current one, if it is as good or nothing is known of the picture."""
        return self.model if self.example == OWN else suited_model(example_of(self.example).data, self.model)

    def with_example(self, name: str) -> Self:
        """Another picture, by a model that suits it."""
        model = suited_model(example_of(name).data, self.model)
        forgotten = {} if model == self.model else OF_A_MODEL
        return replace(self, **forgotten | {"example": name, "model": model, "target": ANY})

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
    def questions(self) -> Questions:
        """What this view wants to know of its model."""
        return Questions(self.stage, self.target, self.channels, self.off)

    @property
    def item(self) -> "tuple[str, int] | None":
        """(data set, index) of the test item that is the picture, if it is one."""
        return item_of(self.example)


@dataclass(frozen=True)
class ClassifyReading:
    """What the parts of the tab draw from: a model's look at the picture.

    second      the other model's reading, if one was chosen
    decode_ms   from the file's bytes to pixels
    picture     as it was decoded
    """

    view: ClassifyView
    loaded: LoadedModel
    evidence: Evidence
    lang: str
    decode_ms: float = 0.0
    picture: "Tensor | Picture | None" = None
    second: "ClassifyReading | None" = None

    @property
    def plain(self) -> bool:
        return self.loaded.info.architecture.plain

    @property
    def stages(self) -> tuple[str, ...]:
        return stage_names(self.loaded.info.architecture)


OF_A_MODEL = {field.name: field.default for field in fields(ClassifyView) if field.metadata.get("of") == "model"}


def model_title(name: str) -> str:
    """ "ResNet-20, Fashion-MNIST"; of the Hub, "ResNet-50 V2, ImageNet" or its reference."""
    if name not in bundled():
        return hub_title(name)
    info = bundled()[name]
    return f"{info.title}, {data_title(info.data)}"


def suited_model(data: str, current: str) -> str:
    """A model for pictures like those of `data`: the current one if it is, the default, else the best residual one.

    Photographs, which are like CIFAR-10's, go to a net that knows more than ten classes where it can be had.
    """
    known = bundled()
    suited = [name for name, info in known.items() if info.data == data]
    if current in suited or not suited:
        return current
    if data == STANDING_IN and current not in ("", PHOTOGRAPHS, *known):
        return current
    if data == STANDING_IN and can_be_had():
        return PHOTOGRAPHS
    if DEFAULT_MODEL in suited:
        return DEFAULT_MODEL
    return max(suited, key=lambda name: (not known[name].architecture.plain,
                                         known[name].results.get("test", {}).get("accuracy", 0)))
