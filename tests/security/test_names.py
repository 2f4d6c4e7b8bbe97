"""Names, numbers and links of every kind: understood rightly or refused in a sentence, before anything is asked."""

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet.hub.ref import ModelRef, named_model
from resnet.ui.page.build import view_of
from resnet.ui.page.sharing import to_query
from resnet.ui.trace.view import TraceView
from resnet.util.errors import InputError
from resnet.util.fields import whole_number
from tests.security.checks import EVERY_CHECK

FAST = settings(max_examples=400, deadline=None, derandomize=True, database=None,
                suppress_health_check=EVERY_CHECK)
PART = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._]{0,20}[A-Za-z0-9])?", fullmatch=True)
SOUND = st.tuples(PART, PART).map("/".join).filter(lambda name: ".." not in name and name[-4:] not in (".git", "lock"))
HOSTILE = st.sampled_from(["..", "/", "\\", "\n", "\0", "@", "%2e%2e", "?x=1", "#", ":", "http://evil/", "--", ".git",
                           " ", "\u202e", "é", "%00", "//", "file:", "~", "$HOME", "a" * 300])


def sentence(error: InputError) -> str:
    told = str(error)
    assert 8 < len(told) < 400 and "\n" not in told and "\0" not in told and error.sentence("zh") != told
    return told


@pytest.mark.slow
@FAST
@given(SOUND, st.none() | st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,12}(/[a-z0-9]{1,8})?)?", fullmatch=True),
       st.booleans())
def test_a_sound_repository_is_understood(name, revision, address):
    asked = f"https://huggingface.co/{name}{f'/tree/{revision}' if revision else ''}" if address else \
        name + (f"@{revision}" if revision else "")
    if "--" in asked:
        return
    assert ModelRef.parse(asked) == ModelRef("hub", name, revision or "main")


@FAST
@given(SOUND, HOSTILE, st.integers(0, 40))
def test_a_hostile_repository_stays_within_its_address(name, odd, at):
    """Whatever is accepted is a plain owner/name and revision, so that no other path, host or file is reached."""
    asked = name[:at] + odd + name[at:]
    try:
        ref = ModelRef.parse(asked)
    except InputError as error:
        sentence(error)
    else:
        repository, revision = ref.repo, ref.revision
        allowed = set(string.ascii_letters + string.digits + "._-")
        assert repository.count("/") == 1 and set(repository) - {"/"} <= allowed and ".." not in asked
        assert set(revision) <= allowed | {"/"} and not revision.startswith("/") and len(asked) < 400


@settings(FAST, max_examples=200)
@given(st.text(max_size=400))
def test_any_text_is_a_repository_or_a_sentence(text):
    try:
        assert ModelRef.parse(text).repo in text
    except InputError as error:
        sentence(error)


@pytest.mark.parametrize("name", ["/etc/passwd", "./weights", "~/x", "weights", "a.safetensors", "C:\\x", "", "."])
def test_a_visitor_names_no_files_of_this_machine(name):
    with pytest.raises(InputError):
        ModelRef.parse(name)
    if "/" not in name:
        assert named_model(name) is None


@FAST
@given(st.integers(-(2**53), 2**53))
def test_every_whole_number_is_understood(number):
    assert whole_number("height", number) == number
    if len(str(number)) <= 12:
        assert whole_number("height", str(number)) == number
    assert whole_number("height", float(number)) == number


@FAST
@given(st.floats() | st.text(max_size=20) | st.none() | st.booleans() | st.integers(min_value=2**53 + 1)
       | st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(max_size=2), st.none(), max_size=1)
       | st.sampled_from(["1e999", "nan", "inf", "-inf", "0x10", "1_0", " 7 ", "٣", math.nan, 10**400]))
def test_anything_else_is_no_number_or_a_whole_one(value):
    try:
        number = whole_number("height", value)
    except InputError as error:
        sentence(error)
    else:
        assert type(number) is int and number == float(value)


FIELDS = {"height": st.integers(1, 300), "width": st.integers(1, 300), "classes": st.integers(1, 2000),
          "batch": st.integers(1, 64), "count": st.sampled_from(["macs", "flops"]),
          "fold": st.sampled_from(["runs", "stages", "blocks"]), "variant": st.sampled_from(["resnet18", "plain34"])}


@FAST
@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_a_link_opens_the_view_that_made_it(values):
    from urllib.parse import parse_qsl

    view = TraceView(**values)
    link = dict(parse_qsl(to_query("trace", view)))
    assert view_of(link, {"trace": TraceView}, "en") == ("trace", view, "")


@pytest.mark.slow
@FAST
@given(st.dictionaries(st.sampled_from([*TraceView.__dataclass_fields__, "tab", "panel", "lang", "x"]),
                       st.text(max_size=40) | st.sampled_from(["trace", "-1", "1e9", "NaN", "3,4", "x" * 300, "\0"]),
                       max_size=4).filter(lambda link: "/" not in link.get("variant", "")))
def test_any_link_opens_something_and_says_what_was_wrong(link):
    key, view, problem = view_of(link, {"trace": TraceView}, "en")
    assert key == "trace" and isinstance(view, TraceView)
    assert len(problem) < 400 and "\n" not in problem


def test_nothing_was_written_or_read_elsewhere(tmp_path, monkeypatch):
    """A hostile name leaves the cache folder as it was, and opens no file outside it."""
    from resnet.hub.load import load
    from tests.hub import StandInHub, pointed_at

    with StandInHub() as hub, pointed_at(hub, tmp_path / "cache"):
        for name in ("../../etc/passwd", "a/../../b", "owner/name@../../x", "owner/..", "a/b\n", "http://127.0.0.1:1/a/b"):
            with pytest.raises(InputError):
                load(name, trusted=False)
        assert hub.requests == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
