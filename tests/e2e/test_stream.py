"""The residual stream: what the browser computes is what torch computes, and what one sees follows each cut."""

import re
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Page, expect
from safetensors.torch import load as parsed
from safetensors.torch import load_file, save

from resnet.data import data_spec, load_samples, load_split, normalise
from resnet.hub.load import load
from resnet.inference.web import web_file
from resnet.model import BasicBlock
from resnet.ui.stream.part import DIGITS, NETS, WEB, net_file, stream_page
from resnet.util.text import text
from tests.running import FLAGS, chromium
from tests.webnet import as_written, edited
from tests.webserver import serving

N, BLOCKS = 200, 9
CIFAR_NETS = ("resnet20_cifar10", "plain20_cifar10")
WHOLE = {"order": list(range(BLOCKS)), "shortcut": [True] * BLOCKS, "branch": [True] * BLOCKS, "scale": 1.0}


def cut(part: str, *blocks: int) -> dict:
    return WHOLE | {part: [i not in blocks for i in range(BLOCKS)]}


EDITS = [WHOLE, *(cut("shortcut", i) for i in range(BLOCKS)), *(cut("branch", i) for i in range(BLOCKS)),
         cut("shortcut", 1, 4, 7), cut("branch", 2, 5), WHOLE | {"scale": 0.35}, WHOLE | {"scale": 0.0},
         WHOLE | {"order": [2, 0, 1, 3, 5, 4, 6, 8, 7]},
         cut("branch", 8) | {"order": [1, 0, 2, 3, 4, 5, 6, 8, 7], "scale": 0.6}]

RUN = """async ([address, items, edits, turns]) => {
  const { runner } = await import("/runner.js");
  const { readSafetensors } = await import("/safetensors.js");
  const { images } = readSafetensors(await (await fetch(items)).arrayBuffer()).tensors;
  const size = images.data.length / images.shape[0], net = runner(), logits = [];
  await net.load(address);
  for (const [item, turn] of turns.entries())
    for (const [i, k] of turn.entries()) {
      const pixels = i ? null : images.data.subarray(item * size, (item + 1) * size);
      logits.push(Array.from((await net.run(pixels, edits[k])).logits));
    }
  net.stop();
  return logits;
}"""
TURNS = [[0, *(k for k in range(1, len(EDITS)) if k % 6 == item % 6)] for item in range(N)]  # 33 items for each cut


@pytest.fixture(scope="module")
def items() -> dict[str, torch.Tensor]:
    """200 test items, uint8 [200, 1, 28, 28]; as many scanned digits; and 20 pictures of 32x32, three items as their
    colours."""
    grey = load_samples("fashion_mnist", "test").first(N).images.contiguous()
    digits = load_split("pen_digits", "test").images[-N:].contiguous()
    colours = F.pad(grey[:60].view(20, 3, 28, 28), (2, 2, 2, 2)).contiguous()
    return {"fashion_mnist": grey, "pen_digits": digits, "cifar10": colours}


@pytest.fixture(scope="module")
def address(items) -> Iterator[str]:
    pages = {f"/{data}.safetensors": save({"images": images}) for data, images in items.items()}
    pages |= {f"/{name}.safetensors": web_file(load(name)) for name in CIFAR_NETS}
    with serving(WEB, {"/": b"<!doctype html><title>nets</title>", **pages}) as at:
        yield at


@pytest.mark.parametrize("name", [*NETS, *DIGITS.nets, *CIFAR_NETS])
def test_logits_are_those_of_torch(browser, address, items, name):
    """200 items, whole and with every single wire cut, in a worker under the page's content security policy."""
    info, page = load(name).info, browser.new_page()
    images, bundled = items[info.data], name in (*NETS, *DIGITS.nets)
    file = f"/{net_file(name).relative_to(WEB)}" if bundled else f"/{name}.safetensors"
    page.goto(address)
    turns = TURNS[:len(images)]
    found = torch.tensor(page.evaluate(RUN, [file, f"/{info.data}.safetensors", EDITS, turns]))
    page.close()
    tensors = load_file(net_file(name)) if bundled else parsed(web_file(load(name)))
    net, inputs = as_written(tensors, info.architecture), normalise(images, data_spec(info.data))
    whole, unmoved = edited(net, inputs, WHOLE), set()
    which = torch.tensor([(item, k) for item, turn in enumerate(turns) for k in turn])
    for k, edit in enumerate(EDITS):
        rows = which[:, 1] == k
        of, logits = which[rows, 0], found[rows]
        assert (logits - edited(net, inputs[of], edit)).abs().max() < 1e-3, edit
        if (logits - whole[of]).abs().max() < 0.1:
            unmoved.add(k)
    without = {k for k, edit in enumerate(EDITS) if not all(edit["shortcut"])} if info.architecture.plain else set()
    assert unmoved == {0} | without  # every cut tells, but a plain net has no shortcut to lose


