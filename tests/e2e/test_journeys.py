"""What people come for, in a real browser."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from resnet.tracing.trace import trace
from resnet.training.runs import series_of
from resnet.ui.classify.view import suited_model
from resnet.util.text import text
from tests.e2e.conftest import settled
from tests.pictures import encode, gradient, noise

NETS = [series for series in series_of("cifar10") if series.main]


def figure(page: Page, key: str, lang: str = "en"):
    """The value of one of the Trace tab's figures, by its label."""
    label = page.locator(".label", has_text=re.compile(f"^{re.escape(text(f'trace.{key}', lang))}"))
    return page.locator(".figure", has=label).first.locator(".value")


def adjust(page: Page) -> None:
    """Unfolds the open panel's further knobs."""
    page.get_by_role("button", name=text("compare.adjust")).locator("visible=true").click()


def choose(page: Page, label: str, words: str) -> None:
    """Picks from a dropdown by typing."""
    field = page.get_by_label(label, exact=True)
    field.click()
    field.fill(words)
    expect(page.get_by_role("option", name=re.compile(re.escape(words)))).to_be_visible()
    field.press("Enter")


def query(url: str) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def expect_query(page: Page, **wanted) -> None:
    page.wait_for_url(lambda url: query(url) == wanted)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    settled(page, name.lower())


def first_answer(page: Page):
    return page.locator("#answer .bars .first th")


