"""Every panel of Compare: as a link opens it, on a desk and on a phone, and what it says."""

import re

import pytest

from resnet.ui.compare.story import PANELS
from resnet.util.text import text
from tests.e2e.conftest import settled
from tests.e2e.test_screens import SIZES, SPILLED, check_words, luminance

pytestmark = pytest.mark.browser

ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}")  # three words in a row are a sentence


@pytest.mark.parametrize("size, mode, lang", [("desk", "light", "en"), ("phone", "dark", "zh")])
@pytest.mark.parametrize("panel", PANELS)
def test_a_link_opens_the_panel(visit, album, panel, size, mode, lang):
    window = visit(viewport=SIZES[size], color_scheme=mode, locale="zh-CN" if lang == "zh" else "en-US")
    page = window.open(f"tab=compare&panel={panel}&lang={lang}&__theme={mode}")
    assert page.locator("#questions input:checked").get_attribute("value") == panel
    assert page.get_by_role("heading", name=text(f"compare.panels.{panel}", lang)).count() == 1
    page.screenshot(path=album / f"{panel}-{size}-{mode}-{lang}-full.png", full_page=True)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate(SPILLED) == []
    assert (luminance(page) < 0.2) == (mode == "dark")
    check_words(page, "compare", lang)
    if lang == "zh":
        assert english(page) == []


@pytest.mark.parametrize("tab", ["trace", "classify"])
def test_no_english_sentence_is_on_a_chinese_tab(visit, tab):
    assert english(visit(locale="zh-CN").open(f"tab={tab}&lang=zh")) == []


def test_the_story_is_walked_through_and_back(visit):
    page = visit().open("tab=compare")
    first, second, *_ = PANELS
    page.locator(f'#questions input[value="{second}"]').check()
    page.wait_for_url(f"**panel={second}**")
    settled(page, "compare")
    page.go_back()
    page.wait_for_url(lambda address: f"panel={second}" not in address)
    settled(page, "compare")
    assert page.locator("#questions input:checked").get_attribute("value") == first


def test_a_panel_costs_nothing_before_it_is_opened(visit):
    page = visit().open("tab=trace")
    assert page.locator("#panels").count() == 0
    page = visit().open("tab=compare")
    assert page.locator("#panels .panel-result:visible").count() == 1


def english(page) -> list[str]:
    """Runs of English words that are no code, no reference and no number's source."""
    seen = page.evaluate("""() => {
        const body = document.body.cloneNode(true);
        for (const e of body.querySelectorAll("pre, code, script, style, .source, [lang=en], option, .icon-button"))
            e.remove();
        document.body.append(body);
        const words = body.innerText;
        body.remove();
        return words;
    }""")
    return [words for words in ENGLISH.findall(seen) if "et al" not in words]
