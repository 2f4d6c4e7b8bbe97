"""What a browser loads of the page, and how long it takes: requests and bytes, tab by tab, at a first visit and at a
second; then seconds to the first figure, from an empty cache, and from a click in the map to its answer.

Each row is what opening that view adds to what the rows above it loaded. "sent" is what went over the wire,
headers and compression included; "unpacked" what the browser got out of it. Times are the browser's own: from the
start of the navigation, or from the click, to the frame that shows the figure; the first of each is not counted.

    python -m benchmarks.page_weight [--list] [--times N]    --list names every request of the first visit
"""

import argparse
import statistics
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from resnet.ui.compare.story import PANELS
from resnet.util.text import text
from tests.running import FLAGS, chromium, running

PATIENCE = 60_000  # ms
DRAWN = {"trace": "#trace .map svg", "compare": "#curves .js-line", "classify": "#answer .bars"}
# What is timed -> (the view, what must show, seconds that it should take at most).
FIRST = {"first map": ("tab=trace", "#trace .map svg", 1.5),
         "first Compare figure": ("tab=compare", "#curves .js-line, #curves .trace", 2.0)}
CLICK = 0.2  # seconds, from a click in the map to the block that it opens
WINDOW = {"viewport": {"width": 1440, "height": 900}, "locale": "en-US"}
# Milliseconds of the page's clock at the frame that first shows what a selector means.
WATCH = """selector => {
  const look = () => {
    const found = [...document.querySelectorAll(selector)].some((one) => one.getClientRects().length);
    if (found) requestAnimationFrame(() => { window.shownAt = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
}"""
CLICKED = """block => new Promise((done, failed) => {
  const started = performance.now();
  setTimeout(() => failed(new Error(block)), 60_000);
  document.querySelector(`#trace .map [data-block="${block}"]`)
    .dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const look = () => document.querySelector(`#trace .map .open[data-block="${block}"]`)
    ? requestAnimationFrame(() => done(performance.now() - started)) : requestAnimationFrame(look);
  look();
})"""


@dataclass
class Request:
    url: str
    sent: int = 0
    unpacked: int = 0
    cached: bool = False


class Ledger:
    """Every request of a page, as the browser's network log tells it."""

    def __init__(self, page: Page):
        self.requests: dict[str, Request] = {}
        log = page.context.new_cdp_session(page)
        log.send("Network.enable")
        log.on("Network.requestWillBeSent", self._begin)
        log.on("Network.requestServedFromCache", lambda e: self._of(e, "cached", True))
        log.on("Network.dataReceived", lambda e: self._of(e, "unpacked", e["dataLength"]))
        log.on("Network.loadingFinished", lambda e: self._of(e, "sent", int(e["encodedDataLength"])))

    def _begin(self, event: dict) -> None:
        self.requests.setdefault(event["requestId"], Request(event["request"]["url"]))

    def _of(self, event: dict, field: str, value: int) -> None:
        if request := self.requests.get(event["requestId"]):
            setattr(request, field, getattr(request, field) + value)

    def take(self) -> list[Request]:
        """Those since the last time; data: and blob: addresses are no requests."""
        taken = [one for one in self.requests.values() if urlsplit(one.url).scheme.startswith("http")]
        self.requests.clear()
        return taken


def visit(context: BrowserContext, url: str) -> dict[str, list[Request]]:
    """A view -> what opening it loaded, one after the other."""
    page = context.new_page()
    ledger, loaded = Ledger(page), {}
    page.goto(url)
    for tab, figure in DRAWN.items():
        page.get_by_role("tab", name=text(f"{tab}.tab"), exact=True).click()
        expect(page.locator(figure).first).to_be_visible(timeout=PATIENCE)
        loaded[tab] = _settled(page, ledger)
        if tab == "compare":
            for panel in list(PANELS)[1:]:
                page.locator("#questions").get_by_text(text(f"compare.panels.{panel}"), exact=True).click()
                expect(page.locator(f"#panel-{panel} .source").first).to_be_visible(timeout=PATIENCE)
                loaded[f"  {panel}"] = _settled(page, ledger)
    page.close()
    return loaded


def _settled(page: Page, ledger: Ledger) -> list[Request]:
    page.wait_for_timeout(1_500)
    return ledger.take()


def seconds_to(browser: Browser, url: str, query: str, figure: str) -> float:
    """From asking for a view to seeing its figure, in a window that has nothing of the page yet."""
    context = browser.new_context(**WINDOW)
    page = context.new_page()
    page.add_init_script(f"({WATCH})({figure!r})")
    page.goto(f"{url}?{query}")
    page.wait_for_function("window.shownAt", timeout=PATIENCE)
    shown = page.evaluate("window.shownAt") / 1e3
    context.close()
    return shown


def click_seconds(browser: Browser, url: str, times: int) -> list[float]:
    """From clicks on blocks of the map, one after the other, to the map in which each is open."""
    context = browser.new_context(**WINDOW)
    page = context.new_page()
    page.goto(f"{url}?tab=trace&variant=resnet50")
    expect(page.locator("#trace .map .open")).to_be_visible(timeout=PATIENCE)
    blocks = page.locator("#trace .map .block:not(.open)").evaluate_all("all => all.map((one) => one.dataset.block)")
    taken = []
    for i in range(times):
        page.wait_for_timeout(1_000)  # a visitor looks at an answer before the next click
        taken.append(page.evaluate(CLICKED, blocks[i % len(blocks)]) / 1e3)
    context.close()
    return taken


def print_times(browser: Browser, url: str, times: int) -> None:
    """Medians and the slowest, beside what each should take."""
    found = {name: (limit, [seconds_to(browser, url, query, figure) for _ in range(times + 1)])
             for name, (query, figure, limit) in FIRST.items()}
    found["click in the map"] = CLICK, click_seconds(browser, url, times + 1)
    print(f"{f'seconds, n = {times}':22}{'median':>8}{'slowest':>9}{'at most':>9}")
    for name, (limit, (_, *taken)) in found.items():
        print(f"{name:22}{statistics.median(taken):8.2f}{max(taken):9.2f}{limit:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--times", type=int, default=7, help="how often each time is taken")
    args = parser.parse_args()
    with running() as app, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(**WINDOW)
        for title in ("first visit", "second visit"):
            loaded = visit(context, app.url)
            every = [request for requests in loaded.values() for request in requests]
            print(f"{title:16}{'requests':>10}{'sent kB':>10}{'unpacked kB':>13}")
            for view, requests in [*loaded.items(), ("all", every)]:
                print(f"{view:16}{len(requests):10}{sum(r.sent for r in requests) / 1e3:10,.0f}"
                      f"{sum(r.unpacked for r in requests) / 1e3:13,.0f}")
            print("other hosts:", {urlsplit(r.url).netloc for r in every} - {urlsplit(app.url).netloc} or "none")
            if args.list and title == "first visit":
                for request in sorted(every, key=lambda r: -r.sent):
                    print(f"{request.sent / 1e3:10,.1f} kB  {urlsplit(request.url).path[:90]}")
        print_times(browser, app.url, args.times)
        browser.close()


if __name__ == "__main__":
    main()
