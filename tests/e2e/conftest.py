"""The app as a user starts it, and a browser in front of it."""

import os
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from resnet.ui.trace.view import TraceView
from resnet.util.fields import hints
from tests.running import FLAGS, chromium, running

PATIENCE = 60_000  # ms: a busy machine is no failure
DRAWN = {"start": ".start svg", "trace": "#trace .figures", "compare": ".panel-result .source",
         "classify": "#answer .bars"}
LEAVING = ("AbortError", "Connection errored out")  # Gradio's answers that a page was left before they came
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The address of a page that `python app.py` serves."""
    with running(log=tmp_path_factory.mktemp("app") / "log.txt") as app:
        yield app.url


@pytest.fixture(scope="session")
def browser() -> Browser:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A browser window, watched: what its pages say on the console and whom they ask."""

    def __init__(self, browser: Browser, site: str, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-US"} | options)
        self.context.set_default_timeout(PATIENCE)
        self.site, self.problems, self.strangers = site, [], []
        self.page = self.tab()

    def tab(self) -> Page:
        """One more tab of the same window."""
        page = self.context.new_page()
        page.on("console", lambda message: message.type == "error" and self._note(message.text))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", self._watch)
        return page

    def leave(self) -> list[str]:
        """What was wrong until now; then an empty page in a single tab, for who comes next."""
        wrong = [*self.problems, *(f"asked {url}" for url in self.strangers)]
        for page in self.context.pages[1:]:
            page.close()
        self.page.goto("about:blank")
        self.context.clear_permissions()
        self.problems.clear()
        self.strangers.clear()
        return wrong

    def _note(self, problem: str) -> None:
        if not any(words in problem for words in LEAVING):
            self.problems.append(problem)

    def _watch(self, request) -> None:
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.strangers.append(request.url)

    def open(self, query: str = "", page: Page | None = None) -> Page:
        """The page at ?query, drawn."""
        page = page or self.page
        page.goto(self.site + ("?" + query if query else ""))
        given = parse_qs(query)
        tab = given.get("tab", ["trace" if given.keys() & hints(TraceView).keys() else "start"])[0]
        settled(page, tab if tab in DRAWN else "start")
        return page


FADED = """Promise.all(document.getAnimations().filter((one) => one instanceof CSSTransition)
    .map((one) => one.finished.catch(() => 0)))"""


def settled(page: Page, tab: str) -> None:
    """Until `tab` is open and has drawn its main figure, or says why it cannot, no answer is on its way, and what
    came has faded in."""
    expect(page.locator(f'#tabs [role=tab][data-tab-id="{tab}"]')).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"{DRAWN[tab]}:visible, .message:visible").first).to_be_visible()
    expect(page.locator(".progress-text:visible, .generating:visible, .pending:visible, "
                        ".panel-result .empty:visible")).to_have_count(0)
    page.evaluate(FADED)


@pytest.fixture(scope="session")
def windows() -> dict[str, Visit]:
    """By their options; open from test to test, for where a page was before, the next comes in half the time."""
    opened = {}
    yield opened
    for one in opened.values():
        one.context.close()


@pytest.fixture
def visit(browser, site, windows):
    """visit(viewport=..., locale=...) is a window; at the end none may have complained or asked another host."""
    visits = {}

    def begin(**options) -> Visit:
        key = repr(sorted(options.items()))
        windows[key] = visits[key] = windows.get(key) or Visit(browser, site, **options)
        return visits[key]

    yield begin
    assert [wrong for one in visits.values() for wrong in one.leave()] == []


@pytest.fixture
def page(visit) -> Page:
    return visit().page


@pytest.fixture(scope="session")
def album(tmp_path_factory) -> Path:
    """Where screenshots go: $SCREENSHOTS, or a temporary folder."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
