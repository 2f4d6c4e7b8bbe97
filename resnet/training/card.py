"""The model card of a trained net: README.md with the Hub's front matter."""

import shlex

from resnet.checkpoint import ModelInfo
from resnet.config import VARIANTS, ResNetConfig
from resnet.data import NAMED
from resnet.hub.libraries import timm_name, torchvision_code, torchvision_twin
from resnet.hub.ref import ModelRef
from resnet.util.fields import spell

LICENSE = "mit"
UNROUNDED = "test_fp32"  # the key of the test result before the weights were rounded to fp16
TERMS = {
    "fashion_mnist": "Fashion-MNIST is by Zalando (Xiao et al. 2017, arXiv 1708.07747), under the MIT licence.",
    "cifar10": "CIFAR-10 is by Krizhevsky (2009) and comes without a licence; none of its images are in here.",
    "cifar100": "CIFAR-100 is by Krizhevsky (2009) and comes without a licence; none of its images are in here.",
    "pen_digits": "Drawn by resnet/pen.py, and scikit-learn's digits: a part of Optical Recognition of Handwritten\n"
                  "Digits by Alpaydin and Kaynak (1998, UCI Machine Learning Repository), under CC BY 4.0.",
    "mnist": "MNIST is by LeCun, Cortes and Burges (1998); none of its images are in here.",
}
PARTS = {"drawn": "test, drawn in a way that no training drawing has",
         "scanned": "test, scikit-learn's digits from the 1,201st on"}
UNUSED = {"init": "", "freeze": 0, "layer_decay": 1.0, "mixup": 0.0, "held_out": 0.0}  # settings that say nothing so
SAID = ("in_channels", "classes", "input_size")  # by the sentences beside them
PAPERS = {
    "original": "He et al. 2015, *Deep Residual Learning for Image Recognition* (arXiv 1512.03385)",
    "preact": "He et al. 2016, *Identity Mappings in Deep Residual Networks* (arXiv 1603.05027)",
}


def model_card(info: ModelInfo) -> str:
    """README.md of weights/<name>/."""
    parts = (_front_matter(info), _what(info), _results(info), _how_trained(info), _how_to_load(info), _limits(info))
    return "\n\n".join(parts) + "\n"


def _title(info: ModelInfo) -> str:
    return NAMED[info.data].title if info.data in NAMED else info.data.removeprefix("./")


def _repository(info: ModelInfo) -> str:
    """Of the data set on the Hub; "" for pictures of one's own."""
    return NAMED[info.data].repository if info.data in NAMED else "" if info.data.startswith("./") else info.data


def _start(info: ModelInfo) -> str:
    return info.recipe.get("init", "")


def _front_matter(info: ModelInfo) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    repository, ours = _repository(info), info.data in NAMED
    kind = "plain-network" if info.architecture.plain else "residual-network"
    data = ModelCardData(
        model_name=info.name, license=LICENSE if ours and not _start(info) else None, library_name="pytorch",
        datasets=[repository] if repository else None, base_model=_base(info),
        pipeline_tag="image-classification", metrics=["accuracy"],
        tags=["image-classification", "resnet", kind, "safetensors", *([info.data.replace("_", "-")] if ours else [])],
        eval_results=[EvalResult(
            task_type="image-classification", dataset_type=repository or (info.data if ours else "imagefolder"),
            dataset_name=_title(info),
            dataset_split="test", metric_type="accuracy", metric_value=info.results["test"]["accuracy"])])
    return f"---\n{data.to_yaml()}\n---"


def _base(info: ModelInfo) -> str | None:
    """The repository on the Hub that it starts from."""
    ref = ModelRef.parse(_start(info), trusted=True) if _start(info) else None
    return ref.repo if ref and ref.kind == "hub" else None


def _what(info: ModelInfo) -> str:
    config = info.architecture
    base = VARIANTS.get(info.variant)
    changed = [f"`{key}={spell(value)}`" for key, value in config.to_dict().items()
               if base and base.to_dict()[key] != value and key not in SAID]
    kind = "A plain net: no shortcuts" if config.plain else "A residual net"
    return f"""# {info.name}

{kind}, {config.depth} weighted layers deep, `{info.variant}`{' with ' + ', '.join(changed) if changed else ''},
trained {_from(info)} on {_title(info)}. It takes {_channels(config)} of {_pixels(info)}, scaled to 0 to 1 and
normalised by mean {_numbers(info.mean)} and standard deviation {_numbers(info.std)}, and answers with a logit for each
of {config.classes} classes: {', '.join(info.labels)}.

The architecture is that of {PAPERS['original' if config.order == 'original' else 'preact']}."""


def _from(info: ModelInfo) -> str:
    if not _start(info):
        return "from scratch"
    freeze = info.recipe.get("freeze")
    alone = f" that learned alone for {freeze} epoch{'s' if freeze > 1 else ''}," if freeze else ","
    return f"from the weights of `{_start(info)}`, with a new head{alone}"


