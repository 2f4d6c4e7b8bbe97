"""Every function of the page, called with anything: each answers, or refuses in a sentence.

Anyone who can load the page can call the functions that its own buttons call, so they are all public here.
"""

import asyncio
import json
import math
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import orjson
import pytest
from gradio.components import Dropdown, Image, Radio
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet.ui.wall.rules import Refused, check_json, rule_for
from tests.security.checks import EVERY_CHECK
from tests.ui.asking import asked

ODD = st.sampled_from([None, "", " ", "\0", "x" * 5_000, "<script>alert(1)</script>", "../../etc/passwd", "{name}",
                       "%s", "NaN", "1e400", "-0", "１２", "ﷺ" * 100, "a\nb", -1, 0, 0.5, 2**31, 2**63, 10**300,
                       -(10**300), math.nan, math.inf, -math.inf, True, False, [], {}, [[]], [None], {"path": None},
                       {"a": {"b": []}}, [1, "2", None], "owner/name@" + "r" * 300, "https://huggingface.co/../x",
                       "\u202egnp.exe"])
CLICKED = st.sampled_from([{"block": "layer2.0"}, {"field": "open", "value": "blocks"},
                           {"field": "example", "value": "bag"}])
ANYTHING = ODD | st.text(max_size=30) | st.integers() | st.floats() | st.lists(st.text(max_size=5), max_size=3)
SENTENCE = re.compile(r"[^<>\n]{8,400}[.。?]", re.S)
INTERNAL = re.compile(r'Traceback|File \\?"/|\.py\\?", line|/site-packages/|object at 0x')


@pytest.fixture(scope="module")
def demo(served):
    return served[0]


def honest(block) -> st.SearchStrategy:
    """What the page sends for a component."""
    values = [None if callable(block.value) or isinstance(block.value, dict) else block.value]
    if isinstance(block, (Dropdown, Radio)):
        values += [value for _, value in block.choices]
    return st.sampled_from(values)


@st.composite
def calls(draw, functions: list) -> tuple:
    """(function, values, event data): what the page would send, with up to two values that it would not."""
    function = draw(st.sampled_from(functions))
    values = [draw(honest(block)) for block in function.inputs]
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2])) if values else 0):
        values[draw(st.integers(0, len(values) - 1))] = draw(ANYTHING)
    keys = st.sampled_from(["field", "value", "index", "block", "example", "path", "name", "size"])
    event = draw(st.none() | CLICKED | st.dictionaries(keys, ANYTHING, max_size=4) | ANYTHING)
    return function, values, event


async def called(demo, function, values: list, event: object):
    """The answer as it would be sent, and all the steps of a generator."""
    request = asked("lang=en")
    target = demo.blocks.get(function.targets[0][0]) if function.targets else None
    data = gr.EventData(target, event)
    answers, iterator = [], None
    for _ in range(3):
        answer = await demo.process_api(function, values, request=request, event_data=data, iterator=iterator)
        answers.append(answer["data"])
        iterator = answer.get("iterator")
        if not answer.get("is_generating"):
            return answers
    assert iterator is not None
    await iterator.aclose()
    return answers


def passes_the_door(demo, function, values: list, event: object) -> bool:
    body = json.dumps({"fn_index": function._id, "data": values, "event_data": event, "session_hash": "a"}).encode()
    path = "/gradio_api/queue/join"
    try:
        check_json(rule_for("POST", path, b""), path, body, demo)
    except Refused:
        return False
    return True


def functions_of(demo) -> list:
    """One of each: the same handler with the same inputs stands behind many events."""
    found = {(fn.fn, tuple(block._id for block in fn.inputs)): fn for fn in demo.fns.values() if fn.fn is not None}
    return list(found.values())


@pytest.mark.slow
def test_every_function_answers_or_refuses_in_a_sentence(demo, hub_is_away):
    told = Counter()
    functions = functions_of(demo)
    assert len(functions) > 10

    @settings(max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=EVERY_CHECK)
    @given(calls(functions))
    def one(call):
        if not passes_the_door(demo, *call):
            told["stopped at the door"] += 1
            return
        try:
            answers = aside.submit(asyncio.run, called(demo, *call)).result()
        except gr.Error as error:
            told["refused"] += 1
            assert SENTENCE.fullmatch(error.message) and not INTERNAL.search(error.message), error.message
            return
        sent = orjson.dumps(answers, default=str, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        assert not INTERNAL.search(sent), sent[:500]
        assert "Something went wrong on our side" not in sent
        told["refused" if 'role=\\"alert\\"' in sent else "answered"] += 1

    with ThreadPoolExecutor(1) as aside:  # the browser of other tests keeps a loop running in this thread
        one()
    assert sum(told.values()) >= 120 and told["refused"], told
    assert told["answered"] > sum(told.values()) / 3, told


def test_gradio_decodes_no_picture(demo):
    """Pillow's JPEG decoder has a known heap overflow; torchvision's is used, by resnet.inference.picture."""
    assert any(isinstance(block, Image) for block in demo.blocks.values())
    for function in demo.fns.values():
        assert not function.preprocess, function.name
