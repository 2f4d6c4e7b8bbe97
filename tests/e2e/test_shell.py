"""The page around its tabs: on a phone, on a projector, before a class, in a frame, and taken elsewhere."""

import io
from html.parser import HTMLParser

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from resnet.lab.race_log import recorded
from resnet.ui.compare.story import PANELS
from resnet.util.text import text
from tests.e2e.audit import SIZES, TABS
from tests.e2e.conftest import settled

FIGURES = {"start": ".start svg", "trace": "#trace .map svg", "compare": "#curves .main-svg",
           "classify": "#answer .answer"}
PROJECTOR = {"width": 1920, "height": 1080}
# Heights in pixels of the letters that are seen in figures.
LETTERS = """kinds => [...document.querySelectorAll(kinds)].filter((one) => one.getBoundingClientRect().width
    && getComputedStyle(one).visibility === "visible" && one.textContent.trim()).map((one) => [one.textContent.trim(),
    parseFloat(getComputedStyle(one).fontSize) * Math.hypot(one.getScreenCTM()?.a ?? 1, one.getScreenCTM()?.b ?? 0)])"""


def drawn(page: Page, panel: str) -> None:
    figures = ".js-plotly-plot .main-svg, .order svg, .map svg, .corrections"
    expect(page.locator(f"#panel-{panel} :is({figures}):visible").first).to_be_visible()


@pytest.mark.parametrize("tab", TABS)
def test_on_a_phone_the_figure_stands_in_the_first_screen_and_a_half(visit, tab):
    page = visit(viewport=SIZES["phone"]).open(f"tab={tab}")
    box = page.locator(FIGURES[tab]).first.bounding_box()
    assert box["y"] + 0.75 * box["height"] < 1.5 * SIZES["phone"]["height"], box


@pytest.mark.parametrize("panel", PANELS)
def test_on_a_phone_every_panels_figure_comes_before_its_knobs(visit, panel):
    page = visit(viewport=SIZES["phone"]).open(f"tab=compare&panel={panel}")
    drawn(page, panel)
    figure = page.locator(f"#panel-{panel} :is(.track, .plot, .order, .map, .corrections)").first.bounding_box()
    assert figure["y"] < SIZES["phone"]["height"], figure
    knobs = page.locator(".knobs:visible")
    assert all(knobs.nth(i).bounding_box()["y"] > figure["y"] for i in range(knobs.count()))


def test_on_a_phone_the_questions_are_one_menu(visit):
    page = visit(viewport=SIZES["phone"]).open("tab=compare&panel=lesions")
    menu = page.locator("#question-menu select")
    expect(menu).to_have_value("lesions")
    assert menu.locator("option").all_inner_texts() == [text(f"compare.panels.{panel}") for panel in PANELS]
    assert page.locator("#questions").is_hidden()
    menu.select_option("orders")
    page.wait_for_url("**panel=orders**")
    drawn(page, "orders")
    expect(menu).to_have_value("orders")


@pytest.mark.parametrize("place, kinds", [
    ("tab=start&scene=2", ".start svg text"), ("tab=start&scene=5", ".start svg text"),
    ("tab=trace", "#trace .map text"), ("tab=compare", "#curves text"), ("tab=compare&present=1", "#curves text"),
    ("tab=compare&panel=lesions", "#panel-lesions .plot text")])
def test_on_a_projector_the_width_is_used_and_every_letter_can_be_read(visit, place, kinds):
    page = visit(viewport=PROJECTOR).open(place)
    page.wait_for_function("kinds => document.querySelectorAll(kinds).length", arg=kinds)
    assert page.locator(".gradio-container").first.bounding_box()["width"] > 1_800
    letters = page.evaluate(LETTERS, kinds)
    assert letters and [(words, size) for words, size in letters if size < 13.9] == []


def test_before_a_class_arrows_lead_through_scenes_and_panels(visit):
    page = visit(viewport=PROJECTOR, reduced_motion="reduce").open("tab=start&scene=5&present=1")
    page.wait_for_function("document.querySelector('.start').dataset.scene === '5'")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.start').dataset.scene === '6'")
    page.keyboard.press("ArrowRight")
    settled(page, "compare")
    first, second, *_ = PANELS
    drawn(page, first)
    page.keyboard.press("PageDown")
    page.wait_for_url(f"**panel={second}**")
    drawn(page, second)
    assert "present=1" in page.url and page.locator(".knobs, .controls").locator("visible=true").count() == 0
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(lambda url: second not in url)
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "present" not in url)
    expect(page.locator(".controls:visible").first).to_be_visible()


def test_the_square_is_the_views(visit):
    page = visit(viewport=PROJECTOR).open("tab=compare&present=1")
    path = page.locator(".qr svg path")
    before = path.get_attribute("d")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('.qr svg path').getAttribute('d') !== before", arg=before)
    assert page.locator(".qr svg").bounding_box()["width"] > 120


def test_the_title_follows_the_view_in_its_language(visit):
    page = visit().open("tab=trace&lang=zh")
    names = {panel: text(f"compare.panels.{panel}", "zh") for panel in PANELS}
    assert page.title() == f"{text('page.titles.trace', 'zh')} · {text('page.title', 'zh')}"
    page.get_by_role("tab", name=text("compare.tab", "zh"), exact=True).click()
    page.wait_for_function("name => document.title.startsWith(name)", arg=names["degradation"])
    page.locator('#questions input[value="orders"]').check()
    page.wait_for_function("name => document.title.startsWith(name)", arg=names["orders"])


