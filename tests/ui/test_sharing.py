from urllib.parse import parse_qsl

import pytest

from resnet.ui.classify.tab import DEFAULT_MODEL, ClassifyView, chosen
from resnet.ui.compare.degradation import DegradationView
from resnet.ui.page.links import view_of
from resnet.ui.page.sharing import from_query, parse_controls, to_query
from resnet.ui.trace.tab import TraceView
from resnet.util.errors import InputError
from tests.ui.asking import held

VIEWS = {"trace": TraceView, "compare": DegradationView, "classify": ClassifyView}
SOME = [
    ("trace", TraceView(), "tab=trace"),
    ("trace", TraceView("resnet20_cifar", 32, 32, 10), "tab=trace"),
    ("trace", TraceView("resnet20_cifar", focus="layer2.0"), "tab=trace&variant=resnet20_cifar&focus=layer2.0"),
    ("trace", TraceView("resnet50", 224, 224, 1000), "tab=trace&variant=resnet50"),
    ("trace", TraceView("resnet18", height=64, width=96, classes=7),
     "tab=trace&variant=resnet18&height=64&width=96&classes=7"),
    ("trace", TraceView("d2l_resnet18", width=65), "tab=trace&variant=d2l_resnet18&width=65"),
    ("compare", DegradationView(), "tab=compare"),
    ("compare", DegradationView(metric="loss", axis="seconds"), "tab=compare&metric=loss&axis=seconds"),
    ("compare", DegradationView(nets=("plain20_fashion_mnist",)), "tab=compare&nets=plain20_fashion_mnist"),
    ("compare", DegradationView(nets=()), "tab=compare&nets="),
    ("classify", ClassifyView(), "tab=classify"),
    ("classify", ClassifyView("coffee", "plain20_fashion_mnist", 10),
     "tab=classify&example=coffee&model=plain20_fashion_mnist&top_k=10"),
    ("classify", ClassifyView("own"), "tab=classify&example=own"),
]
HOSTILE = ["", " ", "0", "-1", "-0", "1.5", "1e3", "1e309", "-1e309", "NaN", "inf", "9" * 12, "9" * 400, "9" * 6000,
           "٣", "²", "½", "0x10", "1_0", "true", "None", "null", "{}", "[1]", "two\nlines", "nul\0", "a" * 201,
           "🪜" * 90,
           "<script>alert(1)</script>", "../../etc/passwd", "/etc/passwd", "%00", "{0}", "{name}", "%s", ",", ",,,",
           "resnet20_fashion_mnist,", "a,b,c", "resnet51", "RESNET50", "\ud800"]


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(link, keep_blank_values=True))


@pytest.mark.parametrize("tab, view, link", SOME)
def test_a_view_is_its_link_and_back(tab, view, link):
    assert to_query(tab, view) == link
    assert from_query(VIEWS[tab], query_of(link)) == view
    assert parse_controls(VIEWS[tab], *held(view)) == view


def test_a_link_of_before_that_names_no_net_still_means_resnet_50():
    for said in ({"height": "128"}, {"focus": "layer2.1"}, {"beside": "plain34", "lang": "zh"}):
        view = from_query(TraceView, said)
        assert view.variant == "resnet50" and from_query(TraceView, query_of(to_query("trace", view))) == view
    assert from_query(TraceView, {"lang": "zh", "tab": "trace"}) == TraceView()


def test_a_picture_in_a_link_goes_to_the_net_that_a_click_asks():
    for name in ("cheetah", "cat", "boot", "fashion_mnist-3"):
        view = from_query(ClassifyView, {"example": name})
        assert view == chosen(ClassifyView(), "example", view.example)
        assert from_query(ClassifyView, query_of(to_query("classify", view))) == view
    kept = ClassifyView("cat", DEFAULT_MODEL)
    assert from_query(ClassifyView, query_of(to_query("classify", kept))) == kept


def test_all_recorded_nets_is_the_default_and_their_order_does_not_matter():
    names = DegradationView().nets
    assert len(names) >= 2
    assert to_query("compare", DegradationView(nets=names)) == "tab=compare"
    backwards = DegradationView(nets=tuple(reversed(names)))
    assert [series.name for series in backwards.chosen] == list(names)


def test_a_several_nets_link_is_readable():
    first, second, *_ = DegradationView("fashion_mnist").nets
    view = DegradationView(data="fashion_mnist", nets=(second, first, second))
    assert to_query("compare", view) == f"tab=compare&nets={second},{first},{second}"
    assert from_query(DegradationView, {"nets": f"{second},{first},{second}"}) == view