def upload(page: Page, data: bytes, name: str = "mine.png") -> None:
    page.locator("#picture input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_from_the_first_page_through_every_tab(visit):
    page = visit().open()
    expect(page.locator(".start svg")).to_be_visible()
    open_tab(page, "Trace")
    expect(figure(page, "params")).to_have_text("269,722")
    expect(page.locator("#trace .map svg").first).to_be_visible()
    open_tab(page, "Compare")
    expect(page.locator("#curves .js-line")).not_to_have_count(0)
    expect_query(page, tab="compare", panel="degradation")
    open_tab(page, "Classify")
    expect(first_answer(page)).to_have_text("Ankle boot")
    expect_query(page, tab="classify")
    open_tab(page, "Trace")
    expect(figure(page, "params")).to_have_text("269,722")
    expect_query(page, tab="trace")
    open_tab(page, "Start")
    expect_query(page)
    open_tab(page, "Compare")
    expect_query(page, tab="compare", panel="degradation")


def test_another_net_by_typing_brings_its_size(visit):
    page = visit().open("variant=resnet50")
    expect(figure(page, "params")).to_have_text("25,557,032")
    choose(page, "Network", "ResNet-20 (CIFAR)")
    expect(figure(page, "params")).to_have_text("269,722")
    adjust(page)
    for label, value in (("Height, px", "32"), ("Width, px", "32"), ("Classes", "10")):
        expect(page.get_by_label(label, exact=True)).to_have_value(value)
    expect_query(page, tab="trace")


def test_map_bars_and_table_light_up_together_and_the_map_is_zoomed(visit):
    page = visit().open("tab=trace")
    expect(page.locator("#trace .equation")).to_contain_text("y = ReLU(F(x) + x)")
    lit = "[...document.querySelectorAll('#trace .lit')].map((one) => one.dataset.at)"
    page.locator('#trace [data-block="layer2.1"]').hover()
    found = page.evaluate(lit)
    assert {"conv3_x", "conv3_x/layer2.1", "conv3_x/layer2.1/layer2.1.conv2"} <= {*found}
    assert all(place.startswith("conv3_x") and "layer2.0" not in place for place in found)
    page.locator("table.stages tr[data-at=conv4_x]").hover()
    assert {"conv4_x/layer3.0", "conv4_x/layer3.2/layer3.2.bn1"} <= {*page.evaluate(lit)}
    drawing = page.locator("#trace .zoomable svg")
    before = drawing.bounding_box()
    page.locator("[data-zoom=in]").click()
    assert drawing.bounding_box()["width"] == pytest.approx(1.5 * before["width"], abs=2)
    page.mouse.move(800, 400)
    page.mouse.down()
    page.mouse.move(700, 400, steps=4)
    page.mouse.up()
    assert page.evaluate("document.querySelector('.zoomable .map').scrollLeft") > 200
    page.evaluate("""for (const block of ["layer1.1", "layer3.2"]) document.querySelector(
        `#trace [data-block="${block}"]`).dispatchEvent(new MouseEvent("click", { bubbles: true }))""")
    expect_query(page, variant="resnet20_cifar", focus="layer3.2")  # the last of two quick clicks, and none by dragging
    expect(page.locator("#trace .equation b")).to_have_text("layer3.2")
    assert drawing.bounding_box()["width"] == pytest.approx(1.5 * before["width"], abs=2)
    page.locator("[data-zoom=whole]").click()
    assert drawing.bounding_box()["width"] == pytest.approx(before["width"], abs=2)


def test_a_figure_that_is_not_the_nets_is_dim(visit):
    page = visit().open("tab=trace")
    choice = page.get_by_label("Network", exact=True)
    choice.fill("resnet51")
    choice.press("Enter")
    expect(page.locator(".message:visible")).to_contain_text("resnet51")
    assert float(page.evaluate("getComputedStyle(document.querySelector('#trace')).opacity")) < 0.5
    choose(page, "Network", "plain-20 (CIFAR)")
    expect(page.locator("#trace h2")).to_contain_text("plain-20")
    expect(page.locator("#trace")).to_have_css("opacity", "1")


def test_the_table_is_filtered_and_taken_along(visit, tmp_path):
    page = visit().open("variant=resnet18&height=64&width=96&classes=7")
    result = trace("resnet18", size=(64, 96), classes=7)
    rows = page.locator("#layers tbody tr:visible")
    expect(rows).to_have_count(len(result.layers))
    page.get_by_placeholder("Filter layers").fill("layer2 CONV2D")
    expect(rows).to_have_count(sum("layer2" in layer.name and layer.type == "Conv2d" for layer in result.layers))
    page.get_by_placeholder("Filter layers").fill("no such layer")
    expect(rows).to_have_count(0)
    with page.expect_download() as saved:
        page.locator("#trace a.download[download$='.csv']").click()
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    read = list(csv.DictReader(file.read_text().splitlines()))
    assert file.name == "resnet18-1x3x64x96.csv" and len(read) == len(result.layers)
    assert sum(int(row["macs"]) for row in read) == result.macs


def test_curves_are_switched_off_and_measured_otherwise(visit, tmp_path):
    page = visit().open("tab=compare")
    lines = page.locator("#curves .scatterlayer .js-line")
    expect(lines).not_to_have_count(0)
    every = lines.count()
    assert every >= 2 * len(NETS)
    adjust(page)
    page.get_by_label("plain-20", exact=True).first.uncheck()
    expect(lines).to_have_count(every - 2)
    page.get_by_label("loss", exact=True).check()
    expect(page.locator("#curves .ytitle")).to_have_text(text("charts.loss"))
    page.get_by_label("time", exact=True).check()
    expect(page.locator("#curves .xtitle")).to_have_text(text("charts.seconds"))
    left = [series for series in NETS if series.name != "plain20_cifar10"]
    kept = [series.name for series in left]
    expect_query(page, tab="compare", panel="degradation", metric="loss", axis="seconds", nets=",".join(kept))
    with page.expect_download() as saved:
        page.locator("#panel-degradation").get_by_role("link", name=text("compare.download")).click()
    rows = list(csv.DictReader(Path(saved.value.path()).read_text().splitlines()))
    assert {row["run"] for row in rows} == {run.name for series in left for run in series.runs}


def test_a_picture_of_ones_own(visit):
    page = visit().open("tab=classify")
    expect(first_answer(page)).to_have_text("Ankle boot")
    upload(page, encode(gradient(300, 200)))
    expect(page.locator(".saw figcaption")).to_contain_text(text("classify.saw_resized", width="300", height="200"))
    expect_query(page, tab="classify", example="own", model=suited_model("cifar10", ""))  # in colour
    page.locator("[data-example=bag]").click()
    expect(first_answer(page)).to_have_text("Bag")
    expect_query(page, tab="classify", example="bag")


def test_evidence_is_chosen_inside_the_figures_and_in_the_link(visit):
    page = visit().open("tab=classify")
    page.locator("#blocks .unfold").click()
    page.get_by_label(text("classify.switch", block="layer1.1")).uncheck()
    expect(page.locator("#answer .lesion")).to_be_visible()
    page.get_by_label(text("classify.cam_stage")).select_option("conv2_x")
    page.locator(".stage[data-value=conv3_x]").click()
    expect(page.locator(".channels figure")).to_have_count(16)
    wanted = {"tab": "classify", "open": "blocks", "off": "layer1.1", "stage": "conv2_x", "channels": "conv3_x"}
    expect_query(page, **wanted)
    moved = first_answer(page).inner_text()
    page.locator("#browse .unfold").click()
    page.locator("table.confusion td.miss button").first.click()
    page.locator("#browse .item.wrong").first.click()
    page.wait_for_url(re.compile("example=fashion_mnist-"))
    page.go_back()
    page.wait_for_url(lambda url: wanted.items() - {("open", "blocks")} <= query(url).items() and "truth" in query(url))
    assert "example" not in query(page.url)
    expect(first_answer(page)).to_have_text(moved)


def test_quick_clicks_in_a_figure_all_count(visit):
    page = visit().open("tab=classify&open=blocks")
    expect(page.locator("#blocks [data-field=off]").first).to_be_visible()
    page.evaluate("""for (const block of ["layer1.1", "layer2.1", "layer3.1"])
        document.querySelector(`#blocks [data-field=off][data-value="${block}"]`).click()""")
    expect_query(page, tab="classify", open="blocks", off="layer1.1,layer2.1,layer3.1")


def test_the_last_answer_stays_dim_while_others_weights_are_not_here(visit):
    page = visit().open("tab=classify&example=dress")
    menu = page.get_by_label(text("classify.weights"), exact=True)
    groups = menu.locator("optgroup").evaluate_all("all => all.map((one) => one.label)")
    assert groups == [text("weights.here"), text("weights.hub")]
    menu.select_option("timm/resnet18.a1_in1k")
    expect(page.locator("#answer .away")).to_be_visible()
    kept = page.locator("#answer .last")
    expect(kept.locator(".bars .first th")).to_have_text("Dress")
    assert float(kept.evaluate("one => getComputedStyle(one).opacity")) < 0.5
    expect(page.locator("#answer .who").first).to_contain_text("ResNet-18 a1")
    menu.select_option("plain20_fashion_mnist")
    expect(kept).to_have_count(0)
    expect(first_answer(page)).to_have_text("Dress")
    menu.select_option("?")
    line = page.get_by_label(text("weights.name"), exact=True).first
    line.fill("no repository")
    line.press("Enter")
    expect(page.locator(".message:visible").first).to_contain_text("no repository")


def test_several_pictures_at_once(visit):
    page = visit().open("tab=classify")
    pictures = [{"name": f"{i}.png", "mimeType": "image/png", "buffer": encode(noise(seed=i))} for i in range(3)]
    pictures.append({"name": "bad.png", "mimeType": "image/png", "buffer": b"words, renamed"})
    page.locator("#files input").set_input_files(pictures)
    expect(page.locator("#several tbody tr")).to_have_count(4)
    expect(page.locator("#several .warn")).to_have_text(text("errors.picture_kind"))
    with page.expect_download() as saved:
        page.get_by_role("link", name=text("classify.several_csv"), exact=True).click()
    rows = list(csv.DictReader(Path(saved.value.path()).read_text().splitlines()))
    assert [row["file"] for row in rows] == ["0.png", "1.png", "2.png", "bad.png"]
    expect_query(page, tab="classify")


@pytest.mark.parametrize("data, key", [(b"words, renamed", "picture_kind"), (encode(noise())[:500], "picture_damaged")],
                         ids=["text", "cut"])
def test_an_upload_that_is_no_picture_is_told_in_a_sentence(visit, data, key):
    page = visit().open("tab=classify")
    expect(first_answer(page)).to_have_text("Ankle boot")
    upload(page, data)
    expect(page.locator(".message:visible")).to_have_text(text(f"errors.{key}"))
    page.locator("[data-example=dress]").click()
    expect(first_answer(page)).to_have_text("Dress")
    expect(page.locator(".message:visible")).to_have_count(0)


def test_by_keyboard_alone(visit):
    page = visit().open("tab=trace")
    page.get_by_role("tab", name="Trace").focus()
    for name in ("Compare", "Classify"):
        _tab_to(page, f'document.activeElement?.innerText?.trim() === "{name}"')
        page.keyboard.press("Enter")
        settled(page, name.lower())
    _tab_to(page, 'document.activeElement?.dataset?.example === "bag"')
    page.keyboard.press("Enter")
    expect(first_answer(page)).to_have_text("Bag")


def _tab_to(page: Page, there: str) -> None:
    """Presses Tab (or an arrow in a strip of tabs) until the focus is where `there` is true."""
    for key in ["ArrowRight"] * 3 + ["Tab"] * 60:
        if page.evaluate(there):
            return
        if key == "Tab" or page.evaluate("document.activeElement?.role === 'tab'"):
            page.keyboard.press(key)
    assert page.evaluate(there), f"no way to {there} by keyboard"


def test_a_shared_trace_is_that_trace(visit):
    page = visit().open("variant=resnet34&height=96&width=64&classes=12")
    result = trace("resnet34", size=(96, 64), classes=12)
    expect(figure(page, "params")).to_have_text(f"{result.params:,}")
    expect(page.get_by_label("Network", exact=True)).to_have_value("ResNet-34")
    adjust(page)
    for label, value in (("Height, px", "96"), ("Width, px", "64"), ("Classes", "12")):
        expect(page.get_by_label(label, exact=True)).to_have_value(value)
    expect_query(page, variant="resnet34", height="96", width="64", classes="12")


def test_a_shared_comparison_is_that_comparison(visit):
    page = visit().open("tab=compare&panel=degradation&metric=loss&axis=iteration&nets=plain20_fashion_mnist")
    expect(page.locator("#curves .ytitle")).to_have_text(text("charts.loss"))
    expect(page.locator("#curves .xtitle")).to_have_text(text("charts.iteration"))
    adjust(page)
    for series in (series for series in series_of("fashion_mnist") if series.main):
        box = page.get_by_label(series.title, exact=True).first
        expect(box).to_be_checked(checked=series.name == "plain20_fashion_mnist")
    expect(page.get_by_label("iterations", exact=True)).to_be_checked()
    expect_query(page, tab="compare", panel="degradation", metric="loss", axis="iteration",
                 nets="plain20_fashion_mnist")


def test_a_shared_answer_is_that_answer(visit):
    page = visit().open("tab=classify&example=heel&model=plain20_fashion_mnist&top_k=3&lang=zh")
    expect(page.locator("#answer .bars tr")).to_have_count(3)
    expect(first_answer(page)).to_have_text(text("labels.Sandal", "zh"))
    expect(page.locator("#answer .source").filter(has_text="weights")).to_contain_text("weights/plain20_fashion_mnist")
    expect(page.get_by_label(text("classify.weights", "zh"), exact=True)).to_have_value("plain20_fashion_mnist")


@pytest.mark.parametrize("link, tab, words", [
    ("variant=resnet51", "Trace", 'There is no variant "resnet51"; did you mean resnet50?'),
    ("height=100000&width=100000", "Trace", "The input size must be between 1 and 8,192, not 100000."),
    ("height=1&width=1", "Trace", text("errors.one_pixel")),
    ("classes=0", "Trace", "The number of classes must be between 1 and"),
    ("height=NaN", "Trace", 'Height must be a whole number, not "NaN".'),
    ("width=", "Trace", "Width is empty"),
    ("tab=compare&metric=zebra", "Compare", 'The quantity cannot be "zebra"'),
    ("tab=compare&nets=zebra", "Compare", 'There is no recorded run "zebra"'),
    ("tab=classify&model=../../etc", "Classify", "is no model on the Hub"),
    ("tab=classify&top_k=1e309", "Classify", "The number of answers must be a whole number"),
    ("tab=zebra", "Start", 'There is no tab "zebra"'),
    ("tab=compare&metric=<script>alert(1)</script>&lang=zh", "对比", "<script>alert(1)</script>"),
])
def test_a_bad_link_says_why_in_one_sentence(visit, link, tab, words):
    page = visit().open(link)
    message = page.locator(".message:visible")
    expect(message).to_contain_text(words)
    expect(message).to_have_count(1)
    expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".toast-body, .toast-wrap .error")).to_have_count(0)