@pytest.fixture(scope="module")
def preview() -> Iterator[str]:
    with serving(WEB, {"/": stream_page().encode(), "/?lang=zh": stream_page("zh").encode(),
                       "/favicon.ico": b""}) as at:
        yield at


@pytest.fixture
def open_stream(browser, preview):
    """open_stream(query, ...) opens the stream alone; none may have complained or asked another host."""
    contexts, problems = [], []

    def begin(query: str = "", **options) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda one: one.url.startswith((preview, "blob:")) or problems.append(one.url))
        page.goto(f"{preview}/{query}")
        settle(page)
        return page

    yield begin
    for context in contexts:
        context.close()
    assert problems == []


def settle(page: Page) -> None:
    """Until the stream has answered all that it was asked."""
    page.evaluate("async () => { const stream = await window.stream; while (stream.running) await stream.running; }")


def verdicts(page: Page) -> list[str]:
    settle(page)
    return page.locator(".verdict b").all_inner_texts()


def shares(page: Page, kind: str) -> list[float]:
    """Per cent by class."""
    settle(page)
    return [float(share) for share in page.locator(f".line small.{kind}").all_inner_texts()]


def tiles(page: Page, part: str) -> list[str]:
    """What each tile shows, as addresses of pictures."""
    settle(page)
    return page.eval_on_selector_all(f".{part} canvas", "all => all.map(one => one.toDataURL())")


def scissors(page: Page, part: str, block: int):
    return page.get_by_role("button", name=text(f"stream.cut_{part}", n=block), exact=True)


def test_a_cut_shortcut_turns_the_answer_and_what_follows_it(open_stream):
    page = open_stream()
    assert verdicts(page) == ["Ankle boot", "Ankle boot"]
    before, plain = tiles(page, "net-block .sum"), tiles(page, "plain-block")
    scissors(page, "shortcut", 5).click()
    assert verdicts(page) == ["Sneaker", "Ankle boot"]
    after = tiles(page, "net-block .sum")
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * 4 + [False] * 5
    assert tiles(page, "plain-block") == plain
    assert scissors(page, "shortcut", 5).get_attribute("aria-pressed") == "true"
    assert page.locator(".net-block .ratio").nth(4).inner_text() == "–"
    assert "4 of 9" in page.locator(".source").inner_text() and "0 of 9" not in page.locator(".source").inner_text()
    page.get_by_role("button", name=text("stream.mend")).click()
    assert verdicts(page) == ["Ankle boot", "Ankle boot"] and tiles(page, "net-block .sum") == before


COLOURS = """all => all.map(one => {
  const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
  return new Set(new Uint32Array(data.buffer)).size;
})"""


def test_a_cut_branch_is_survived_by_the_residual_net_only(open_stream):
    page = open_stream()
    scissors(page, "branch", 6).click()
    assert verdicts(page) == ["Ankle boot", "Bag"]
    colours = page.eval_on_selector_all(".plain-block canvas", COLOURS)
    assert [n == 1 for n in colours][4:6] == [False, True]  # nothing comes out of the plain twin's sixth block


def test_the_scale_takes_every_branch_away(open_stream):
    page = open_stream()
    page.get_by_role("slider").fill("0")
    settle(page)
    assert page.locator(".net-block .ratio").all_inner_texts() == ["0.00"] * BLOCKS
    net = as_written(load_file(net_file(NETS[0])), load(NETS[0]).info.architecture)
    samples = load_samples("fashion_mnist", "test")
    expected = edited(net, normalise(samples.images[:1], samples.spec), WHOLE | {"scale": 0.0}).softmax(1)[0] * 100
    assert shares(page, "residual") == pytest.approx(expected.tolist(), abs=0.06)


def test_neighbours_and_chance(open_stream):
    page = open_stream()
    for _ in range(3):
        page.get_by_role("button", name=text("stream.shuffle")).click()
    settle(page)
    names = page.locator(".net-block .name").all_inner_texts()
    stages = [[text("stream.block", n=n) for n in stage] for stage in ((1, 2, 3), (4, 5, 6), (7, 8, 9))]
    assert [sorted(names[i:i + 3]) for i in (0, 3, 6)] == stages and names != sum(stages, [])
    assert (names[3], names[6]) == (stages[1][0], stages[2][0])  # what halves the map stays first
    for _ in range(BLOCKS):
        page.get_by_role("button", name=text("stream.drop")).click()
    settle(page)
    assert page.locator('.scissors.branch[aria-pressed="true"]').count() == BLOCKS
    assert page.locator('.scissors.shortcut[aria-pressed="true"]').count() == 0


