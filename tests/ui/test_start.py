"""The Start tab: every figure comes from the records, and every sentence holds of them."""

import csv
import re
from pathlib import Path

import pytest

from resnet.ui.compare.story import PANELS
from resnet.ui.page.sharing import from_query
from resnet.ui.start.figures import figure_html
from resnet.ui.start.scenes import curve, curves, numbers, pulled
from resnet.ui.start.tab import SCENES, StartView, start_html
from resnet.util.errors import InputError
from resnet.util.text import LANGUAGES, sentences

WEIGHTS = Path(__file__).parent.parent.parent / "weights"


def rows(name: str, file: str) -> list[dict[str, str]]:
    with (WEIGHTS / name / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("net, depth, plain", [("plain56", 56, True), ("resnet56", 56, False)])
def test_a_curve_is_the_mean_of_its_recorded_seeds(net, depth, plain):
    names = [f"{net}_cifar10", *(f"runs/{folder.name}" for folder in (WEIGHTS / "runs").glob(f"{net}_cifar10_seed*"))]
    histories = [[float(row["test_error"]) for row in rows(name, "history.csv")] for name in names]
    found = curve(depth, plain)
    assert found.seeds == len(histories)
    assert found.test == pytest.approx([sum(errors) / len(errors) for errors in zip(*histories, strict=True)])


@pytest.mark.parametrize("net, plain", [("plain56", True), ("resnet56", False)])
def test_the_bars_are_the_recorded_lesions(net, plain):
    recorded = {row["blocks"]: float(row["error"]) for row in rows(f"{net}_cifar10", "lesions.csv")
                if row["operation"] == "drop" and "+" not in row["blocks"]}
    assert pulled(plain).errors == recorded and len(recorded) >= 25
    assert pulled(plain).killed == sum(error > 50 for error in recorded.values())


def test_what_the_scenes_say_is_so():
    plain20, plain56, resnet20, resnet56 = (curve(depth, plain) for plain in (True, False) for depth in (20, 56))
    assert plain56.final > plain20.final and plain56.train > plain20.train  # it is worse, and learns worse
    assert resnet56.final < resnet20.final < plain56.final  # with the wire deeper is better
    broken, shrugged = pulled(True), pulled(False)
    assert broken.killed > 0.9 * len(broken.errors) and shrugged.killed == 0
    assert shrugged.shrugged > 0.75 * len(shrugged.errors) and shrugged.worst < broken.intact + 10


def test_every_number_is_told():
    """A placeholder that numbers() does not fill would be a KeyError; one that no sentence asks for is dead."""
    html = start_html()
    assert "{" not in re.sub(r"<[^>]*>", "", html)
    for lang in LANGUAGES:
        asked = set(re.findall(r"{(\w+)}", " ".join(text for key, text in sentences(lang).items()
                                                    if key.startswith("start."))))
        assert numbers().keys() >= asked
        assert asked >= {"plain56_test", "plain20_test", "resnet56_test", "killed", "worst", "shrugged", "seeds56"}


def test_nothing_of_a_curve_is_cut_off():
    top, bottom = 48, 478
    heights = [float(y) for points in re.findall(r'points="([^"]+)"', figure_html())
               for _, y in (point.split(",") for point in points.split())]
    assert len(heights) == sum(len(one.test) for one in curves()) and all(top <= y <= bottom for y in heights)


def test_each_way_out_leads_to_a_panel_and_its_view():
    links = re.findall(r'href="\?tab=compare&panel=(\w+)(?:&(\w+)=(\w+))?"', start_html())
    assert len({panel for panel, *_ in links}) >= 7
    for panel, field, value in links:
        view = from_query(PANELS[panel].view, {field: value} if field else {})
        assert not field or getattr(view, field) == value


def test_a_scene_that_is_none_is_refused():
    assert from_query(StartView, {"scene": "4"}).scene == 4 and len(SCENES) == 6
    with pytest.raises(InputError):
        from_query(StartView, {"scene": "7"})


def test_it_is_light_enough_to_be_there_at_once():
    assert len(start_html().encode()) < 60_000
