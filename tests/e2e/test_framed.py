"""The page inside a frame of another site: as on a Space's page, or on a course's."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from resnet.util.text import text
from tests.e2e.conftest import PATIENCE


@pytest.fixture
def course(site):
    """The address of a page of another site that frames this one, and gives it no permission."""

    class Course(BaseHTTPRequestHandler):
        def do_GET(self):
            body = f'<!doctype html><iframe src="{site}" style="width: 1300px; height: 850px"></iframe>'.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Course) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"  # to a browser another site than 127.0.0.1
        server.shutdown()


@pytest.fixture
def framing(browser, course) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.set_default_timeout(PATIENCE)
    context.grant_permissions(["clipboard-read"], origin=course.rstrip("/"))
    page = context.new_page()
    page.goto(course)
    yield page
    context.close()


def test_every_tab_draws_in_a_frame_and_its_link_can_be_copied(framing, course, site):
    inside = framing.frame_locator("iframe")
    expect(inside.locator(".start svg")).to_be_visible()
    inside.get_by_role("tab", name=text("trace.tab"), exact=True).click()
    expect(inside.locator("#trace .map svg").first).to_be_visible()
    inside.get_by_role("tab", name=text("compare.tab"), exact=True).click()
    expect(inside.locator("#curves .js-line").first).to_be_visible()
    inside.get_by_role("tab", name=text("classify.tab"), exact=True).click()
    expect(inside.locator("#answer .bars")).to_be_visible()
    assert framing.url == course
    inside.locator("[data-take=copy]").click()
    expect(inside.locator("[data-take=copy]")).to_have_attribute("data-done", "yes")
    framing.bring_to_front()
    framing.locator("body").click(position={"x": 2, "y": 2})
    assert framing.evaluate("navigator.clipboard.readText()") == f"{site}?tab=classify"
