"""What a browser loads of the page: requests and bytes, tab by tab, at a first visit and at a second.

Each row is what opening that view adds to what the rows above it loaded. "sent" is what went over the wire,
headers and compression included; "unpacked" what the browser got out of it.

    python -m benchmarks.page_weight [--list]    --list names every request of the first visit
"""

import argparse
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from resnet.ui.compare.story import PANELS
from resnet.util.text import text
from tests.running import FLAGS, chromium, running

PATIENCE = 60_000  # ms
DRAWN = {"trace": "#trace .map svg", "compare": "#curves .js-line", "classify": "#answer .bars"}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    with running() as app, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
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
        browser.close()


if __name__ == "__main__":
    main()
