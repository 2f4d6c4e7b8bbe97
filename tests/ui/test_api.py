"""The running page through gradio_client and plain HTTP, as a program would use it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError

from resnet import classify
from resnet.tracing.trace import trace
from resnet.training.runs import recorded, tidy
from resnet.util.text import text
from tests.pictures import encode, gradient, noise

MODEL = "resnet20_fashion_mnist"


@pytest.fixture(scope="session")
def client(url):
    return Client(url, verbose=False)


@pytest.fixture
def picture(tmp_path):
    """Writes bytes to a file on the client's side and returns what to send."""

    def write(data: bytes, name: str = "picture.png") -> dict:
        (tmp_path / name).write_bytes(data)
        return handle_file(tmp_path / name)

    return write


def posted(url: str, end_point: str, *data) -> tuple[str, dict]:
    """One call without gradio_client, which would upload local files: (event, answer)."""
    call = f"{url}gradio_api/call/{end_point}"
    sent = httpx.post(call, json={"data": data}, timeout=60)
    lines = httpx.get(f"{call}/{sent.json()['event_id']}", timeout=60).text.strip().splitlines()
    event, answer = lines[-2:]
    return event.removeprefix("event: "), json.loads(answer.removeprefix("data: "))


def parameters(client: Client) -> dict[str, list[tuple[str, str]]]:
    """end point -> its parameters' (name, type), from what the page tells of itself."""
    told: Any = client.view_api(return_format="dict", print_info=False)
    assert told["unnamed_endpoints"] == {}
    return {name: [(p["parameter_name"], p["python_type"]["type"]) for p in end_point["parameters"]]
            for name, end_point in told["named_endpoints"].items()}


def refused(client: Client, end_point: str, *values, **named) -> str:
    with pytest.raises(AppError) as caught:
        client.predict(*values, api_name=end_point, **named)
    return str(caught.value)


def test_three_end_points_with_names_and_types(client):
    told = parameters(client)
    assert set(told) == {"/trace", "/compare", "/classify"}
    assert told["/trace"] == [("variant", "str"), *((name, "None | int") for name in ("height", "width", "classes"))]
    assert told["/compare"][:1] == [("data", "str")]
    assert told["/classify"][:3] == [("image", "filepath"), ("model", "str"), ("top_k", "int")]


def test_handlers_of_the_page_are_not_offered(client):
    for name in ("show_trace", "show_degradation", "show_classify", "open_link", "choose_variant"):
        with pytest.raises(ValueError, match="api_name"):
            client.predict(api_name=f"/{name}")


def test_trace(client):
    answer = client.predict(variant="resnet18", height=64, width=96, classes=7, api_name="/trace")
    assert answer == json.loads(json.dumps(trace("resnet18", size=(64, 96), classes=7).to_dict()))
    assert client.predict(api_name="/trace")["params"] == 25_557_032


def test_what_is_left_out_is_the_checkpoints_own(client):
    answer = client.predict(variant="resnet20_cifar10", api_name="/trace")
    assert (answer["params"], answer["input"]) == (269_722, [1, 3, 32, 32])
    assert answer["reference"] == "resnet20_cifar10" and answer["recognised"]["variant"] == "resnet20_cifar"


