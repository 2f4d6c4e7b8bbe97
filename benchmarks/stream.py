"""The residual stream in a headless Chromium: from a stroke of the pen, and from a cut, to the frame that shows it.

A stroke runs both nets whole; a cut runs the blocks behind it. "computed" is the nets' own time, the two workers side
by side; "shown" goes from the event to the end of the frame that holds the answer. The bytes are those that this part
of the page fetches.

    python -m benchmarks.stream [--rounds 60]
"""

import argparse
import statistics

import torch
from playwright.sync_api import Page, sync_playwright

from resnet.training.experiment import hardware
from resnet.ui.stream.part import WEB, stream_page
from tests.running import FLAGS, chromium
from tests.webserver import serving

MEASURE = """async ([kind, rounds]) => {
  const stream = await window.stream, times = [];
  const settled = async () => { while (stream.running) await stream.running; };
  const drawing = document.querySelector(".drawing"), box = drawing.getBoundingClientRect();
  const pen = (name, x, y, buttons) => drawing.dispatchEvent(new PointerEvent(name, { pointerId: 1, buttons,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
  drawing.setPointerCapture = () => {};
  const acts = {
    stroke: (i) => pen("pointermove", 0.1 + 0.8 * (i * 7 % 60) / 60, 0.2 + 0.6 * (i * 11 % 60) / 60, 1),
    cut: (i) => document.querySelectorAll(".scissors")[i % 18].click(),
  };
  pen("pointerdown", 0.5, 0.5, 1);
  await settled();
  for (let i = -10; i < rounds; i++) {
    const shown = new Promise((done) => stream.root.addEventListener("drawn", ({ detail }) =>
      requestAnimationFrame(() => setTimeout(() => done([performance.now(), detail]))), { once: true }));
    const started = performance.now();
    acts[kind](i + 20);
    const [ended, computed] = await shown;
    if (i >= 0) times.push([ended - started, Math.max(...computed)]);
    await settled();
  }
  return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Frame times and bytes of the residual stream.")
    parser.add_argument("--rounds", type=int, default=60)
    args = parser.parse_args()
    with serving(WEB, {"/": stream_page().encode()}) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        print(f"{hardware(torch.device('cpu'))}; Chromium {browser.version}; {args.rounds} rounds; ms")
        print(f"{'':10}{'shown':>10}{'p95':>8}{'computed':>12}{'p95':>8}")
        for kind in ("stroke", "cut"):
            print(f"{kind:10}" + row(page, kind, args.rounds))
        browser.close()
    for name, size in sizes().items():
        print(f"{size:>10,} bytes  {name}")


def row(page: Page, kind: str, rounds: int) -> str:
    """Median and 95th percentile of what was seen, then of what was computed."""
    shown, computed = zip(*page.evaluate(MEASURE, [kind, rounds]), strict=True)
    return (f"{statistics.median(shown):10.1f}{percentile(shown, 95):8.1f}"
            f"{statistics.median(computed):12.1f}{percentile(computed, 95):8.1f}")


def percentile(values: tuple[float, ...], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1]


def sizes() -> dict[str, int]:
    """Bytes by kind of file, as they lie on the disk."""
    files = [file for file in WEB.rglob("*") if file.is_file()]
    kinds = {"scripts": "*.js", "style": "*.css"}
    found = {kind: sum(file.stat().st_size for file in files if file.match(pattern)) for kind, pattern in kinds.items()}
    return found | {file.relative_to(WEB).as_posix(): file.stat().st_size for file in files
                    if file.suffix == ".safetensors"}


if __name__ == "__main__":
    main()
