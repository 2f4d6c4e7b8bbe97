"""Every tab in every dress: phone and desk, light and dark, English and Chinese. The pictures are for looking at."""

import re

import pytest
from playwright.sync_api import Page

from resnet.util.text import sentences, text
from tests.e2e.conftest import settled

pytestmark = pytest.mark.browser

TABS = ("trace", "compare", "classify")
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
# What sticks out of the window, and which tables cannot be seen whole.
SPILLED = """() => {
    const scrolls = e => e.matches("#tabs, #title-line") ? false
        : ["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement);
    return [...document.querySelectorAll("#tabs *, #title-line *")]
        .filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e))
        .map(e => e.outerHTML.slice(0, 120));
}"""
SCROLLED = """() => [...document.querySelectorAll(".scroll")]
    .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))"""
# Names that are the same in both languages.
NAMES = re.compile(r"ResNe[Xx]?t[-\w ]*|plain-\d+|English|Fashion-MNIST|CIFAR(-10)?|PyTorch|Hub|CSV|JSON|SVG|API|"
                   r"[a-z]+\.[a-z]+\S*", re.ASCII)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_dress(visit, album, size, mode, lang):
    window = visit(viewport=SIZES[size], color_scheme=mode, locale="zh-CN" if lang == "zh" else "en-US")
    page = window.open()
    for tab in TABS:
        page.get_by_role("tab", name=text(f"{tab}.tab", lang), exact=True).click()
        settled(page, tab)
        page.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")
        page.screenshot(path=album / f"{tab}-{size}-{mode}-{lang}.png")
        page.screenshot(path=album / f"{tab}-{size}-{mode}-{lang}-full.png", full_page=True)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), tab
        assert page.evaluate(SPILLED) == [], tab
        assert size == "phone" or page.evaluate(SCROLLED) == [], tab
        assert (luminance(page) < 0.2) == (mode == "dark"), tab
        assert page.locator("html").get_attribute("lang") == ("zh-CN" if lang == "zh" else "en")
        check_words(page, tab, lang)


@pytest.mark.parametrize("tab", TABS)
def test_the_main_figure_is_above_the_fold(visit, tab):
    page = visit().open(f"tab={tab}")
    main = page.locator("#trace .map svg" if tab == "trace" else "#curves" if tab == "compare" else "#answer .answer")
    box = main.first.bounding_box()
    assert box["y"] + 0.75 * box["height"] < 900, box


def luminance(page: Page) -> float:
    """Of the page's background, 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 765


def check_words(page: Page, tab: str, lang: str) -> None:
    """No placeholder is left, and nothing is said in the other language."""
    seen = page.locator("body").inner_text()
    for broken in ("undefined", "__i18n__", "NaN", "[object", "{n}"):
        assert broken not in seen, (tab, broken)
    assert not re.findall(r"\b(?:trace|compare|classify)\.[a-z_]+", seen), tab
    for key in ("page.title", "page.subtitle", "page.copy", *(f"{name}.tab" for name in TABS)):
        assert text(key, lang) in seen, key
    other = sentences("zh" if lang == "en" else "en")
    lines = {line for line in seen.splitlines() if line.strip()}
    strays = {value for key, value in other.items() if value in lines and not NAMES.fullmatch(value)
              and value != sentences(lang)[key]}
    assert not strays, (tab, strays)
    if lang == "en":
        assert not re.findall(r"[\u4e00-\u9fff]+", seen.replace("中文", ""))
