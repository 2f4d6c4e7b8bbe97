import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from resnet.ui.page.head import SCRIPT, HeadScript

PAGE = "<!doctype html><html><head><title>页</title></head><body><head></body></html>"


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
    return TestClient(Starlette(routes=routes, middleware=[Middleware(HeadScript)]))


@pytest.mark.parametrize("path", ["/", "/?lang=zh", "/parts/"])
def test_the_script_comes_first_in_the_head(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.text == PAGE.replace("<head>", f"<head><script>{SCRIPT}</script>", 1)


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