def test_compare(client):
    rows = client.predict(data="fashion_mnist", api_name="/compare")
    assert rows == tidy([run for run in recorded() if run.info.data == "fashion_mnist"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_classify(client, picture, kind):
    data = encode(gradient(), kind)
    name = f"mine.{kind.lower()}"
    answer = client.predict(image=picture(data, name), model=MODEL, top_k=3, api_name="/classify")
    assert answer["image"] == name and answer["model"] == MODEL
    assert [(p["label"], pytest.approx(p["probability"], rel=1e-4)) for p in answer["predictions"]] == \
        [(p.label, p.probability) for p in classify(data, model=MODEL, top_k=3).predictions]


@pytest.mark.parametrize("named, key, values", [
    ({"variant": "resnet51"}, "unknown_variant", {"name": "resnet51", "near": "resnet50"}),
    ({"height": 1, "width": 1}, "one_pixel", {}),
    ({"height": 100000, "width": 100000}, "range", {"field": "input_size", "limit": "8,192", "value": "100000"}),
    ({"classes": 0}, "range", {"field": "classes", "limit": "100,000", "value": "0"}),
    ({"classes": ""}, "number_empty", {"field": "classes"}),
    ({"height": 1.5}, "whole_number", {"field": "height", "value": "1.5"}),
    ({"height": "NaN"}, "whole_number", {"field": "height", "value": "NaN"}),
    ({"variant": 5}, "link_value", {"field": "variant", "value": "5"}),
])
def test_trace_refuses_in_its_own_sentence(client, named, key, values):
    field = text(f"fields.{values.pop('field')}") if "field" in values else ""
    assert refused(client, "/trace", **named) == text(f"errors.{key}", field=field, **values)


@pytest.mark.parametrize("data", ["imagenet", "", 5, None, ["a"], "x" * 500])
def test_compare_refuses_in_a_sentence(client, data):
    sentence = refused(client, "/compare", data)
    assert sentence.startswith(("There is no data set", "The data set cannot be")) and len(sentence) < 200


@pytest.mark.parametrize("data, key", [(b"words, renamed", "picture_kind"), (b"", "picture_empty"),
                                       (encode(noise())[:300], "picture_damaged")], ids=["text", "empty", "cut"])
def test_classify_refuses_what_is_no_picture(client, picture, data, key):
    assert refused(client, "/classify", picture(data)) == text(f"errors.{key}")


@pytest.mark.parametrize("named, part", [
    ({"model": "/etc"}, "is no model on the Hub"), ({"model": f"../weights/{MODEL}"}, "is no model on the Hub"),
    ({"top_k": 0}, "between 1 and"), ({"top_k": None}, "empty"),
])
def test_classify_refuses_other_models_and_counts(client, picture, named, part):
    assert part in refused(client, "/classify", picture(encode(noise())), **named)


@pytest.mark.parametrize("image", [None, 5, "/etc/passwd", [], "data:image/png;base64,AA"], ids=str)
def test_an_image_that_was_not_uploaded_is_no_picture(url, image):
    """Records of files that were not uploaded get no further than the door: tests/security/test_firewall.py."""
    event, answer = posted(url, "classify", image, MODEL, 5)
    assert event == "error" and answer["error"] == text("errors.picture_empty")


def test_gradios_client_tells_why_it_must_fetch_an_address_itself(client):
    """handle_file leaves an address as it is, and the page reads none."""
    for address in ("https://example.com/cat.jpg", "http://127.0.0.1:1/x.png"):
        with pytest.raises(ValidationError) as caught:
            client.predict(image=handle_file(address), model=MODEL, api_name="/classify")
        assert str(caught.value).endswith(f"file: {text('errors.not_uploaded')}")


def test_an_unexpected_failure_tells_no_internals(client, monkeypatch):
    def broken(*values, **named):
        raise RuntimeError("secret /srv/path")

    monkeypatch.setattr("resnet.ui.trace.api.traced", broken)
    sentence = refused(client, "/trace")
    assert sentence.startswith("Something went wrong on our side") and "secret" not in sentence


def test_two_clients_at_once_get_their_own_answers(url):
    def ask(classes: int) -> list[int]:
        mine = Client(url, verbose=False)
        return [len_of(mine.predict(variant="resnet18", classes=classes, api_name="/trace")) for _ in range(3)]

    def len_of(answer: dict) -> int:
        return answer["layers"][-1]["output"][-1]

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(ask, [3, 30])) == [[3] * 3, [30] * 3]


def test_the_page_carries_its_script_and_the_server_shares_no_files(url):
    for encoding in ("identity", "gzip", "br"):
        page = httpx.get(url, headers={"accept-encoding": encoding})
        assert page.status_code == 200 and page.text.count("showInAddressBar = ") == 1
    for file in ("/etc/passwd", "app.py", "weights/resnet20_fashion_mnist/config.json"):
        assert httpx.get(f"{url}gradio_api/file={file}").status_code in (403, 404)
    for switched_off in ("docs", "openapi.json", "monitoring"):
        assert httpx.get(f"{url}{switched_off}").status_code in (403, 404), switched_off