def test_bad_numbers_are_told_and_forgotten_once_right(visit):
    page = visit().open("variant=resnet18")
    height, message = page.get_by_label("Height, px", exact=True), page.locator(".message:visible")
    for value, words in (("0", "not 0."), ("100000", "not 100000."), ("", "Height is empty"), ("1.5", '"1.5"')):
        height.fill(value)
        height.press("Enter")
        expect(message).to_contain_text(words)
        expect(figure(page, "params")).to_have_text("11,689,512")
    height.fill("64")
    height.press("Enter")
    expect(message).to_have_count(0)
    expect_query(page, variant="resnet18", height="64")


def test_back_and_forward_restore_the_view(visit):
    page = visit().open("variant=resnet18")
    expect(figure(page, "params")).to_have_text("11,689,512")
    choose(page, "Network", "plain-34")
    expect(figure(page, "params")).to_have_text("21,623,848")
    expect_query(page, variant="plain34")
    open_tab(page, "Compare")
    expect_query(page, tab="compare", panel="degradation")
    page.get_by_label("loss", exact=True).check()
    expect_query(page, tab="compare", panel="degradation", metric="loss")
    page.go_back()
    expect(page.get_by_label("error", exact=True)).to_be_checked()
    page.go_back()
    expect(figure(page, "params")).to_have_text("21,623,848")
    page.go_back()
    expect(figure(page, "params")).to_have_text("11,689,512")
    expect(page.get_by_label("Network", exact=True)).to_have_value("ResNet-18")
    page.go_forward()
    expect(figure(page, "params")).to_have_text("21,623,848")


