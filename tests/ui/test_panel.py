"""A panel is one declaration: what is made of a small one."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr
import pytest

from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Progress, Result, panel
from resnet.ui.page.controls import leaders
from resnet.ui.page.sharing import View, from_query
from resnet.util.errors import InputError
from resnet.util.fields import option
from tests.ui.asking import ask, changed, held, held_with, words


def names(view: "SmallView") -> tuple[str, ...]:
    return f"{view.data}1", f"{view.data}2"


@dataclass(frozen=True)
class SmallView(View):
    data: str = option("a", choices=("a", "b"), label="compare.data")
    nets: tuple[str, ...] = option(None, own=names, choices=names, of="data", label="compare.nets")
    after: str = option("x", choices=("x", "y"), of="data", afresh=lambda view: "y", menu=True, label="compare.nets")
    width: int = option(3, low=1, high=5, step=1, of="data", keeps=True, shown=lambda view: view.data == "a",
                        label="compare.race.width")
    seed: int = option(0, low=0, high=9_999, label="compare.race.seed")
    off: tuple[str, ...] = option((), hidden=True)


def draw(view: SmallView, lang: str) -> Iterator[Progress | Drawing]:
    yield Progress(f"measuring {view.width}", 0.25)
    yield Drawing(f"drawn in {lang}", ["left", None if view.data == "b" else "right"], [",".join(view.nets)],
                  numbers=f"{len(view.nets)} nets")


PANEL = panel("race", SmallView, draw, Knobs("data", "nets", "after", "width", "seed", "off"),
              Result(Charts("one"), Charts("other", optional=True), Html()))
VIEW = SmallView(after="y", width=5)


def test_controls_are_made_of_the_fields():
    with gr.Blocks():
        tab = PANEL.build()
    kinds = [gr.Radio, gr.CheckboxGroup, gr.Dropdown, gr.Slider, gr.Number, gr.Textbox]
    assert [type(control) for control in tab.controls] == kinds and not tab.controls[-1].visible
    assert [control.value for control in tab.controls] == ["a", ["a1", "a2"], "x", 3, 0, ""]
    assert tab.key == "compare/race" and len(tab.outputs) == 1 + PANEL.outputs and leaders(SmallView) == ["data"]


def test_what_is_on_its_way_leaves_the_figures_and_the_link():
    on_its_way, drawn = ask(PANEL.show, held(VIEW), "lang=zh")
    assert "measuring 5" in words(on_its_way[1]) and 'value="0.250"' in on_its_way[1]
    assert all(value == gr.skip() for value in on_its_way[2:])
    message, heading, left, right, html, link = drawn
    assert message == "" and "drawn in zh 2 nets" in words(heading) and "<progress" not in heading
    assert (left, right["value"], html) == ("left", "right", "a1,a2")
    assert link == "tab=compare&panel=race&after=y&width=5"


def test_a_leading_field_sets_back_what_follows_it_and_keeps_what_may_stay():
    view, updates = changed(PANEL, VIEW, data="b")
    assert view == SmallView("b", ("b1", "b2"), after="y", width=5)
    assert updates["nets"]["value"] == ["b1", "b2"] == [name for _, name in updates["nets"]["choices"]]
    assert updates["after"] == "y" and updates["width"] == gr.update(value=5, visible=False)


def test_controls_are_set_at_the_first_step_only():
    first, last = ask(PANEL.follow("data"), held_with(VIEW, data="b"))
    assert first[6]["value"] == ["b1", "b2"] and all(value == gr.skip() for value in last[6:])
    assert len(first) == len(last) == 9 and last[3] == gr.update(visible=False)
    assert last[5] == "tab=compare&panel=race&data=b&after=y&width=5"


def test_a_field_of_its_own_is_not_in_the_link():
    for data in ("a", "b"):
        assert PANEL.link(SmallView(data)).removesuffix("&data=b") == "tab=compare&panel=race"
    assert from_query(SmallView, {"data": "b"}).nets == ("b1", "b2")
    assert PANEL.link(SmallView(nets=(), off=("x", "y"))) == "tab=compare&panel=race&nets=&off=x,y"


@pytest.mark.parametrize("changes, key", [
    ({"data": "c"}, "choice"), ({"nets": ["a3"]}, "choice"), ({"width": 6}, "between"), ({"seed": 10_000}, "between"),
    ({"seed": None}, "number_empty"), ({"seed": 1.5}, "whole_number"), ({"off": 7}, "link_value")])
def test_what_a_field_cannot_hold_is_refused_in_a_sentence(changes, key):
    values = held_with(VIEW, **changes)
    (message, *rest), = ask(PANEL.show, values)
    assert words(message) and all(value == gr.skip() for value in rest) and len(rest) == PANEL.outputs + 1
    with pytest.raises(InputError) as caught:
        from_query(SmallView, dict(zip(held_names(), values, strict=True)))
    assert caught.value.key == key


def held_names() -> list[str]:
    return list(SmallView.__dataclass_fields__)
