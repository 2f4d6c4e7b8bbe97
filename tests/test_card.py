import json

import pytest
import yaml
from huggingface_hub import ModelCard

from resnet.config import config_of
from resnet.data import data_spec
from resnet.hub.load import bundled
from resnet.hub.ref import WEIGHTS
from resnet.lab.familiarity import HEADING
from resnet.tracing.trace import trace
from resnet.training.card import model_card
from tests.factories import made_info, tiny

RESULTS = {"test": {"n": 10_000, "accuracy": 0.93215, "loss": 0.20123},
           "train": {"n": 60_000, "accuracy": 0.98761, "loss": 0.04567}}


def made_card(config=None, name="fashion_mnist", **changes) -> str:
    values = {"results": RESULTS, "recipe": {"data": name, "epochs": 7, "lr": 0.1, "flip": True, "seed": 0},
              "seconds": 90.0, "hardware": "2 threads of a processor", "versions": {"torch": "2.14.1"}}
    return model_card(made_info(config or tiny(), name, **values | changes))


def test_the_front_matter_is_the_hubs():
    card = ModelCard(made_card())
    assert card.data.license == "mit" and card.data.pipeline_tag == "image-classification"
    assert card.data.datasets == ["zalando-datasets/fashion_mnist"]
    [result] = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_split) == ("accuracy", 0.93215, "test")
    assert yaml.safe_load(made_card().split("---")[1])["model-index"][0]["name"] == "made"


def test_every_figure_stands_beside_its_n():
    text = made_card()
    assert "| test | 10,000 | 93.22 % | 0.2012 |" in text
    assert "| training, without augmentation | 60,000 | 98.76 % | 0.0457 |" in text
    assert "1.5 minutes of training on 2 threads of a processor; torch 2.14.1" in text
    for key, value in (("epochs", 7), ("lr", 0.1), ("seed", 0)):
        assert f"| {key} | {value} |" in text


def test_a_card_says_what_the_net_is():
    assert "plain net: no shortcuts, 8 weighted layers" in made_card(tiny("plain20_cifar"))
    assert "with `depths=1,1,1`, `widths=4,8,8`" in made_card()
    assert "neither torchvision nor timm" in made_card()
    assert "Identity Mappings" in made_card(tiny(order="preact"))
    torchvision = made_card(config_of("resnet18_cifar"), "cifar10", variant="resnet18_cifar")
    assert "net.maxpool = torch.nn.Identity()" in torchvision and "none of its images" in torchvision
    assert "` with `" not in torchvision
    assert "grey images of 64 x 64 pixels (the data set's 28 x 28, resized" in made_card(tiny(input_size=(64, 64)))
    assert "resized" not in made_card() + torchvision


def test_a_card_tells_of_windows():
    recipe = {"data": "fashion_mnist", "epochs": 7}
    assert "not mirrored;\nat least half of the epochs show windows" in made_card(recipe=recipe | {"window": 20})
    for without in (recipe, recipe | {"window": 0}):
        assert "not mirrored. 1.5 minutes" in made_card(recipe=without)


def test_a_card_says_what_was_tried_on_the_test_set():
    chosen = "it is the best of three"
    assert chosen in " ".join(made_card(chosen=chosen).split()) and "no say in\nthat. " in made_card()
    readme = " ".join((WEIGHTS.parent / "README.md").read_text().split())
    card = " ".join((WEIGHTS / "resnet18_cifar10" / "README.md").read_text().split())
    for figure in ("93.20 %", "93.65 %", "best of three"):
        assert figure in readme and figure in card


@pytest.mark.parametrize("name", bundled())
def test_bundled_cards_agree_with_their_configs(name):
    config = json.loads((WEIGHTS / name / "config.json").read_text())
    card = ModelCard.load(WEIGHTS / name / "README.md")
    assert card.data.eval_results[0].metric_value == config["results"]["test"]["accuracy"]
    assert f"{100 * config['results']['test']['accuracy']:.2f} %" in card.text
    repository = data_spec(config["data"]).repository  # digits are drawn here, and have none
    assert card.data.datasets == ([repository] if repository else None)
    assert config["name"] == name
    before, strange, rest = (WEIGHTS / name / "README.md").read_text().partition(HEADING)  # which is measured apart
    assert strange and before + rest[rest.index("## Use"):] == model_card(bundled()[name])


def test_the_readme_lists_every_bundled_net_with_its_figures():
    rows = [line for line in (WEIGHTS.parent / "README.md").read_text().splitlines() if line.startswith("| `")]
    listed = {row.split("`")[1]: row for row in rows if row.split("`")[1] in bundled()}
    assert listed.keys() == bundled().keys()
    for name, info in bundled().items():
        takes = "x".join(map(str, (info.architecture.in_channels, *info.architecture.input_size)))
        params, accuracy = trace(info.architecture).params, info.results["test"]["accuracy"]
        assert listed[name] == f"| `{name}` | {takes} | {params:,} | {info.recipe['epochs']} | {100 * accuracy:.2f} % |"