def test_parameters_of_others_are_left_alone():
    others = {"__theme": "dark", "lang": "zh", "utm_source": "x", "tab": "trace", "defaults": "1"}
    assert from_query(TraceView, others) == TraceView()


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:12]))
@pytest.mark.parametrize("tab", VIEWS)
def test_a_hostile_link_is_a_sentence_or_a_sound_view(tab, value):
    kind = VIEWS[tab]
    for field in kind.__dataclass_fields__:
        try:
            view = from_query(kind, {field: value})
        except InputError as error:
            for lang in ("en", "zh"):
                assert 5 < len(error.sentence(lang)) < 500
        else:
            assert from_query(kind, query_of(to_query(tab, view))) == view


@pytest.mark.parametrize("kind, parameters, key", [
    (TraceView, {"variant": "resnet51"}, "unknown_variant"),
    (TraceView, {"height": ""}, "number_empty"),
    (TraceView, {"height": "NaN"}, "whole_number"),
    (TraceView, {"width": "1e309"}, "whole_number"),
    (TraceView, {"classes": "7.5"}, "whole_number"),
    (TraceView, {"classes": "9" * 13}, "whole_number"),
    (TraceView, {"variant": "r" * 201}, "link_value"),
    (DegradationView, {"data": "imagenet"}, "unknown_data"),
    (DegradationView, {"metric": "zebra"}, "choice"),
    (DegradationView, {"nets": "plain20_fashion_mnist,zebra"}, "unknown_run"),
    (ClassifyView, {"example": "zebra"}, "choice"),
    (ClassifyView, {"model": "resnet21_fashion_mnist"}, "unknown_model"),
    (ClassifyView, {"model": "/etc/passwd"}, "not_a_repository"),
    (ClassifyView, {"top_k": "0"}, "range"),
    (ClassifyView, {"top_k": "101"}, "range"),
])
def test_what_is_wrong_is_named(kind, parameters, key):
    with pytest.raises(InputError) as caught:
        from_query(kind, parameters)
    assert caught.value.key == key


@pytest.mark.parametrize("value", [None, "", 1.5, float("nan"), float("inf"), -float("inf"), 10**400, [3], {},
                                   object()], ids=lambda value: type(value).__name__)
def test_a_number_field_holds_a_whole_number_or_is_refused(value):
    with pytest.raises(InputError):
        parse_controls(ClassifyView, "boot", "resnet20_fashion_mnist", value)


@pytest.mark.parametrize("value", [5, 1.5, {"a": 1}, [5], [["a"]]], ids=str)
def test_a_list_field_holds_names_or_is_refused(value):
    with pytest.raises(InputError):
        parse_controls(DegradationView, "fashion_mnist", "error", "epoch", value)


@pytest.mark.parametrize("value", [5, None, [], {}], ids=str)
def test_a_text_field_holds_text_or_is_refused(value):
    with pytest.raises(InputError):
        parse_controls(DegradationView, value, "error", "epoch", [])


def test_the_tab_of_a_link_is_opened():
    assert view_of({}, VIEWS, "en") == ("trace", TraceView(), "")
    assert view_of({"tab": "compare", "metric": "loss"}, VIEWS, "en") == ("compare", DegradationView(metric="loss"), "")


def test_the_panel_of_a_link_is_opened():
    panels = {"trace": TraceView, "compare/degradation": DegradationView, "compare/other": TraceView}
    assert view_of({"tab": "compare"}, panels, "en") == ("compare/degradation", DegradationView(), "")
    assert view_of({"tab": "compare", "panel": "other", "height": "64"}, panels, "en")[:2] == (
        "compare/other", TraceView("resnet50", height=64))
    key, view, problem = view_of({"tab": "compare", "panel": "<b>", "metric": "loss"}, panels, "en")
    assert (key, view) == ("compare/degradation", DegradationView()) and '"<b>"' in problem
    assert to_query("compare", DegradationView(metric="loss"), "degradation") == (
        "tab=compare&panel=degradation&metric=loss")


def test_a_bad_link_opens_the_default_view_and_says_why():
    name, view, problem = view_of({"tab": "compare", "metric": "zebra"}, VIEWS, "en")
    assert (name, view) == ("compare", DegradationView()) and '"zebra"' in problem
    name, view, problem = view_of({"tab": "zebra" * 20}, VIEWS, "zh")
    assert (name, view) == ("trace", TraceView()) and problem.startswith("没有名为“zebra") and len(problem) < 120
