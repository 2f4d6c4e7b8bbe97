"""What a visitor teaches the page: in memory only, at the running page, and gone with the visitor."""

import base64
import io
import json
import time
import zipfile
from contextlib import contextmanager

import httpx
import pytest
from safetensors.torch import load as unpacked

from resnet.data import load_samples
from resnet.ui.gradio_compat import upload_folder
from resnet.ui.page.images import packed
from resnet.ui.teach import files
from resnet.ui.teach.lessons import lessons
from resnet.ui.teach.limits import A_FORM, ENCODED, FORM
from resnet.ui.teach.view import TeachView
from resnet.ui.wall.limits import MAX_JSON
from tests.security.visitors import PATIENCE, Visitor
from tests.ui.asking import held

VIEW = TeachView("resnet20_fashion_mnist")


class Teacher(Visitor):
    """A browser that teaches; it counts as there while its heartbeat is heard."""

    def does(self, name: str, **data: object) -> list:
        """One of the lesson's events -> what the page shows then."""
        body = {"fn_index": self.named(name), "data": held(VIEW), "event_data": data, "session_hash": self.session}
        joined = self.web.post("gradio_api/queue/join", json=body)
        assert joined.status_code == 200, joined.text
        return self.read()[-1]["output"]["data"]

    def teaches(self, *labels: int) -> str:
        """Three items of each class; the address of what can be downloaded."""
        self.does("show_lesson")
        split = load_samples("fashion_mnist", "train")
        for group, label in zip(list(lessons.of(self.session).classes), labels, strict=True):
            rows = (split.labels == label).nonzero().flatten()[:3].tolist()
            pictures = [{"name": "x", "data": base64.b64encode(packed(split.images[row])).decode()} for row in rows]
            _, _, result = self.does("change_lesson", group=group, pictures=pictures)[:3]
        assert "6 of 6 are correct" in result
        return f"taught/{lessons.of(self.session).key}"

    @contextmanager
    def there(self):
        with self.web.stream("GET", f"gradio_api/heartbeat/{self.session}") as beat:
            lines = beat.iter_lines()  # held: without it the connection ends
            next(lines)
            yield lines


@pytest.fixture
def teacher(url):
    with Teacher(url, "teacher") as found:
        yield found
    lessons.forget("teacher")


def gone(session: str) -> bool:
    deadline = time.monotonic() + PATIENCE
    while lessons.of(session).pictures and time.monotonic() < deadline:
        time.sleep(0.05)
    return not lessons.of(session).pictures


def test_nothing_is_left_of_a_visitor_who_leaves_and_no_file_ever_was(teacher):
    before = {file for file in upload_folder().rglob("*") if file.is_file()}
    with teacher.there():
        address = teacher.teaches(1, 8)
        assert teacher.web.get(f"{address}/head.safetensors").status_code == 200
        assert teacher.web.get(f"{address}/net.zip").status_code == 200
        assert {file for file in upload_folder().rglob("*") if file.is_file()} == before
    assert gone(teacher.session)
    over = teacher.web.get(f"{address}/net.zip")
    assert over.status_code == 404 and "nothing of it was kept" in over.json()["error"]
    assert lessons.by_key(address.rpartition("/")[2]) is None


def test_what_is_downloaded_is_the_lessons_own_head_and_net(teacher):
    address = teacher.teaches(1, 8)
    head = teacher.web.get(f"{address}/head.safetensors")
    assert head.headers["cache-control"] == "no-store" and "attachment" in head.headers["content-disposition"]
    assert head.headers["x-content-type-options"] == "nosniff"
    net = teacher.web.get(f"{address}/net.zip")
    with zipfile.ZipFile(io.BytesIO(net.content)) as archive:
        tensors = unpacked(archive.read("resnet20_fashion_mnist-taught/model.safetensors"))
        told = json.loads(archive.read("resnet20_fashion_mnist-taught/config.json"))
    assert told["labels"] == ["Class 1", "Class 2"]
    for name, tensor in unpacked(head.content).items():
        assert (tensors[name] == tensor).all()


def test_nets_are_packed_one_at_a_time(teacher, monkeypatch):
    address = teacher.teaches(1, 8)
    assert files._packing.acquire(blocking=False)
    try:
        busy = teacher.web.get(f"{address}/net.zip")
        assert busy.status_code == 503 and teacher.web.get(f"{address}/head.safetensors").status_code == 200
    finally:
        files._packing.release()
    assert teacher.web.get(f"{address}/net.zip").status_code == 200


@pytest.mark.parametrize("address", ["taught/none/net.zip", "taught/../net.zip", "taught/none/config.json", "taught/",
                                     f"taught/{'k' * 65}/net.zip", "taught/none/net.zip/"])
def test_nobody_elses_lesson_is_found(url, address):
    assert httpx.get(f"{url}{address}", timeout=PATIENCE).status_code == 404


def test_a_form_of_pictures_is_bounded_before_anything_is_decoded(teacher):
    teacher.does("show_lesson")
    (group, *_), picture = list(lessons.of(teacher.session).classes), {"name": "x", "data": "A" * ENCODED}
    assert FORM + A_FORM * 200 < MAX_JSON  # what the page sends at once, names and all
    body = {"fn_index": teacher.named("change_lesson"), "data": held(VIEW), "session_hash": teacher.session}
    large = teacher.web.post("gradio_api/queue/join", json=body | {
        "event_data": {"group": group, "pictures": [picture] * 2}})
    assert large.status_code == 413
    message, *_ = teacher.does("change_lesson", group=group, pictures=[{"name": "x", "data": "A"}] * (A_FORM + 1))
    assert "At most 12 pictures" in message and not lessons.of(teacher.session).pictures