def test_the_pen_is_answered(open_stream):
    page = open_stream()
    page.get_by_role("button", name=text("stream.clear")).click()
    empty = tiles(page, "net-block .x")
    box = page.locator(".drawing").bounding_box()
    legs = [((across, 0.1), (across, 0.88)) for across in (0.35, 0.41, 0.59, 0.65)]
    for (x0, y0), (x1, y1) in [*legs, ((0.35, 0.1), (0.65, 0.1))]:
        page.mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"], steps=9)
        page.mouse.up()
    assert all(a != b for a, b in zip(empty, tiles(page, "net-block .x"), strict=True))
    assert verdicts(page) == ["Trouser", "Trouser"]
    page.get_by_role("button", name=text("stream.item", label="Bag", n=30)).click()
    assert verdicts(page) == ["Bag", "Bag"]


def test_one_pixels_arithmetic_adds_up(open_stream):
    """By keyboard: a tile, its strongest pixel, then its right neighbour; the numbers are torch's."""
    page = open_stream()
    page.locator(".tile.branch").nth(2).focus()
    page.keyboard.press("Enter")
    page.locator(".sheet canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".arithmetic h3")).to_be_visible()
    page.wait_for_timeout(300)
    channel, row, column = map(int, re.findall(r"\d+", page.locator(".arithmetic h3").inner_text()))
    terms = [float(term.replace("−", "-")) for term in page.locator(".arithmetic .term b").all_inner_texts()]
    here, others, bias, branch, again, x, total = terms
    assert here + others + bias == pytest.approx(branch, abs=0.02) and again == branch
    assert max(0, branch + x) == pytest.approx(total, abs=0.02)
    net = as_written(load_file(net_file(NETS[0])), load(NETS[0]).info.architecture)
    samples = load_samples("fashion_mnist", "test")
    with torch.inference_mode():
        first, second, third = net.blocks[:3]
        stream = second(first(net.stem(normalise(samples.images[:1], samples.spec))))
        at = (0, channel - 1, row - 1, column - 1)
        assert isinstance(third, BasicBlock)
        assert float(third.residual(stream)[at]) == pytest.approx(branch, abs=0.006)
        assert float(stream[at]) == pytest.approx(x, abs=0.006)


def test_pointing_shows_channels_and_leaving_hides_them(open_stream):
    page = open_stream()
    page.locator(".tile.sum").nth(6).hover()
    title = text("stream.channels", n=7, part="ReLU(F(x) + x)", channels=64, size=7)
    expect(page.locator(".inspector").get_by_text(title)).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.locator(".inspector .hint")).to_be_visible()


SMALL = """[...document.querySelectorAll(".stream button")].map(one => {
  const box = one.getBoundingClientRect(), around = getComputedStyle(one, "::after");
  return Math.min(parseFloat(around.width) || box.width, parseFloat(around.height) || box.height);
}).filter(side => side < 24)"""


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1440, 1920])
def test_every_dress(open_stream, album, width, mode):
    page = open_stream(viewport={"width": width, "height": 900}, color_scheme=mode, has_touch=width < 1000)
    scissors(page, "shortcut", 5).click()
    page.locator(".tile.branch").nth(4).click()
    expect(page.locator(".arithmetic h3")).to_be_visible()
    page.mouse.move(1, 1)
    page.screenshot(path=album / f"stream-{width}-{mode}.png", full_page=True)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL) == []
    if width >= 1440:
        assert page.locator(".nets").bounding_box()["y"] + page.locator(".nets").bounding_box()["height"] < 900
    names = page.evaluate("""[...document.querySelectorAll(".stream button")].map(one =>
        one.getAttribute("aria-label") || one.textContent.trim())""")
    assert all(names) and len(set(names)) == len(names)


def test_it_speaks_chinese(open_stream):
    page = open_stream("?lang=zh")
    seen = page.locator("body").inner_text()
    for key in ("title", "mend", "knows", "twin", "digits"):
        assert text(f"stream.{key}", "zh") in seen
    assert text("labels.Ankle boot", "zh") in verdicts(page)
    assert not re.search(r"\{\w+\}|undefined|NaN", seen)