class Frame(HTMLParser):
    def handle_starttag(self, tag, attrs):
        self.tag, self.told = tag, dict(attrs)


def test_the_code_to_embed_shows_the_figure_and_its_sentence_alone(visit, site):
    window = visit(permissions=["clipboard-read", "clipboard-write"])
    page = window.open("tab=compare&panel=lesions&nets=56_cifar10&__theme=light")
    page.locator(".share summary").click()
    page.locator("[data-take=embed]").click()
    expect(page.locator("[data-take=embed]")).to_have_attribute("data-done", "yes")
    frame = Frame()
    frame.feed(page.evaluate("navigator.clipboard.readText()"))
    source = frame.told["src"]
    assert frame.tag == "iframe" and frame.told["title"].startswith(text("compare.panels.lesions"))
    assert source == f"{site}?tab=compare&panel=lesions&nets=56_cifar10&embed=1"
    page.goto(source)
    drawn(page, "lesions")
    expect(page.locator(".panel-heading .lead:visible")).to_be_visible()
    assert page.locator("#title-line, .knobs, .controls, footer").locator("visible=true").count() == 0
    back = page.locator(".back a")
    assert back.get_attribute("href") == source.replace("&embed=1", "") and back.get_attribute("target") == "_blank"


@pytest.mark.parametrize("place", ["tab=compare&panel=gradients", "tab=trace", "tab=start&scene=5"])
def test_a_figure_is_taken_as_a_picture(visit, place):
    page = visit().open(place)
    page.wait_for_timeout(1_500)
    page.locator(".share summary").click()
    with page.expect_download() as download:
        page.locator("[data-take=picture]").click()
    picture = Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB")
    assert picture.width == 2_400 and picture.height > 1_000 and download.value.suggested_filename.endswith(".png")
    upper, middle = (picture.crop((0, int(picture.height * a), 2_400, int(picture.height * b)))
                     for a, b in ((0, 0.2), (0.35, 0.75)))
    assert all(len(set(part.resize((300, 100)).getdata())) > 20 for part in (upper, middle)), "words and a figure"


def test_the_recorded_race_is_replayed_and_not_unasked_where_less_motion_is_wanted(visit):
    page = visit(reduced_motion="reduce").open("tab=compare&panel=race")
    scores, running = page.locator("#race-track .score"), page.locator("#panel-race[data-running]")
    ends = [f"{recorded().losses(plain)[-1]:.3g}" for plain in (True, False)]
    for score, end in zip(scores.all(), ends, strict=True):
        expect(score).to_contain_text(end)
    expect(running).to_have_count(0)
    page.get_by_role("button", name=text("compare.race.track.replay")).click()
    expect(running).to_have_count(1)
    expect(running).to_have_count(0, timeout=60_000)
    expect(scores.last).to_contain_text(ends[1])
    moving = visit(reduced_motion="no-preference").open("tab=compare&panel=race")
    expect(moving.locator("#panel-race[data-running]")).to_have_count(1)


def test_scenes_are_turned_together(visit):
    page = visit().open("tab=compare&panel=surface&norm=fixed")
    plain, residual = page.locator("#relief-plain .plot"), page.locator("#relief-residual .plot")
    for scene in (plain, residual):
        expect(scene.locator("canvas").first).to_be_visible()
    plain.evaluate("""place => place.emit("plotly_relayout", {"scene.camera": {eye: {x: 2, y: 1, z: .5}}})""")
    page.wait_for_function("place => place._fullLayout.scene.camera.eye.x === 2", arg=residual.element_handle())


def test_no_picture_is_offered_where_a_visitors_own_may_stand(visit):
    page = visit().open("tab=classify")
    page.locator(".share summary").click()
    expect(page.locator("[data-take=embed]")).to_be_visible()
    expect(page.locator("[data-take=picture]")).to_be_hidden()


def test_a_spaces_page_is_told_the_view(visit):
    """Which no test can be: a page of its name would have to frame a page of this machine."""
    page = visit().tab()
    page.add_init_script("window.told = []; window.parent = { postMessage: (...said) => told.push(said) }")
    visit().open("tab=trace&__sign=secret&__theme=light", page)
    page.get_by_role("tab", name=text("compare.tab"), exact=True).click()
    settled(page, "compare")
    said = [(data, origin) for data, origin in page.evaluate("told") if "queryString" in data]
    assert {origin for _, origin in said} == {"https://huggingface.co"}
    assert said[-1][0] == {"queryString": "panel=degradation&tab=compare", "hash": ""}


def test_a_panel_loads_no_more_of_plotly_than_it_needs(visit):
    window = visit(locale="en-GB")
    page, asked = window.tab(), []
    page.on("request", lambda request: "lotly" in request.url and asked.append(request.url.rpartition("/")[2]))
    window.open("", page)
    assert asked == []
    window.open("tab=compare", page)
    drawn(page, "degradation")
    assert set(asked) == {"plotly-basic.min.js"}
    window.open("tab=compare&panel=surface", page)
    drawn(page, "surface")
    page.wait_for_timeout(500)
    ours = {f"plotly-{name}.min.js" for name in ("basic", "cartesian", "gl3d")}
    assert {"plotly-cartesian.min.js"} < set(asked) <= ours
