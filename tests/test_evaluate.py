import json
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from resnet.__main__ import main
from resnet.data import Split, data_spec, load_samples
from resnet.hub.labels import are_numbers
from resnet.hub.load import bundled, load
from resnet.inference.predict import classify
from resnet.model import ResNet, create
from resnet.training.evaluate import evaluate, evaluate_model
from resnet.training.workers import Workers
from resnet.util import precision
from resnet.util.errors import InputError
from resnet.util.precision import autocast, resolve
from tests.factories import made_info, made_split, one_thread, tiny


@pytest.fixture(scope="module", autouse=True)
def threads():
    with one_thread():
        yield


@pytest.fixture
def net():
    """With running statistics that differ from the start's."""
    model = create(tiny(), seed=1)
    with torch.no_grad():
        model(made_split(64, seed=2).images.float() / 100)
    return model.eval()


def test_the_score_is_a_plain_loops(net):
    split = made_split(57)
    counts, loss = torch.zeros(10, 10, dtype=torch.int), 0.0
    with torch.no_grad():
        for image, label in zip(split.images, split.labels, strict=True):
            logits = net((image[None] / 255 - split.spec.mean[0]) / split.spec.std[0])[0].double()
            counts[label, logits.argmax()] += 1
            loss += float(logits.exp().sum().log() - logits[label])
    score = evaluate(net, split, batch=10)
    correct = int(counts.diagonal().sum())
    assert (score.n, score.accuracy) == (57, correct / 57)
    assert torch.tensor(score.confusion).equal(counts)
    assert score.loss == pytest.approx(loss / 57, rel=1e-5)
    assert score.error == pytest.approx(100 - 100 * correct / 57)


@pytest.mark.parametrize("n", [57, 9])  # with 9 the last processes have nothing to do
def test_the_shards_add_up_to_the_whole(net, monkeypatch, n):
    sums = []
    monkeypatch.setattr(Workers, "sum", lambda self, tensor: sums.append(tensor) or torch.ones(101))
    for rank in range(3):
        evaluate(net, made_split(n), batch=10, rank=rank, world=3)
    monkeypatch.undo()
    whole = evaluate(net, made_split(n), batch=10)
    loss, *counts = sum(sums).tolist()
    assert [count for row in whole.confusion for count in row] == counts
    assert (whole.n, whole.loss) == pytest.approx((n, loss / n), rel=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_changes_nothing(net, training):
    net.train(training)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    evaluate(net, made_split(20))
    assert net.training == training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_precision_auto_is_one_of_the_two(monkeypatch):
    monkeypatch.setattr(precision, "_gains", lambda: True)
    for fast, meaning in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda fast=fast: fast)
        assert resolve("auto") == meaning
        with autocast(torch.device("cpu"), "auto"):
            assert torch.is_autocast_enabled("cpu") == fast
    assert (resolve("fp32"), resolve("bf16")) == ("fp32", "bf16")


def test_bf16_is_taken_only_where_it_was_measured_to_gain(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    for gains, meaning in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(precision, "_gains", lambda gains=gains: gains)
        assert resolve("auto") == meaning


def test_bf16_is_close_to_fp32(net):
    split = made_split(200)
    assert evaluate(net, split, "bf16").loss == pytest.approx(evaluate(net, split).loss, rel=0.02)


def test_a_model_sees_images_as_it_was_trained_to(monkeypatch, net):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    info = made_info(replace(tiny(), input_size=(20, 20)), mean=(0.1,), std=(0.5,))
    samples = load_samples("fashion_mnist", "test").first(100).resized((20, 20))
    seen = Split(replace(samples.spec, mean=(0.1,), std=(0.5,)), samples.images, samples.labels)
    assert evaluate_model(net, info, "fashion_mnist", limit=100) == evaluate(net, seen)


@pytest.mark.parametrize(("arguments", "key"), [
    (("cifar10",), "evaluate_shape"), (("zebra",), "unknown_data"), (("mnist",), "evaluate_misfit"),
    (("fashion_mnist", 0), "range"), (("fashion_mnist", 5, "fp8"), "choice"),
])
def test_what_cannot_be_evaluated_is_refused(net, arguments, key):
    with pytest.raises(InputError) as caught:
        evaluate_model(net, made_info(tiny()), *arguments)
    assert caught.value.key == key


def test_a_net_for_other_data_of_the_same_shape_is_refused(net):
    with pytest.raises(InputError, match="made for CIFAR-10"):
        evaluate_model(net, made_info(tiny(), data="cifar10"), "fashion_mnist")


def test_a_misfit_is_a_whole_sentence_whatever_is_known():
    """A stranger's net was made for nobody knows what."""
    with pytest.raises(InputError) as caught:
        evaluate_model(create(tiny()), made_info(tiny(classes=7), data="", labels=tuple("abcdefg")), "fashion_mnist")
    assert caught.value.key == "evaluate_shape" and "for ;" not in str(caught.value)
    assert "knows 7 classes" in str(caught.value)


NAMES = data_spec("fashion_mnist").classes
SHUFFLED = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)  # the data set's class of each answer


