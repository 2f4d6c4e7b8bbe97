import logging

import gradio as gr
import pytest

from resnet.ui.gradio_compat import sent
from resnet.ui.wall.guard import guarded_api, guarded_view, message_html, uploaded_file
from resnet.util.errors import InputError
from resnet.util.text import text
from tests.ui.asking import asked


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """Gradio's upload folder, with a file in it and one beside it."""
    folder = tmp_path / "uploads"
    (folder / "a1").mkdir(parents=True)
    (folder / "a1" / "mine.png").write_bytes(b"mine")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "uploads_of_another").mkdir()
    (tmp_path / "uploads_of_another" / "x.png").write_bytes(b"other")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def test_an_uploaded_file_is_found(uploads):
    path = uploads / "a1" / "mine.png"
    for record in ({"path": str(path)}, {"path": str(path), "orig_name": "../../x", "url": "http://example.com/"}):
        assert uploaded_file(record) == path.resolve()


@pytest.mark.parametrize("path", ["/etc/passwd", "secret.png", "../secret.png", "uploads/../secret.png", "/", "",
                                  "uploads_of_another/x.png", "uploads/a1/../../secret.png", "nul\0", "a" * 5000, "~"])
def test_other_files_are_refused(uploads, monkeypatch, path):
    monkeypatch.chdir(uploads.parent)
    with pytest.raises(InputError) as caught:
        uploaded_file({"path": path})
    assert caught.value.key == "picture_empty"


def test_a_link_out_of_the_folder_is_refused(uploads):
    for link, target in (("out.png", uploads.parent / "secret.png"), ("out", uploads.parent)):
        (uploads / link).symlink_to(target)
    for path in (uploads / "out.png", uploads / "out" / "secret.png"):
        assert path.exists()
        with pytest.raises(InputError):
            uploaded_file({"path": str(path)})


@pytest.mark.parametrize("record", [None, "", "/etc/passwd", [], {}, {"path": None}, {"url": "file:///etc/passwd"},
                                    {"path": 5}, {"path": ["/etc/passwd"]}, {"path": {"path": "x"}}], ids=str)
def test_a_record_without_a_path_is_no_picture(uploads, record):
    with pytest.raises(InputError) as caught:
        uploaded_file(record)
    assert caught.value.key == "picture_empty"


@guarded_view(outputs=2)
def shown(error, request=None):
    if error:
        raise error
    return "drawing", "tab=trace"


@guarded_view(outputs=1)
def shown_in_steps(error, request=None):
    yield ("first",)
    if error:
        raise error
    yield ("second",)


@guarded_api
def answered(error=None):
    if error:
        raise error
    return {"answer": 1}


def test_a_handler_that_succeeds_empties_the_message_line():
    assert shown(None, asked()) == ("", "drawing", "tab=trace")
    assert answered() == {"answer": 1}


@pytest.mark.parametrize("query, lang", [("", "en"), ("lang=zh", "zh")])
def test_bad_input_fills_the_line_in_the_visitors_language_and_leaves_the_rest(query, lang, caplog):
    message, *rest = shown(InputError("number_empty", field="height"), asked(query))
    assert message == message_html(text("errors.number_empty", lang, field=text("fields.height", lang)))
    assert rest == [gr.skip(), gr.skip()]
    assert not caplog.records


def test_the_apology_tells_a_reference_and_the_log_the_rest(caplog):
    secret = RuntimeError("/srv/token=abc123 failed in model.py")
    with caplog.at_level(logging.ERROR, logger="resnet"):
        message, *rest = shown(secret, asked("lang=zh"))
    record, = caplog.records
    reference = record.args[0]
    assert message == message_html(text("errors.ours", "zh", reference=reference))
    assert "abc123" not in message and "model.py" not in message and "RuntimeError" not in message
    assert record.exc_info[1] is secret and len(reference) == 8
    assert rest == [gr.skip(), gr.skip()]


def test_two_failures_have_two_references(caplog):
    assert shown(RuntimeError(), asked()) != shown(RuntimeError(), asked())


def test_the_api_tells_the_same_sentences(caplog):
    with pytest.raises(gr.Error) as caught:
        answered(InputError("one_pixel"))
    assert caught.value.message == text("errors.one_pixel")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert not caught.value.print_exception and not caplog.records
    with pytest.raises(gr.Error) as caught:
        answered(error=ZeroDivisionError("secret"))
    assert "secret" not in caught.value.message
    assert caught.value.message == text("errors.ours", reference=caplog.records[0].args[0])


def test_a_message_cannot_carry_html():
    assert "<script>" not in message_html("<script>alert(1)</script>") and message_html("") == ""


def test_a_generator_is_guarded_step_by_step():
    assert list(shown_in_steps(None, asked())) == [("", "first"), ("", "second")]
    first, second = shown_in_steps(InputError("one_pixel"), asked("lang=zh"))
    assert first == ("", "first") and second == (message_html(text("errors.one_pixel", "zh")), gr.skip())


@pytest.mark.parametrize("data, found", [({"block": "conv1"}, "conv1"), ({}, None), (None, None), ("block", None),
                                         (["block"], None), (7, None)])
def test_an_event_says_what_it_says_or_nothing(data, found):
    assert sent(gr.EventData(None, data), "block") == found


def test_quoted_text_stays_on_its_line_and_can_be_sent():
    told = str(InputError("unknown_variant", name="a\nb\0\u202e\ud800", near="resnet50"))
    assert told.isprintable() and told.encode() and told.count("\ufffd") == 4
