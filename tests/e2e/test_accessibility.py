"""An automatic audit (axe-core, WCAG 2 A and AA) of every tab and panel, in both modes and languages; the keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from resnet.ui.compare.story import PANELS
from resnet.ui.page.build import TAB_MODULES

pytestmark = pytest.mark.browser

PLACES = ["tab=trace", *(f"tab=compare&panel={panel}" for panel in PANELS), "tab=classify"]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
GRAVE = ("serious", "critical")


def findings(page) -> list[str]:
    """What axe finds serious: rule, element, and what it says of it."""
    result = Axe().run(page, options=RULES).response
    return [f"{rule['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for rule in result["violations"] if rule["impact"] in GRAVE for node in rule["nodes"]]


@pytest.mark.parametrize("mode, lang", [("light", "en"), ("dark", "zh")])
@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_serious(visit, place, mode, lang):
    page = visit(color_scheme=mode).open(f"{place}&lang={lang}&__theme={mode}")
    assert findings(page) == []


def test_axe_finds_nothing_serious_on_a_phone(visit):
    window = visit(viewport={"width": 390, "height": 844})
    for tab in TAB_MODULES:
        assert findings(window.open(f"tab={tab}")) == []


def test_axe_finds_nothing_serious_in_the_evidence(visit):
    page = visit().open("tab=classify&open=blocks,neighbours,browse&off=layer1.1&channels=conv3_x"
                        "&beside=plain20_fashion_mnist")
    expect(page.locator("table.confusion")).to_be_visible()
    assert findings(page) == []


def test_the_audit_has_teeth(visit):
    page = visit().open()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\"><button></button>')")
    assert {finding.partition(":")[0] for finding in findings(page)} >= {"image-alt", "button-name"}