def shuffled(net: ResNet) -> ResNet:
    other = deepcopy(net)
    with torch.no_grad():
        for tensor in (other.fc.weight, other.fc.bias):
            tensor.copy_(tensor[list(SHUFFLED)])
    return other


@pytest.mark.parametrize("spelled", [str, str.upper, lambda name: name.replace("-", "_").lower()])
def test_answers_in_another_order_are_matched_by_name(monkeypatch, net, spelled):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    names = tuple(spelled(NAMES[i]) for i in SHUFFLED)
    right = evaluate_model(net, made_info(tiny()), "fashion_mnist", limit=200)
    assert evaluate_model(shuffled(net), made_info(tiny(), labels=names), "fashion_mnist", limit=200) == right
    blind = evaluate_model(shuffled(net), made_info(tiny()), "fashion_mnist", limit=200)
    assert blind.confusion != right.confusion


@pytest.mark.parametrize("labels", [
    tuple(f"thing {i}" for i in range(10)), ("Bag", *NAMES[1:]), (*NAMES[:9], "T-shirt/top"), tuple("3210456789"),
])
def test_names_that_are_not_the_data_sets_are_refused(net, labels):
    with pytest.raises(InputError) as caught:
        evaluate_model(net, made_info(tiny(), data="", labels=labels), "fashion_mnist", limit=5)
    assert caught.value.key == "labels_differ" and caught.value.sentence("zh")


@pytest.mark.parametrize("pattern", ["class_{}", "LABEL_{}", "{}"])
def test_numbered_classes_are_in_the_data_sets_order(monkeypatch, net, pattern):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    labels = tuple(pattern.format(i) for i in range(10))
    assert are_numbers(labels) and not are_numbers(NAMES)
    found = evaluate_model(net, made_info(tiny(), data="", labels=labels), "fashion_mnist", limit=100)
    assert found == evaluate_model(net, made_info(tiny()), "fashion_mnist", limit=100)


def test_a_repositorys_net_is_evaluated_on_what_classify_shows_it(tmp_path, monkeypatch, capsys):
    """Its own size, crop and colours: with the data set's own, some answers would differ from classify's."""
    monkeypatch.delenv("RESNET_DATA", raising=False)
    net = create("resnet18", widths=(4, 8, 8, 8), classes=10, in_channels=1).eval()
    with torch.no_grad():
        net.train()(made_split(64, seed=2).images.float().repeat(1, 1, 2, 2) / 100)
    save_file(net.eval().state_dict(), tmp_path / "model.safetensors")
    steps = {"input_size": [1, 40, 40], "crop_pct": 0.6, "mean": [0.2], "std": [0.4], "interpolation": "bicubic"}
    names = [NAMES[i] for i in SHUFFLED]
    (tmp_path / "config.json").write_text(json.dumps(
        {"architecture": "resnet18", "label_names": names, "pretrained_cfg": steps}))
    loaded, n = load(str(tmp_path)), 50
    items = load_samples("fashion_mnist", "test").first(n)
    answers = [classify(image.expand(3, -1, -1), loaded, 1, "fp32").predictions[0].label for image in items.images]
    expected = torch.zeros(10, 10, dtype=torch.int)
    for truth, answer in zip(items.labels.tolist(), answers, strict=True):
        expected[truth, NAMES.index(answer)] += 1
    assert main(["evaluate", str(tmp_path), "--data", "fashion_mnist", "--limit", str(n), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["confusion"] == expected.tolist() and len(set(answers)) > 1
    as_before = evaluate_model(loaded.model, loaded.info, "fashion_mnist", n)
    assert [list(row) for row in as_before.confusion] != found["confusion"]  # resized only


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, info in bundled().items() if info.data == "fashion_mnist"])
def test_bundled_nets_score_what_their_config_says(monkeypatch, name):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    loaded = load(name)
    # All 10,000 for the smallest; of the others a part, within four standard deviations.
    limit = None if name == "resnet20_fashion_mnist" else 1_000
    score, recorded = evaluate_model(loaded.model, loaded.info, "fashion_mnist", limit), loaded.info.results["test"]
    if limit is None:
        assert score.n == recorded["n"] == 10_000
        assert score.accuracy == pytest.approx(recorded["accuracy"], abs=2e-4)  # another processor may round otherwise
        assert score.loss == pytest.approx(recorded["loss"], rel=1e-3)
    else:
        assert score.accuracy == pytest.approx(recorded["accuracy"], abs=0.035)