def test_nets_that_do_not_come_are_told_of(browser):
    page = browser.new_page()
    page.route("**/nets/**", lambda route: route.abort())
    with serving(WEB, {"/": stream_page().encode()}) as at:
        page.goto(at)
        expect(page.get_by_role("alert")).to_have_text(text("stream.failed"))
    page.close()


LISTEN = """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.asked = [];
navigator.mediaDevices.getUserMedia = async (...what) => {
  const stream = await ask(...what);
  window.asked.push(stream);
  return stream;
};"""


def test_the_camera_runs_live_and_stops_when_told(browser, preview):
    """Chromium's own moving test picture; nothing is asked of the camera before the click."""
    fakes = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    filmed = browser.browser_type.launch(executable_path=chromium(), args=FLAGS + fakes)
    page = filmed.new_page()
    page.add_init_script(LISTEN)
    page.goto(preview)
    before = tiles(page, "net-block .x")
    assert page.evaluate("asked.length") == 0
    page.get_by_role("button", name=text("stream.camera")).click()
    page.get_by_role("button", name=text("stream.take")).click()
    expect(page.get_by_role("button", name=text("stream.camera"))).to_be_visible()
    assert page.evaluate("asked[0].getTracks().map(track => track.readyState)") == ["ended"]
    held = tiles(page, "net-block .x")
    page.wait_for_timeout(300)
    assert held != before and tiles(page, "net-block .x") == held
    filmed.close()


def test_it_stands_in_the_page(visit, album):
    """Behind the page's own wall, which serves its files as it serves the photographs."""
    page = visit().open("tab=start")
    expect(page.locator(".verdict b").first).to_have_text("Ankle boot")
    scissors(page, "shortcut", 5).click()
    expect(page.locator(".verdict b").first).to_have_text("Sneaker")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    width, tile, icon = (page.locator(part).nth(4).bounding_box()["width"]
                         for part in (".net-block", ".net-block .tile canvas", ".scissors svg"))
    assert tile / width == pytest.approx(54 / 112, abs=0.01) and icon > 12  # no style of Gradio's reaches in
    page.screenshot(path=album / "stream-page.png", full_page=True)


# Digits, Classify, and an address of its own ---------------------------------------------------------


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """A line of the pen through shares of the picture's breadth and height."""
    box = page.locator(".drawing").bounding_box()
    (x, y), *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=5)
    page.mouse.up()


def test_digits_are_drawn_and_known(open_stream):
    page = open_stream()
    page.get_by_role("button", name=text("stream.digits"), exact=True).click()
    expect(page.get_by_text(text("stream.knows_digits"))).to_be_visible()
    settle(page)
    first = load_split("pen_digits", "test").labels[DIGITS.items[0]]
    assert verdicts(page) == [str(int(first))] * 2
    source = page.locator(".source").inner_text()
    for name in DIGITS.nets:
        for part in ("drawn", "scanned"):
            assert f"{100 * load(name).info.results[part]['accuracy']:.2f} %" in source
    drawings = {"1": [[(0.5, 0.12), (0.5, 0.88)]], "7": [[(0.25, 0.15), (0.72, 0.15), (0.42, 0.88)]],
                "4": [[(0.4, 0.12), (0.25, 0.55), (0.8, 0.55)], [(0.62, 0.3), (0.62, 0.9)]]}
    for digit, strokes in drawings.items():
        page.get_by_role("button", name=text("stream.clear")).click()
        for points in strokes:
            stroke(page, *points)
        assert verdicts(page)[0] == digit
    page.get_by_role("button", name=text("stream.clothes"), exact=True).click()
    settle(page)
    assert verdicts(page) == ["Ankle boot", "Ankle boot"]


def test_it_runs_what_classify_was_shown_and_stands_alone(visit):
    there = visit()
    page = there.open("tab=classify")
    shown = page.locator("#answer .stream .verdict b")
    expect(shown).to_have_text(["Ankle boot"] * 2)
    assert page.locator("#answer .stream").bounding_box()["y"] < page.locator("#forming").bounding_box()["y"]
    page.locator('#examples [data-example="bag"]').click()
    expect(shown).to_have_text(["Bag"] * 2)
    page.locator('#examples [data-example="cat"]').click()  # a net for photographs: nothing to cut
    expect(page.locator("#answer .stream")).to_have_count(0)
    page.locator('#examples [data-example="boot"]').click()
    expect(shown).to_have_text(["Ankle boot"] * 2)
    page.goto(f"{there.site}stream?lang=zh")
    expect(page.locator(".stream .verdict b").first).to_have_text(text("labels.Ankle boot", "zh"))