def test_the_link_is_copied(visit, site):
    window = visit()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.rstrip("/"))
    page = window.open("variant=resnet18&height=64")
    page.get_by_role("button", name="Copy link to this view").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    other = visit(locale="zh-CN")
    other.page.goto(copied)
    expect(figure(other.page, "params", "zh")).to_have_text("11,689,512")
    expect(other.page.get_by_label(text("trace.height", "zh"), exact=True)).to_have_value("64")


def test_the_language_changes_and_the_view_stays(visit):
    page = visit().open("variant=resnet18&height=64")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("tab", name="追踪")).to_be_visible()
    expect(page.get_by_label("高度，像素", exact=True)).to_have_value("64")
    expect_query(page, variant="resnet18", height="64", lang="zh")
    expect(figure(page, "params", "zh")).to_have_text("11,689,512")
    page.get_by_role("tab", name="对比").click()
    expect(page.locator("#curves .ytitle")).to_have_text(text("charts.error", "zh"))
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#curves .ytitle")).to_have_text(text("charts.error"))


def test_hasty_clicks_end_in_the_last_wish(visit):
    page = visit().open("tab=trace")
    for name in ("Compare", "Classify", "Trace", "Compare", "Classify", "Compare"):
        page.get_by_role("tab", name=name, exact=True).dblclick(delay=0)
    for name in ("loss", "error", "loss", "error", "loss"):
        page.get_by_label(name, exact=True).click()
    page.get_by_label("iterations", exact=True).dblclick()
    expect(page.locator("#curves .ytitle")).to_have_text(text("charts.loss"))
    expect(page.locator("#curves .xtitle")).to_have_text(text("charts.iteration"))
    expect_query(page, tab="compare", panel="degradation", metric="loss", axis="iteration")
    expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".message:visible")).to_have_count(0)


