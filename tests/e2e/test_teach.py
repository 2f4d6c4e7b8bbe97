"""Teaching in a browser: pictures go as text, by keyboard and on a phone, and what is downloaded is a net."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from resnet.data import load_samples
from resnet.ui.page.images import packed
from resnet.ui.wall.limits import MAX_JSON
from tests.e2e.audit import findings

PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark"}


@pytest.fixture(scope="module")
def things(tmp_path_factory) -> dict[str, list[Path]]:
    """Files of a visitor's: four trousers and four bags, and one that is no picture."""
    folder, split = tmp_path_factory.mktemp("things"), load_samples("fashion_mnist", "test")
    found: dict[str, list[Path]] = {"trousers": [], "bags": [], "odd": [folder / "odd.png"]}
    found["odd"][0].write_text("no picture")
    for name, label in (("trousers", 1), ("bags", 8)):
        for row in (split.labels == label).nonzero().flatten()[:5].tolist():
            found[name].append(folder / f"{name}{row}.png")
            found[name][-1].write_bytes(packed(split.images[row]))
    return found


def opened(page):
    """By keyboard."""
    page.locator("#teach .label-wrap").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#lesson .group")).to_have_count(2)


def test_two_classes_are_taught_asked_and_taken_home(visit, things):
    page, sent = visit().open("tab=classify"), []
    page.on("request", lambda request: request.method == "POST" and sent.append(request))
    opened(page)
    page.locator("[data-files]").nth(0).set_input_files(things["trousers"][:4])
    expect(page.locator("#lesson .shots li")).to_have_count(4)
    page.locator("[data-files]").nth(1).set_input_files([*things["bags"][:4], *things["odd"]])
    expect(page.locator("#lesson .shots li")).to_have_count(8)
    expect(page.locator("#lesson [role=alert]")).to_contain_text("odd.png: ")
    expect(page.locator("#taught")).to_contain_text("of 8 are correct")
    name = page.locator("#lesson [data-rename]").nth(1)
    name.fill("Bags")
    name.press("Tab")
    expect(page.locator("#taught tbody").first).to_contain_text("Bags")
    page.locator("#camera [data-ask]").set_input_files(things["bags"][4])
    expect(page.locator("#live tr")).to_have_count(2)
    expect(page.locator("#live")).to_contain_text("Bags")
    assert not any("upload" in request.url for request in sent)  # nothing went as a file
    assert max(len(request.post_data or "") for request in sent) < MAX_JSON
    assert findings(page) == []
    with page.expect_download() as coming:
        page.get_by_role("link", name="the whole net, ZIP").click()
    with zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes())) as archive:
        assert [name.partition("/")[2] for name in archive.namelist()] == ["model.safetensors", "config.json"]


def test_on_a_phone_by_keyboard_and_in_chinese(visit, album):
    page = visit(**PHONE).open("tab=classify")
    opened(page)
    page.locator("#lesson [data-field=examples]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#taught")).to_contain_text("留一法")
    expect(page.locator("#lesson [data-field=examples]")).to_be_focused()  # though it was drawn anew
    page.locator("#taught [data-value=twins]").press("Enter")
    expect(page.locator("#twins")).to_contain_text("两边各只有一个随机种子")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = "[...document.querySelectorAll('#lesson .ways > *')].filter((one) => one.offsetHeight < 36).length"
    assert page.evaluate(small) == 0
    assert findings(page) == []
    page.locator("#teach").screenshot(path=album / "teach-phone.png")


def test_a_camera_that_is_denied_is_told(visit):
    page = visit().open("tab=classify")
    opened(page)
    page.locator("#lesson [data-shoot]").first.click()
    expect(page.locator("#camera [data-denied]")).to_be_visible()
