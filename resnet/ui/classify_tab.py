"""The Classify tab: a picture through trained weights, and what the net saw of it."""

from dataclasses import dataclass

import gradio as gr
from gradio import FileData

from resnet.data import DATA
from resnet.errors import InputError
from resnet.hub import bundled, load
from resnet.picture import decode
from resnet.predict import MAX_TOP_K, classify
from resnet.text import text
from resnet.ui.answer import answer_html
from resnet.ui.device import gpu
from resnet.ui.examples import EXAMPLES, thumbnails_html
from resnet.ui.guard import guarded_api, guarded_view, uploaded_file
from resnet.ui.language import language, word
from resnet.ui.sharing import parse_controls, to_query
from resnet.ui.tab import Tab

DEFAULT_MODEL = "resnet20_fashion_mnist"
PICK = """element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("select", { example: button.dataset.example });
})"""
classify_on_gpu = gpu(classify)
OWN = "own"  # the link's word for a picture of the visitor's, which is never in a link


@dataclass(frozen=True)
class ClassifyView:
    """example names one of EXAMPLES, or is "own"."""

    example: str = "boot"
    model: str = DEFAULT_MODEL
    top_k: int = 5

    def __post_init__(self):
        if self.example not in (*EXAMPLES, OWN):
            raise InputError("choice", field="example", value=self.example, allowed=", ".join(EXAMPLES))
        if self.model not in bundled():
            raise InputError("unknown_model", name=self.model, known=", ".join(bundled()))
        if not 1 <= self.top_k <= MAX_TOP_K:
            raise InputError("range", field="top_k", value=self.top_k, limit=MAX_TOP_K)

    def defaults(self) -> dict:
        return {"example": "boot", "model": DEFAULT_MODEL, "top_k": 5}


@guarded_view(outputs=2)
def show_classify(example: str, model: str, top_k: int, picture: "dict | None",
                  request: gr.Request = None) -> tuple[str, str]:
    """The controls -> the answer and the view's query string."""
    lang = language(request)
    view = parse_controls(ClassifyView, example, model, top_k)
    if view.example == OWN and not picture:
        return f'<p class="note">{text("classify.empty", lang)}</p>', to_query("classify", view)
    pixels = decode(uploaded_file(picture)) if view.example == OWN else EXAMPLES[view.example].pixels()
    loaded = load(view.model)
    answer = classify_on_gpu(pixels, view.model, view.top_k)
    return answer_html(answer, loaded, lang), to_query("classify", view)


def choose_example(model: str, chosen: gr.EventData) -> tuple[str, str, None]:
    """A selected thumbnail -> its name, a model that suits it, and an empty picture field."""
    example = EXAMPLES.get(chosen.example, EXAMPLES["boot"])
    suited = [name for name, info in bundled().items() if info.data == example.data]
    keep = model in suited or not suited
    return example.name, model if keep else sorted(suited, key=lambda name: name.startswith("plain"))[0], None


def own_picture() -> str:
    return OWN


@guarded_api
def classify_api(image: FileData, model: str = DEFAULT_MODEL, top_k: int = 5) -> dict:
    """What is on a picture, by bundled weights.

    Parameters:
        image: a JPEG, PNG or WebP file of at most 25 MB and 50 megapixels.
        model: a bundled name such as resnet20_fashion_mnist.
        top_k: how many answers, most probable first.
    Returns:
        image, model and predictions, each with label and probability.
    """
    view = parse_controls(ClassifyView, OWN, model, top_k)  # a visitor may name bundled models, not folders
    answer = classify_on_gpu(decode(uploaded_file(image)), view.model, view.top_k)
    return {"image": image.get("orig_name"), "model": answer.model,
            "predictions": [{"label": p.label, "probability": p.probability} for p in answer.predictions]}


def fill(view: ClassifyView, lang: str) -> list:
    return [view.example, view.model, view.top_k]


def build() -> Tab:
    """The components, inside a gr.Tab."""
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            picture = gr.Image(sources=["upload", "webcam", "clipboard"], type="filepath", format="png", height=220,
                               label=word("classify.picture"), placeholder=word("classify.drop"),
                               buttons=[], elem_id="picture")
            thumbnails = gr.HTML(thumbnails_html(), elem_id="examples", js_on_load=PICK)
            model = gr.Dropdown([(_model_title(name), name) for name in bundled()], value=DEFAULT_MODEL,
                                label=word("classify.weights"))
            top_k = gr.Slider(1, 10, value=5, step=1, label=word("classify.top_k"))
            example = gr.Textbox("boot", visible=False)
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line")
            answer = gr.HTML(elem_id="answer")
    gr.api(classify_api, api_name="classify")
    tab = Tab("classify", ClassifyView, [example, model, top_k], [message, answer], show_classify, fill, [], [picture])
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    selected = thumbnails.select(choose_example, model, [example, model, picture], **quiet)
    uploaded = picture.input(own_picture, None, example, **quiet)
    tab.triggers.extend([selected.success, uploaded.success, model.input, top_k.release])
    return tab


def _model_title(name: str) -> str:
    info = bundled()[name]
    kind = "plain" if info.architecture.shortcut == "none" else "ResNet"
    return f"{kind}-{info.architecture.depth}, {DATA[info.data].title}"