def _results(info: ModelInfo) -> str:
    names = PARTS | {"test": "test", "train": "training, without augmentation",
                     UNROUNDED: "test, before rounding to fp16"}
    rows = "\n".join(f"| {names[split]} | {score['n']:,} | {100 * score['accuracy']:.2f} % | {score['loss']:.4f} |"
                     for split, score in info.results.items())
    return f"""## Results

| images | n | accuracy | cross-entropy (nats) |
|---|---|---|---|
{rows}

One run, evaluated in fp32, one view of each image. The weights are those of the last epoch; the test set had no say in
that{_chosen(info)}. `history.csv` has errors and losses after every epoch.{_held(info)}{_rounded(info)}

    python -m resnet evaluate {info.name} --data {shlex.quote(info.data)}"""


def _chosen(info: ModelInfo) -> str:
    return f", but in the recipe it had, so the figure flatters it:\n{info.chosen}" if info.chosen else ""


def _held(info: ModelInfo) -> str:
    share = info.recipe.get("held_out") if info.data not in NAMED else 0
    return f"""
The test images are {100 * share:g} % of each class, drawn by the seed and not trained on.""" if share else ""


def _rounded(info: ModelInfo) -> str:
    return "" if UNROUNDED not in info.results else """
Kernels and matrices are stored as fp16; the results but the last are those of the stored weights."""


def _how_trained(info: ModelInfo) -> str:
    rows = "\n".join(f"| {key} | {value} |" for key, value in info.recipe.items()
                     if UNUSED.get(key) != value and not (key == "held_out" and info.data in NAMED))
    versions = ", ".join(f"{key} {value}" for key, value in info.versions.items())
    return f"""## Training

| setting | value |
|---|---|
{rows}

SGD with Nesterov momentum; the learning rate rises linearly to `lr` over the share `warmup` of all iterations and falls
linearly to 0; weight decay acts on kernels and matrices only. Random crops out of images padded by `pad` pixels
{_flips(info)}{_windows(info)}. {_time(info)} on {info.hardware}; {versions}.

    python -m resnet train --recipe config.json --out FOLDER"""


def _how_to_load(info: ModelInfo) -> str:
    text = f"""## Use

With the code that trained it:

    python -m resnet classify PICTURE --model {info.name}

```python
import resnet

net = resnet.load("{info.name}").model  # eval mode; or the path of this folder
```"""
    twin = torchvision_twin(info.architecture)
    if twin is None and timm_name(info.architecture):
        return text + _by_timm(info)
    if twin is None:
        return text + """

The tensors have torchvision's names, but neither torchvision nor timm has a net of this kind."""
    return text + f"""

The tensors have torchvision's names and fit its net:

```python
{torchvision_code(twin)}
```""" + (_by_timm(info) if timm_name(info.architecture) else "")


def _by_timm(info: ModelInfo) -> str:
    return f"""

timm calls it `{timm_name(info.architecture)}`, and loads it from where `python -m resnet publish` has put it:

```python
timm.create_model("hf_hub:OWNER/{info.name}", pretrained=True)
```"""


def _limits(info: ModelInfo) -> str:
    made = ("Made to show what depth and shortcuts do, not for use on other pictures: it knows"
            if info.data in NAMED else "It knows")
    return f"""## Limits

{made} the {len(info.labels)} classes above
and names one of them whatever it is shown. These are the figures of one run with one seed; another seed gives others.

## Data and licence

{_terms(info)}"""


def _terms(info: ModelInfo) -> str:
    terms, repository = [], _repository(info)
    if info.data in NAMED:
        terms.append(TERMS[info.data])
    if repository:
        terms.append(f"Read from [{repository}](https://huggingface.co/datasets/{repository}).")
    elif info.data not in NAMED:
        terms.append("The pictures are those of whoever trained it; none of them are in here.")
    if _start(info):
        terms.append(f"The weights that it starts from, `{_start(info)}`, have terms of their own.")
    elif info.data in NAMED:
        terms.append("The weights are under the MIT licence.")
    return "\n".join(terms)


def _channels(config: ResNetConfig) -> str:
    return {1: "grey images", 3: "RGB images"}.get(config.in_channels, f"images of {config.in_channels} channels")


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _pixels(info: ModelInfo) -> str:
    taken = info.architecture.input_size
    if info.data not in NAMED:
        return f"{_size(taken)} pixels (the shorter edge scaled to them, then the centre)"
    own = NAMED[info.data].size
    resized = f" (the data set's {_size(own)}, resized bilinearly with antialiasing)" if taken != own else ""
    return f"{_size(taken)} pixels{resized}"


def _numbers(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:g}" for value in values)


def _flips(info: ModelInfo) -> str:
    return "and mirrored in every other epoch" if info.recipe.get("flip") else "and not mirrored"


def _windows(info: ModelInfo) -> str:
    """Recipes from before there were windows do not have the setting."""
    if not info.recipe.get("window"):
        return ""
    return (";\nat least half of the epochs show windows of `window` pixels a side out of them, the last fifth all of "
            "them, and\nin between the windows grow")


def _time(info: ModelInfo) -> str:
    return f"{info.seconds / 60:,.1f} minutes of training" if info.seconds is not None else "Trained"