def test_two_pages_at_once_do_not_meet(visit):
    window = visit()
    one, other = window.open("variant=resnet18"), window.open("variant=resnet34", window.tab())
    expect(figure(other, "params")).to_have_text("21,797,672")
    adjust(one)
    classes = one.get_by_label("Classes", exact=True)
    classes.fill("7")
    classes.press("Enter")
    expect(figure(one, "params")).to_have_text(f"{trace('resnet18', classes=7).params:,}")
    expect(figure(other, "params")).to_have_text("21,797,672")
    assert query(other.url) == {"variant": "resnet34"}


def test_what_assistive_technology_hears(visit):
    page = visit().open("tab=trace")
    picture = page.locator("#trace .map svg").first
    assert picture.get_attribute("role") in ("img", "group", "graphics-document")
    unnamed = page.evaluate("""() => [...document.querySelectorAll("button, input, a[href], img, svg[role=img]")]
        .filter(e => e.offsetParent !== null || e.tagName === "svg")
        .filter(e => !(e.innerText || e.value || e.alt || e.title || e.placeholder || e.getAttribute("aria-label")
            || e.getAttribute("aria-labelledby") || e.querySelector?.("title") || e.labels?.length))
        .map(e => e.outerHTML.slice(0, 120))""")
    assert unnamed == [], json.dumps(unnamed, indent=1)
