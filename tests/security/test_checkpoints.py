"""Headers of .safetensors files of every kind, as a stranger uploads them: read rightly or refused in a sentence."""

import json
import random
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open

from resnet.config import ResNetConfig
from resnet.hub.header import MAX_HEADER, read_one
from resnet.hub.infer import state_shapes
from resnet.hub.recognise import recognise_header
from resnet.ui.trace.upload import Beginning
from resnet.util.errors import InputError
from tests.checkpoints import table
from tests.security.checks import EVERY_CHECK

NAME = "a.safetensors"
FAST = settings(max_examples=250, deadline=None, derandomize=True, database=None,
                suppress_health_check=EVERY_CHECK)


def file_of(header: Any, room: int | None = None) -> tuple[bytes, int]:
    """(what the browser sends, the size of the file) of a header as JSON; the data are not there."""
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    entries = header.values() if room is None and isinstance(header, dict) else ()
    end = room or max((entry["data_offsets"][1] for entry in entries), default=0)
    return struct.pack("<Q", len(data)) + data, 8 + len(data) + end


def told(data: bytes, size: int):
    """The network that was recognised, or the sentence of the refusal."""
    try:
        return recognise_header(read_one(Beginning(data, size), NAME, NAME)).config
    except InputError as error:
        sentence = str(error)
        assert 8 < len(sentence) < 700 and "\n" not in sentence and "Traceback" not in sentence
        return sentence


CONFIGS = st.builds(
    ResNetConfig, block=st.sampled_from(["basic", "bottleneck"]),
    depths=st.lists(st.integers(1, 4), min_size=4, max_size=4).map(tuple), widths=st.just((64, 128, 256, 512)),
    classes=st.integers(2, 2000), in_channels=st.sampled_from([1, 3, 4]))


@pytest.mark.slow
@settings(FAST, max_examples=60)
@given(CONFIGS, st.sampled_from(["F32", "F16", "BF16"]), st.randoms())
def test_a_sound_file_tells_its_network(config, dtype, chance: random.Random):
    """Whatever the order of its entries."""
    entries = list(table(state_shapes(config), dtype).items())
    chance.shuffle(entries)
    found = told(*file_of(dict(entries)))
    assert not isinstance(found, str), found
    assert (found.block, found.depths, found.classes, found.in_channels) == (
        config.block, config.depths, config.classes, config.in_channels)


SOUND = table(state_shapes(ResNetConfig(block="basic", depths=(2, 2, 2, 2))))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=6)


@st.composite
def hurt(draw) -> tuple[bytes, int]:
    """A sound file with one thing wrong."""
    entries = {name: dict(entry) for name, entry in SOUND.items()}
    name = draw(st.sampled_from(list(entries)))
    what = draw(st.sampled_from(["entry", "dtype", "shape", "offsets", "gone", "more", "room", "renamed"]))
    size = file_of(SOUND)[1]
    if what == "entry":
        entries[name] = draw(JSON)
    elif what in ("dtype", "shape", "offsets"):
        entries[name]["data_offsets" if what == "offsets" else what] = draw(JSON)
    elif what == "gone":
        del entries[name]
    elif what == "renamed":
        entries[draw(st.text(max_size=300))] = entries.pop(name)
    elif what == "more":
        entries[draw(st.text(min_size=1, max_size=20))] = draw(JSON)
    data = json.dumps(entries).encode()
    size += 8 + len(data) - len(file_of(SOUND)[0])
    if what == "room":
        size += draw(st.integers(-9, 9).filter(bool))
    return struct.pack("<Q", len(data)) + data, size


@pytest.mark.slow
@FAST
@given(hurt())
def test_a_hurt_file_is_refused_in_a_sentence(tmp_path_factory, file):
    found = told(*file)
    assert isinstance(found, str) or found.depths == (2, 2, 2, 2)


@settings(FAST, max_examples=100)
@given(st.binary(max_size=200), st.integers(0, 2**63))
def test_noise_is_refused_in_a_sentence(data, size):
    assert isinstance(told(data, size), str)
    assert isinstance(told(struct.pack("<Q", len(data)) + data, 8 + len(data)), str)


@FAST
@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_file_changed_in_place_is_refused_or_read_as_safetensors_reads_it(tmp_path_factory, at, noise):
    """What the reference implementation refuses, we refuse: a flipped byte never opens a file that it would not."""
    small = {"conv1.weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
             "fc.bias": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}}
    data, size = file_of(small)
    whole = bytearray(data + bytes(12))
    place = at % len(data)
    whole[place:place + len(noise)] = noise[:len(data) - place]
    file = tmp_path_factory.getbasetemp() / "changed.safetensors"
    file.write_bytes(whole)
    try:
        with safe_open(file, "np") as opened:
            theirs = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        theirs = None
    try:
        ours = read_one(Beginning(bytes(whole), size), "a.safetensors", "a").shapes
    except InputError:
        return
    assert ours == theirs


def corpus() -> dict[str, tuple[bytes, int]]:
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    entry = b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    twice = b"{" + entry + b"," + entry + b"}"
    million = b"{" + b",".join(b'"%d":{"dtype":"F32","shape":[],"data_offsets":[%d,%d]}' % (i, 4 * i, 4 * i + 4)
                               for i in range(60_000)) + b"}"
    return {
        "empty": (b"", 0), "a length only": (struct.pack("<Q", 5), 8), "a pickle": (b"\x80\x04}\x94.", 5),
        "a zip": (b"PK\x03\x04" + bytes(60), 10**6),
        "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", 130),
        "a header of 100 MB": (struct.pack("<Q", 100_000_000) + b"{" + bytes(64), 200_000_000),
        "a header longer than the file": (struct.pack("<Q", 10**15) + b"{}", 10),
        "the longest header": (struct.pack("<Q", MAX_HEADER) + b"{" + b" " * (MAX_HEADER - 1), MAX_HEADER + 8),
        "a key twice": file_of(twice, 4), "60,000 tensors": file_of(million, 240_000),
        "overlapping": file_of({"a": one, "b": one}, 4), "a gap": file_of({"a": one}, 8),
        "beyond the end": file_of({"a": one}, 0), "negative": file_of({"a": one | {"data_offsets": [-4, 0]}}, 0),
        "a huge side": file_of({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}, 0),
        "many dimensions": file_of({"a": one | {"shape": [1] * 99}}, 4), "no tensors": file_of({}, 0),
        "an unknown type": file_of({"a": one | {"dtype": "F128"}}, 4), "true as a number": file_of(
            {"a": one | {"shape": [True]}}, 4), "deep": file_of(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 0),
        "a huge number": file_of(b'{"a":' + b"9" * 100_000 + b"}", 0), "NaN": file_of(b'{"a": NaN}', 0),
        "a surrogate": file_of(b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
        "whole numbers": file_of(table(state_shapes(ResNetConfig(block="basic", depths=(2, 2, 2, 2))), "I8")),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", corpus())
def test_the_corpus_is_refused_with_little_memory(name):
    data, size = corpus()[name]
    tracemalloc.start()
    try:
        assert isinstance(told(data, size), str)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()
