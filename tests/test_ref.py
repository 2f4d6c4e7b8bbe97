"""A model reference as a value: equal for all spellings of one thing, told in the shortest of them."""

import pickle  # noqa: TID251  a reference crosses between processes on ZeroGPU

import pytest

from resnet.config import VARIANTS
from resnet.hub.ref import WEIGHTS, ModelRef, bundled_names, named_model
from resnet.util.errors import InputError

NAME = "resnet20_fashion_mnist"


@pytest.mark.parametrize("text", [
    "owner/name", "owner/name@main", " owner/name ", "owner/name/", "https://huggingface.co/owner/name",
    "https://huggingface.co/owner/name/", "https://huggingface.co/owner/name/tree/main",
    " https://huggingface.co/owner/name@main/ ", "hf-hub:owner/name", "hf_hub:owner/name", "hf://owner/name",
    "hf.co/owner/name", "https://hf.co/owner/name", "huggingface.co/owner/name", "owner/name/model.safetensors",
    "https://huggingface.co/owner/name?library=timm#files", "https://huggingface.co/owner/name/blob/main/README.md",
    "https://huggingface.co/owner/name/resolve/main/model.safetensors?download=true",
    "https://huggingface.co/owner/name/discussions/3", "https://huggingface.co/owner/name/commits/main",
])
def test_all_spellings_of_a_repository_are_equal(text):
    ref = ModelRef.parse(text)
    assert ref == ModelRef("hub", "owner/name", "main") and hash(ref) == hash(ModelRef.parse("owner/name"))
    assert str(ref) == "owner/name" and ref.path is None
    assert ref != ModelRef.parse(text, trusted=True)  # what the owner's token opened is not a visitor's
    assert ref != ModelRef.parse("owner/name@v1") and str(ModelRef.parse("owner/name@v1")) == "owner/name@v1"


@pytest.mark.parametrize(("text", "expected"), [
    ("a/b/c.safetensors", ("main", "c.safetensors")), ("a/b/x/y/c.safetensors@v1", ("v1", "x/y/c.safetensors")),
    ("https://huggingface.co/a/b/resolve/refs%2Fpr%2F3/x/c.safetensors", ("refs/pr/3", "x/c.safetensors")),
    ("https://hf.co/a/b/blob/refs/pr/3/c.safetensors#x", ("refs/pr/3", "c.safetensors")),
    ("https://huggingface.co/a/b/tree/refs%2Fpr%2F3?x=1", ("refs/pr/3", "")), ("hf://a/b@v2", ("v2", "")),
])
def test_files_and_revisions_of_a_repository(text, expected):
    ref = ModelRef.parse(text, trusted=True)
    assert (ref.kind, ref.repo, ref.revision, ref.inside) == ("hub", "a/b", *expected)


@pytest.mark.parametrize("text", [
    "a/b/../c.safetensors", "a/b/.c.safetensors", "a/b//c.safetensors", "a/b/c d.safetensors", "a/b/c.safetensors/d",
    "a/b/c%2e.safetensors", "https://huggingface.co/a/b/c", "a/b/c.bin", "a/b/c.safetensors?x=1", "http://hf.co/a/b",
    "hf.co.example.org/a/b/c"])
def test_odd_files_of_a_repository_are_refused(text):
    with pytest.raises(InputError) as caught:
        ModelRef.parse(text)
    assert caught.value.key == "not_a_repository"


def test_a_path_is_one_whether_absolute_or_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").mkdir()
    refs = {ModelRef.parse(text, trusted=True) for text in ("net", "./net", "net/", f"{tmp_path}/net", "./net/../net")}
    ref, = refs
    assert ref.kind == "local" and str(ref) == "net" and ref.path.samefile(tmp_path / "net")
    monkeypatch.chdir("/")
    assert ref.path.samefile(tmp_path / "net")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert str(ref) == f"{tmp_path}/net"


def test_a_bundled_name_is_the_same_to_everyone():
    assert ModelRef.parse(NAME) == ModelRef.parse(NAME, trusted=True) == ModelRef("bundled", NAME)
    assert str(ModelRef.parse(NAME)) == NAME and ModelRef.parse(NAME).path == WEIGHTS / NAME


@pytest.mark.parametrize("text", ["a/b", "a/b@v1.0", "https://huggingface.co/a/b/tree/refs/pr/3",
                                  "a/b/c/d.safetensors@v1", *bundled_names(), str(WEIGHTS), "tests",
                                  "/no/such/file.safetensors"])
def test_what_is_told_is_read_as_the_same(text):
    ref = ModelRef.parse(text, trusted=True)
    assert ModelRef.parse(str(ref), trusted=True) == ref == pickle.loads(pickle.dumps(ref))


@pytest.mark.parametrize(("text", "trusted", "key"), [
    ("zebra", True, "unknown_model"), ("", True, "unknown_model"), ("tests", False, "unknown_model"),
    ("weights.safetensors", False, "unknown_model"), ("a/b/c", True, "not_a_repository"),
    ("./tests", False, "not_a_repository"), ("/etc/passwd", False, "not_a_repository"),
])
def test_what_can_be_no_model_is_refused(text, trusted, key):
    with pytest.raises(InputError) as caught:
        ModelRef.parse(text, trusted)
    assert caught.value.key == key


def test_a_variant_is_no_model():
    assert [named_model(name, trusted=True) for name in (*VARIANTS, "zebra", "")] == [None] * (len(VARIANTS) + 2)
    assert named_model("tests") is None and named_model("tests", trusted=True) == ModelRef.parse("tests", trusted=True)
    assert named_model("a/b") == ModelRef.parse("a/b") and named_model(NAME) == ModelRef.parse(NAME)
