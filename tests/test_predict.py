import pytest
import torch
import torch.nn.functional as F

import resnet
from resnet.data import DATA, load_samples
from resnet.hub.load import bundled, load
from resnet.inference.predict import classify, forward
from resnet.util.errors import InputError
from tests.pictures import encode, gradient

MODEL = "resnet20_fashion_mnist"


def item(index: int):
    return load_samples("fashion_mnist", "test").images[index].expand(3, -1, -1)


@pytest.mark.slow
def test_bundled_models_answer_their_own_test_images():
    samples = load_samples("fashion_mnist", "test")
    for name, info in bundled().items():
        if info.data == "fashion_mnist":
            right = sum(classify(item(i), name, top_k=1).predictions[0].label == info.labels[samples.labels[i]]
                        for i in range(50))
            assert right >= 40, name


def test_the_numbers_are_those_of_a_plain_forward():
    loaded = load(MODEL)
    spec = DATA["fashion_mnist"]
    image = load_samples("fashion_mnist", "test").images[:1]
    with torch.no_grad():
        expected = F.softmax(loaded.model((image / 255 - spec.mean[0]) / spec.std[0]), -1)[0]
    answer = classify(item(0), MODEL, top_k=10, precision="fp32")
    found = {prediction.label: prediction.probability for prediction in answer.predictions}
    for label, probability in zip(loaded.info.labels, expected.tolist(), strict=True):
        assert found[label] == pytest.approx(probability, abs=1e-5)
    assert answer.entropy == pytest.approx(float(-(expected * expected.log()).sum()), abs=1e-4)
    assert [p.probability for p in answer.predictions] == sorted(found.values(), reverse=True)
    assert (answer.device, answer.precision) == ("cpu", "fp32")


def test_bf16_stays_near_fp32():
    images = load_samples("fashion_mnist", "test").images[:200]
    full, half = (forward(load(MODEL), images, torch.device("cpu"), p).logits.argmax(1) for p in ("fp32", "bf16"))
    assert (full == half).float().mean() > 0.97


def test_a_file_and_its_bytes_agree(tmp_path):
    data = encode(gradient())
    (tmp_path / "picture.png").write_bytes(data)
    from_file = resnet.classify(tmp_path / "picture.png", model=MODEL, precision="fp32")
    assert from_file.predictions == resnet.classify(data, model=MODEL, precision="fp32").predictions
    assert len(from_file.predictions) == 5


def test_loading_leaves_the_net_read_only():
    loaded = load(MODEL)
    assert loaded is load(MODEL)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


@pytest.mark.parametrize("arguments, key", [
    ({"model": "resnet51_fashion_mnist"}, "unknown_model"),
    ({"model": "no/such/folder"}, "not_a_repository"),
    ({"model": "tests"}, "no_safetensors"),
    ({"top_k": 0}, "range"),
    ({"top_k": 10**9}, "range"),
    ({"precision": "fp8"}, "choice"),
    ({"image": b"text"}, "picture_kind"),
])
def test_bad_input_is_one_sentence(arguments, key):
    with pytest.raises(InputError) as caught:
        classify(**({"image": encode(gradient()), "model": MODEL} | arguments))
    assert caught.value.key == key
