"""The residual stream: what the browser computes is what torch computes, and what one sees follows each cut."""

import pytest
import torch
from safetensors.torch import load_file, save

from resnet.data import load_samples, normalise
from resnet.hub.load import load
from resnet.ui.stream.part import NETS, WEB, net_file
from tests.webnet import as_written, edited
from tests.webserver import serving

N, BLOCKS = 200, 9
WHOLE = {"order": list(range(BLOCKS)), "shortcut": [True] * BLOCKS, "branch": [True] * BLOCKS, "scale": 1.0}


def cut(part: str, *blocks: int) -> dict:
    return WHOLE | {part: [i not in blocks for i in range(BLOCKS)]}


EDITS = [WHOLE, *(cut("shortcut", i) for i in range(BLOCKS)), *(cut("branch", i) for i in range(BLOCKS)),
         cut("shortcut", 1, 4, 7), cut("branch", 2, 5), WHOLE | {"scale": 0.35}, WHOLE | {"scale": 0.0},
         WHOLE | {"order": [2, 0, 1, 3, 5, 4, 6, 8, 7]},
         cut("branch", 8) | {"order": [1, 0, 2, 3, 4, 5, 6, 8, 7], "scale": 0.6}]

RUN = """async ([address, edits, turns]) => {
  const { runner } = await import("/runner.js");
  const { readSafetensors } = await import("/safetensors.js");
  const { images } = readSafetensors(await (await fetch("/items.safetensors")).arrayBuffer()).tensors;
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
def items() -> torch.Tensor:
    """Test items, uint8 [200, 1, 28, 28]."""
    return load_samples("fashion_mnist", "test").first(N).images.contiguous()


@pytest.fixture(scope="module")
def address(items) -> str:
    pages = {"/": b"<!doctype html><title>nets</title>", "/items.safetensors": save({"images": items})}
    with serving(WEB, pages) as at:
        yield at


@pytest.mark.parametrize("name", NETS)
def test_logits_are_those_of_torch(browser, address, items, name):
    """200 items, whole and with every single wire cut, in a worker under the page's content security policy."""
    page = browser.new_page()
    page.goto(address)
    found = torch.tensor(page.evaluate(RUN, [f"/{net_file(name).relative_to(WEB)}", EDITS, TURNS]))
    page.close()
    info, samples = load(name).info, load_samples("fashion_mnist", "test")
    net, inputs = as_written(load_file(net_file(name)), info.architecture), normalise(items, samples.spec)
    whole, unmoved = edited(net, inputs, WHOLE), set()
    turns = torch.tensor([(item, k) for item, turn in enumerate(TURNS) for k in turn])
    for k, edit in enumerate(EDITS):
        rows = turns[:, 1] == k
        of, logits = turns[rows, 0], found[rows]
        assert (logits - edited(net, inputs[of], edit)).abs().max() < 1e-3, edit
        if (logits - whole[of]).abs().max() < 0.1:
            unmoved.add(k)
    without = {k for k, edit in enumerate(EDITS) if not all(edit["shortcut"])} if info.architecture.plain else set()
    assert unmoved == {0} | without  # every cut tells, but a plain net has no shortcut to lose
