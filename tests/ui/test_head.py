import gzip
import re
from html.parser import HTMLParser

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from resnet.ui.page.build import VIEWS
from resnet.ui.page.head import SCRIPT, TITLE, Compressed, Head, script_json

PAGE = ('<!doctype html><html lang="en"><head><meta charset="utf-8" /><meta property="og:title" content="Gradio" />'
        '<meta property="og:url" content="{url}" /><meta\n\tname="twitter:image"\n\tcontent="" /></head>'
        f"<body><head><script>window.gradio_config = {{\"title\":{script_json(TITLE)},\"other\":\"页\"}};</script>"
        "</body></html>")


class Cards(HTMLParser):
    """The title and the named tags of a page's head."""

    def __init__(self, page: str):
        super().__init__()
        self.title, self.told, self.inside = "", {}, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.inside = tag == "title"
        if name := found.get("property") or found.get("name"):
            assert name not in self.told, f"{name} twice"
            self.told[name] = found.get("content")

    def handle_data(self, data):
        if self.inside:
            self.title += data

    def handle_endtag(self, tag):
        self.inside = False


async def page(request):
    return HTMLResponse(PAGE, headers={"x-kept": "yes"})


async def in_parts(request):
    async def parts():
        for letter in PAGE:
            yield letter

    return StreamingResponse(parts(), media_type="text/html")


async def other(request):
    return PlainTextResponse(PAGE)


async def posted(request):
    return JSONResponse({"sent": (await request.body()).decode()})


@pytest.fixture
def client():
    routes = [Route("/", page, methods=["GET", "HEAD"]), Route("/", posted, methods=["POST"]),
              Route("/parts/", in_parts), Route("/other", other), Route("/file=x/index.html", other)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Compressed), Middleware(Head, views=VIEWS)]),
                      headers={"accept-encoding": "identity", "accept-language": "en"})


@pytest.mark.parametrize("path", ["/", "/?lang=zh", "/parts/"])
def test_the_script_comes_before_all_others_in_the_head(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    first = answer.text.index("<script>")
    assert answer.text[first:].startswith("<script>window.TITLES = {") and answer.text.count(SCRIPT) == 1
    assert answer.text.index(SCRIPT) < answer.text.index("<meta charset") and answer.text.endswith(PAGE[-30:])


def test_the_page_says_what_the_view_is_in_the_visitors_language(client):
    """Once, and not what Gradio says of itself."""
    english = Cards(client.get("/?tab=compare&panel=lesions&nets=56_cifar10").text)
    assert english.title.endswith(TITLE) and english.told["og:title"] in english.title
    assert english.told["og:url"] == "http://testserver/?tab=compare&panel=lesions&nets=56_cifar10"
    assert english.told["og:image"] == "http://testserver/shipped/page/cards/lesions-en.png"
    assert english.told["og:title"] != Cards(client.get("/?tab=compare&panel=orders").text).told["og:title"]
    page = client.get("/?tab=compare&panel=lesions&lang=zh").text
    chinese = Cards(page)
    assert page.startswith('<!doctype html><html lang="zh-CN">')
    assert re.search("[\u4e00-\u9fff]", chinese.title) and chinese.told["og:image"].endswith("lesions-zh.png")
    assert "{url}" not in english.told.values() and "Gradio" not in english.title


def test_gradio_is_given_the_same_title(client):
    page = client.get("/?scene=3").text
    assert f'{{"title":{script_json(Cards(page).title)},"other"' in page and f'"title":{script_json(TITLE)}' not in page


@pytest.mark.parametrize("word", ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a" * 3000,
                                  "&quot;>", "\u2028", "{net}", "{0}", "<!--"])
def test_a_links_words_stay_words(client, word):
    answer = client.get("/", params={"tab": "trace", "variant": word})
    assert answer.status_code == 200
    told = Cards(answer.text)
    assert set(told.told) == set(Cards(client.get("/").text).told) and len(told.title) < 200
    assert told.title.startswith(word[:40])
    head = answer.text[:answer.text.index("<meta charset")]
    assert head.count("<script") == head.count("</script") == 1 and "<img" not in head


def test_no_view_is_made_and_nobody_is_asked(client, monkeypatch):
    for view in VIEWS.values():
        monkeypatch.setattr(view, "__post_init__", lambda self: pytest.fail("a view was made"))
    assert client.get("/?tab=trace&variant=someone/secret&beside=other/one").status_code == 200
    assert client.get("/?tab=compare&panel=lesions&nets=nonsense").status_code == 200


def test_a_private_spaces_key_and_ones_own_looks_are_not_shared(client):
    told = Cards(client.get("/?__sign=secret&__theme=dark&present=1&embed=1&tab=trace").text).told
    assert told["og:url"] == "http://testserver/?tab=trace" and "secret" not in str(told)


@pytest.mark.parametrize("headers, base", [
    ({}, "http://testserver/"),
    ({"x-forwarded-proto": "https"}, "https://testserver/"),
    ({"x-forwarded-proto": "https, http", "x-forwarded-host": "me-net.hf.space, inside"}, "https://me-net.hf.space/"),
    ({"host": "[::1]:7860"}, "http://[::1]:7860/"),
    ({"x-forwarded-host": "evil.example/\"><b>"}, None), ({"x-forwarded-host": "me@evil.example"}, None),
    ({"x-forwarded-proto": "javascript"}, None), ({"host": "a b"}, None),
])
def test_the_address_is_absolute_and_nothing_but_one(client, headers, base):
    told = Cards(client.get("/?tab=trace", headers=headers).text).told
    assert told.get("og:url") == (base and f"{base}?tab=trace") and told["og:title"]
    assert ("og:image" in told) == (base is not None)


def test_a_space_is_believed_about_its_own_name(client, monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "me-net.hf.space")
    told = Cards(client.get("/", headers={"x-forwarded-host": "evil.example"}).text).told
    assert told["og:url"] == "https://me-net.hf.space/"


def test_what_names_whoever_asked_is_kept_by_nobody_between(client):
    assert client.get("/").headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path, shorter", [("/", True), ("/parts/", True), ("/other", False)])
def test_the_page_is_compressed_and_nothing_else(client, path, shorter):
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
        assert (answer.headers.get("content-encoding") == "gzip") == shorter
        assert int(answer.headers["content-length"]) == len(sent)
    whole = client.get(path).content
    assert (gzip.decompress(sent) if shorter else sent) == whole and len(sent) < len(whole) // 2 or not shorter


def test_the_length_is_that_of_the_new_page(client):
    answer = client.get("/")
    assert int(answer.headers["content-length"]) == len(answer.content) > len(PAGE.encode())
    assert len(answer.headers.get_list("content-length")) == 1 and answer.headers["x-kept"] == "yes"


@pytest.mark.parametrize("path", ["/other", "/file=x/index.html"])
def test_everything_else_passes_untouched(client, path):
    answer = client.get(path)
    assert answer.text == PAGE and int(answer.headers["content-length"]) == len(PAGE.encode())


def test_only_get_is_rewritten(client):
    assert client.post("/", content=PAGE).json() == {"sent": PAGE}
    head = client.head("/")
    assert head.content == b"" and int(head.headers["content-length"]) == len(PAGE.encode())


def test_a_missing_page_stays_missing(client):
    answer = client.get("/none/")
    assert answer.status_code == 404 and answer.text == "Not Found"


def test_the_script_cannot_end_its_own_element():
    assert "</script" not in SCRIPT.lower() and "<!--" not in SCRIPT
