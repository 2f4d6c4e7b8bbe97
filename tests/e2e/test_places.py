"""Every place of the page in every dress: phone and desk, light and dark, English and Chinese.

One walk a dress, in one window; the panels are opened by their links too, and an automatic audit (axe-core, WCAG 2
A and AA) comes along in three dresses. The pictures are for looking at.
"""

from itertools import product

import pytest
from playwright.sync_api import expect

from resnet.ui.compare.story import PANELS
from resnet.util.text import text
from tests.e2e.audit import SCROLLED, SIZES, TABS, Dress, check, findings
from tests.e2e.conftest import settled

DAILY = [Dress("desk", "light", "en"), Dress("desk", "dark", "zh"),  # every two of a kind meet once
         Dress("phone", "light", "zh"), Dress("phone", "dark", "en")]
DRESSES = [dress if dress in DAILY else pytest.param(dress, marks=pytest.mark.exhaustive)
           for dress in (Dress(*parts) for parts in product(SIZES, ("light", "dark"), ("en", "zh")))]
PANELS_IN = [Dress("desk", "light", "en"), Dress("phone", "dark", "zh"),
             pytest.param(Dress("desk", "dark", "zh"), marks=pytest.mark.exhaustive)]
AUDITED = [Dress("desk", "light", "en"), Dress("desk", "dark", "zh"), Dress("phone", "light", "zh")]


@pytest.mark.parametrize("dress", DRESSES, ids=str)
def test_every_tab_in_every_dress(visit, album, dress):
    page = visit(**dress.window).open()
    for tab in TABS:
        page.get_by_role("tab", name=text(f"{tab}.tab", dress.lang), exact=True).click()
        settled(page, tab)
        page.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")
        page.screenshot(path=album / f"{tab}-{dress}.png")
        page.screenshot(path=album / f"{tab}-{dress}-full.png", full_page=True)
        check(page, dress, tab)
        assert dress.size == "phone" or page.evaluate(SCROLLED) == [], tab
        assert dress not in AUDITED or findings(page) == [], tab


@pytest.mark.parametrize("dress", PANELS_IN, ids=str)
@pytest.mark.parametrize("panel", PANELS)
def test_a_link_opens_the_panel(visit, album, panel, dress):
    page = visit(**dress.window).open(f"tab=compare&panel={panel}&lang={dress.lang}&__theme={dress.mode}")
    assert page.locator("#questions input:checked").get_attribute("value") == panel
    assert page.get_by_role("heading", name=text(f"compare.panels.{panel}", dress.lang)).count() == 1
    page.screenshot(path=album / f"{panel}-{dress}-full.png", full_page=True)
    check(page, dress, panel)
    assert dress not in AUDITED or findings(page) == []


def test_axe_finds_nothing_serious_in_the_evidence(visit):
    page = visit().open("tab=classify&open=blocks,neighbours,browse&off=layer1.1&channels=conv3_x"
                        "&beside=plain20_fashion_mnist")
    expect(page.locator("table.confusion")).to_be_visible()
    assert findings(page) == []


def test_the_audit_has_teeth(visit):
    page = visit().open()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\"><button></button>')")
    assert {finding.partition(":")[0] for finding in findings(page)} >= {"image-alt", "button-name"}


@pytest.mark.parametrize("tab", TABS)
def test_the_main_figure_is_above_the_fold(visit, tab):
    page = visit().open(f"tab={tab}")
    main = page.locator({"start": ".start svg", "trace": "#trace .map svg", "compare": "#curves",
                         "classify": "#answer .answer"}[tab])
    box = main.first.bounding_box()
    assert box["y"] + 0.75 * box["height"] < 900, box


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
    assert page.locator("#panels .panel-result[id^=panel-]:visible").count() == 1
