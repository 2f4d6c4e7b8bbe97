"""Six scenes: what is scrolled to shows, and has an address."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import settled

pytestmark = pytest.mark.browser


def present(page) -> str:
    return page.locator(".start").get_attribute("data-scene")


def test_the_scene_in_the_middle_shows_and_has_an_address(visit):
    page = visit().open()
    assert present(page) == "1"
    for scene in ("2", "5", "6"):
        page.locator(f"#scene-{scene}").evaluate("scene => scene.scrollIntoView({block: 'center'})")
        page.wait_for_url(f"**scene={scene}")
        assert present(page) == scene
        expect(page.locator(f".start .part.s{scene}").first).to_be_visible()
        figure = page.locator(".start .stage").bounding_box()
        assert -1 <= figure["y"] < 60, "the figure stays while the sentences scroll by"
    expect(page.locator(".start .part.s1")).to_be_hidden()
    page.reload()
    settled(page, "start")
    page.wait_for_function("document.querySelector('.start').dataset.scene === '6'")


def test_a_dot_leads_to_its_scene(visit):
    page = visit(reduced_motion="reduce").open()
    page.locator('.start .dots a[data-scene="4"]').click()
    page.wait_for_function("document.querySelector('.start').dataset.scene === '4'")
    assert page.evaluate("document.getAnimations().filter(one => one.effect.target.closest('.start')).length") == 0
    expect(page.locator(".start .curve.residual").first).to_be_visible()


def test_a_link_opens_at_its_scene_and_its_way_out_opens_the_panel(visit):
    page = visit().open("scene=5")
    page.wait_for_function("document.querySelector('.start').dataset.scene === '5'")
    page.locator("#scene-5 .further").click()
    settled(page, "compare")
    assert "panel=lesions" in page.url and page.locator("#questions input:checked").get_attribute("value") == "lesions"


def test_by_keyboard_alone(visit):
    page = visit().open()
    page.locator("#scene-1").focus()
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.start').dataset.scene !== '1'")


def test_the_stream_stands_below(visit):
    page = visit().open()
    page.locator(".stream").scroll_into_view_if_needed()
    expect(page.locator(".stream").get_by_text("99.7", exact=False).first).to_be_visible()


def test_tracing_is_not_asked_for_before_its_tab_opens(visit):
    page = visit().open()
    assert page.locator("#trace .figures").count() == 0
