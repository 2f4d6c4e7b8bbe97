"""Figures: what a handler gives is what the browser's plotly is told, and every kind that is drawn has a bundle."""

import json
import re

import plotly.graph_objects as go
import pytest

from resnet.ui.compare.story import PANELS
from resnet.ui.page import figure
from resnet.ui.page.figure import WEB, Figure
from tests.ui.asking import figure_of, held, steps

BUNDLES = {name: (WEB / f"plotly-{name}.min.js").read_text("utf-8") for name in ("basic", "cartesian", "gl3d")}


def kinds(list_name: str) -> list[str]:
    """FLAT or DEEP of figure.js."""
    script = (WEB.parent / "figure.js").read_text("utf-8")
    return json.loads(re.search(rf"{list_name} = (\[.*?\])", script)[1])


def test_a_figure_travels_as_json():
    told = json.loads(Figure().postprocess(go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))))
    assert told["data"][0]["type"] == "scatter" and list(told["data"][0]["x"]) == [1, 2]
    assert Figure().postprocess(None) is None


def test_gradio_writes_nothing_beside_the_source():
    assert not (WEB.parent / "figure.pyi").exists() and figure.__file__.endswith("figure.py")


@pytest.mark.parametrize("name", BUNDLES)
def test_the_bundles_are_one_release_and_keep_their_licence(name):
    head = BUNDLES[name][:300]
    assert "plotly.js" in head and "MIT license" in head
    assert len({re.search(r"v(\d+\.\d+\.\d+)", one[:300])[1] for one in BUNDLES.values()}) == 1
    assert (WEB / "plotly-LICENSE.txt").exists() and (WEB / "lean-qr-LICENSE.txt").exists()


def test_what_the_script_takes_for_flat_or_deep_the_bundles_hold():
    def holds(name: str, kind: str) -> bool:
        return f'moduleType:"trace",name:"{kind}"' in re.sub(r"\s", "", BUNDLES[name])

    assert all(holds("basic", kind) for kind in kinds("FLAT")) and all(holds("gl3d", kind) for kind in kinds("DEEP"))
    assert not any(holds("cartesian", kind) for kind in kinds("DEEP")) and not holds("basic", "contour")
    assert holds("cartesian", "contour") and holds("cartesian", "heatmap") and holds("gl3d", "scatter")


@pytest.mark.slow
@pytest.mark.parametrize("name", PANELS)
def test_no_figure_mixes_what_no_bundle_has_together(name):
    """gl3d has lines and surfaces, but neither bars nor contours."""
    last = steps(PANELS[name], held(PANELS[name].view()))[-1]
    for shown in map(figure_of, last):
        if isinstance(shown, go.Figure):
            drawn = {trace.type for trace in shown.data}
            assert not drawn & set(kinds("DEEP")) or drawn <= {*kinds("DEEP"), "scatter"}, drawn
