"""The Classify tab's end point for programs."""

from gradio import FileData

from resnet.hub.store import current
from resnet.inference.picture import decode
from resnet.inference.predict import see
from resnet.inference.probabilities import ranked
from resnet.ui.classify.view import DEFAULT_MODEL, OWN, ClassifyView
from resnet.ui.page import device
from resnet.ui.wall.guard import guarded_api, uploaded_file, uploaded_name
from resnet.util.fields import parse


@guarded_api
def classify_api(image: FileData, model: str = DEFAULT_MODEL, top_k: int = 5) -> dict:
    """What is on a picture, by bundled weights or a ResNet's on the Hub, which are downloaded if need be.

    Parameters:
        image: a JPEG, PNG or WebP file of at most 25 MB and 16 megapixels.
        model: a bundled name such as resnet20_fashion_mnist, or a Hub repository (owner/name[/file][@revision]).
        top_k: how many answers, most probable first.
    Returns:
        image, model and predictions, each with label and probability.
    """
    view = ClassifyView(OWN, parse("model", str, model), parse("top_k", int, top_k))
    loaded = current().load(view.ref)
    seen = see(decode(uploaded_file(image)), loaded)
    logits = device.classify_many(seen.pixels[None], view.ref).logits[0]
    return {"image": uploaded_name(image), "model": loaded.info.name,
            "predictions": [{"label": loaded.info.labels[i], "probability": p} for i, p in ranked(logits, view.top_k)]}
