"""The evidence for an answer, against plain computations written here."""

import pytest
import torch
import torch.nn.functional as F

from resnet.data import load_samples, normalise
from resnet.explain.ablation import without_each_block
from resnet.explain.evidence import FIRST, MANY, Questions, classify_many, gather
from resnet.explain.features import stage_maps, top_channels
from resnet.explain.gradcam import grad_cam
from resnet.explain.samples import items, measure, nearest
from resnet.explain.stages import stage_names, stage_outputs
from resnet.hub.load import load
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.inference.predict import classify
from resnet.inference.probabilities import entropy, largest_entropy, probabilities, ranked
from resnet.model import create
from resnet.surgery import Lesion, block_sites, lesioned
from resnet.training.evaluate import evaluate_model
from resnet.util.errors import InputError
from tests.factories import made_info, tiny

MODEL = "resnet20_fashion_mnist"


def a_net(variant: str = "resnet20_cifar", seed: int = 3, **changes):
    """A small net whose batch norms have seen something, so that no two blocks are alike."""
    net = create(tiny(variant, **changes), seed=seed)
    net(torch.randn(16, 1, 28, 28, generator=torch.Generator().manual_seed(seed)))
    return net.eval().requires_grad_(False)


def an_input(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def picture(seed: int = 0, size: tuple[int, int] = (40, 30)) -> torch.Tensor:
    return torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def a_model(variant: str = "resnet20_cifar", **changes) -> LoadedModel:
    net = a_net(variant, **changes)
    return LoadedModel(ModelRef("bundled", "made"), net, made_info(net.config))


NETS = [("resnet20_cifar", {}), ("plain20_cifar", {}), ("resnet20_cifar", {"order": "preact"}),
        ("resnet18_cifar", {"depths": (1, 1, 1), "widths": (4, 8, 8)}), ("resnet50_cifar", {"stem": "7x7"})]
IDS = ["option A", "plain", "preact", "option B", "bottleneck, 7x7"]


@pytest.mark.parametrize("variant, changes", NETS, ids=IDS)
def test_the_stages_are_those_of_the_forward(variant, changes):
    net, x = a_net(variant, **changes), an_input()
    seen = {}
    modules = {"conv1": net.relu, **{f"conv{i + 2}_x": stage for i, stage in enumerate(net.stages)}}
    last = list(modules)[-1]
    modules[last] = net.act if net.config.order == "preact" else modules[last]
    if net.config.order == "preact":
        modules["conv1"] = net.conv1  # its bn1 and relu are identities there
    hooks = [module.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.clone()}))
             for name, module in modules.items()]
    logits = net(x)
    for hook in hooks:
        hook.remove()
    outputs = stage_outputs(net, x)
    assert tuple(outputs) == stage_names(net.config) == tuple(modules)
    for name, output in outputs.items():
        assert torch.equal(output, seen[name]), name
    assert torch.equal(net.fc(net.pooled(outputs[last])), logits)


def paper_grad_cam(net, x, stage: str, target: int) -> torch.Tensor:
    """Selvaraju et al. 2017, equations 1 and 2, with the gradient taken through the whole net."""
    kept = []
    net.requires_grad_(True)
    module = net.stages[int(stage[4]) - 2]
    hook = module.register_forward_hook(lambda _, __, out: (out.retain_grad(), kept.append(out), out)[-1])
    net(x)[0, target].backward()
    hook.remove()
    maps, gradients = kept[0].detach()[0], kept[0].grad[0]
    net.requires_grad_(False)
    net.zero_grad()
    height, width = maps.shape[1:]
    alphas = [gradients[k].sum().item() / (height * width) for k in range(len(maps))]
    heat = sum(alpha * maps[k] for k, alpha in enumerate(alphas))
    return torch.maximum(heat, torch.zeros(()))


@pytest.mark.parametrize("stage", ["conv2_x", "conv3_x", "conv4_x"])
@pytest.mark.parametrize("target", [0, 7])
def test_grad_cam_is_the_papers_formula(stage, target):
    net, x = a_net(), an_input()
    expected = paper_grad_cam(net, x, stage, target)
    found = grad_cam(net, stage_outputs(net, x)[stage], stage, target)
    assert found.shape == expected.shape and torch.allclose(found, expected, rtol=1e-4, atol=1e-7)
    others = [grad_cam(net, stage_outputs(net, x)[stage], stage, other) for other in range(10)]
    assert sum(torch.allclose(other, expected, rtol=1e-4, atol=1e-7) for other in others) == 1


def test_grad_cam_is_not_negative_and_sometimes_finds_nothing():
    net = a_net()
    net.fc.weight[3] = -net.fc.weight[3].abs()  # features after a ReLU can then only speak against class 3
    cam = grad_cam(net, stage_outputs(net, an_input())["conv4_x"], "conv4_x", 3)
    assert not cam.any()


def state_of(net) -> tuple:
    return (net.training, [len(m._forward_hooks) + len(m._backward_hooks) for m in net.modules()],
            [p.requires_grad for p in net.parameters()], [p.grad for p in net.parameters()])


def test_a_look_leaves_the_shared_model_as_it_was():
    loaded = load(MODEL)
    before, weights = state_of(loaded.model), {k: v.clone() for k, v in loaded.model.state_dict().items()}
    gather(picture(), loaded, Questions("conv2_x", 4, "conv3_x", ("layer1.1", "layer3.0"), True))
    assert state_of(loaded.model) == before and before[3] == [None] * len(before[3]) and not any(before[1])
    assert all(torch.equal(weights[key], value) for key, value in loaded.model.state_dict().items())
    assert load(MODEL).model is loaded.model


def test_mean_maps_and_channels():
    output = torch.arange(48.0).reshape(1, 3, 4, 4)
    stage, = stage_maps({"conv2_x": output})
    assert (stage.name, stage.shape) == ("conv2_x", (3, 4, 4))
    torch.testing.assert_close(stage.mean, (output[0, 0] + output[0, 1] + output[0, 2]) / 3)
    first, second = top_channels(output, 2)
    assert (first.index, second.index) == (2, 1) and torch.equal(first.map, output[0, 2])
    assert first.share == pytest.approx(float((output[0, 2] ** 2).sum() / (output**2).sum()))
    assert sum(channel.share for channel in top_channels(output, 99)) == pytest.approx(1)
    assert [channel.share for channel in top_channels(torch.zeros(1, 2, 3, 3))] == [0, 0]


def test_temperature():
    logits = torch.tensor([2.0, -1.0, 0.5])
    assert torch.allclose(probabilities(logits, 1.0), F.softmax(logits, -1))
    assert torch.allclose(probabilities(logits, 2.0), F.softmax(logits / 2, -1))
    order = [i for i, _ in ranked(logits, 3)]
    assert order == [0, 2, 1] == [i for i, _ in ranked(logits, 3, 7.5)]
    assert entropy(logits, 0.1) < entropy(logits) < entropy(logits, 10) < largest_entropy(logits)
    assert entropy(torch.zeros(5)) == pytest.approx(largest_entropy(torch.zeros(5)))


def test_a_look_answers_as_the_library():
    loaded, pixels = load(MODEL), picture()
    found, answer = gather(pixels, loaded, Questions()), classify(pixels, loaded, top_k=10)
    assert [(loaded.info.labels[i], p) for i, p in ranked(found.logits, 10)] == \
        [(p.label, pytest.approx(p.probability, abs=1e-6)) for p in answer.predictions]
    assert torch.equal(found.intact, found.logits)
    assert torch.equal(found.seen.pixels, answer.seen.pixels) and entropy(found.logits) == pytest.approx(answer.entropy)
    assert found.target == int(found.logits.argmax()) and found.stage == "conv4_x" and found.cam.shape == (7, 7)
    assert found.channels == () and found.alone is None and found.fallback == ""
    x = normalise(found.seen.pixels[None], loaded.info)
    with torch.no_grad():
        assert torch.allclose(found.feature, loaded.model.pooled(loaded.model.features(x))[0], atol=1e-5)


@pytest.mark.parametrize("size, stage", [((28, 28), "conv4_x"), ((16, 28), "conv4_x"), ((12, 28), "conv3_x"),
                                         ((3, 3), "conv1")])
def test_unasked_grad_cam_is_drawn_on_the_last_map_that_tells_places_apart(size, stage):
    assert gather(picture(), a_model(input_size=size), Questions(), "fp32").stage == stage
    assert gather(picture(), a_model(input_size=size), Questions(stage="conv2_x"), "fp32").stage == "conv2_x"


def test_a_branch_that_gives_nothing_is_not_missed():
    loaded = a_model()
    block = loaded.model.layer2[0]
    block.bn2.weight.zero_()
    block.bn2.bias.zero_()
    quiet = gather(picture(), loaded, Questions(off=("layer2.0",)), "fp32")
    assert torch.allclose(quiet.logits, quiet.intact, atol=1e-6)
    heard = gather(picture(), loaded, Questions(off=("layer1.0",)), "fp32")
    assert not torch.allclose(heard.logits, heard.intact, atol=1e-2)
    assert torch.equal(heard.intact, gather(picture(), loaded, Questions(), "fp32").logits)


@pytest.mark.parametrize("variant, changes", NETS, ids=IDS)
def test_each_block_alone_is_that_lesion(variant, changes):
    net, x = a_net(variant, **changes), an_input()
    found = without_each_block(net, x)
    names = [site.name for site in block_sites(net.config) if site.removable]
    expected = [net(x), *(lesioned(net, Lesion((name,)))(x) for name in names)]
    assert found.shape == (1 + len(names), 10) and len(names) >= 1
    assert torch.allclose(found, torch.cat(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("questions, key", [
    (Questions(stage="conv9_x"), "choice"), (Questions(channels="layer1"), "choice"),
    (Questions(target=10), "class_index"), (Questions(target=FIRST - 1), "class_index"),
    (Questions(off=("layer9.0",)), "no_block"),
])
def test_what_a_model_does_not_have(questions, key):
    with pytest.raises(InputError) as caught:
        gather(picture(), load(MODEL), questions)
    assert caught.value.key == key
    with pytest.raises(InputError) as caught:
        gather(picture(), load("plain20_fashion_mnist"), Questions(off=("layer2.0",)))
    assert caught.value.key == "plain_block"


def test_several_are_answered_as_one_by_one():
    loaded = load(MODEL)
    seen = torch.stack([gather(picture(i, (30 + i, 30)), loaded, Questions()).seen.pixels for i in range(3)])
    found = classify_many(seen, loaded, "fp32")
    for i in range(3):
        assert torch.allclose(found.logits[i], classify_many(seen[i:i + 1], loaded, "fp32").logits[0], atol=1e-4)
    for n in (0, MANY + 1):
        with pytest.raises(InputError):
            classify_many(seen[:1].expand(n, -1, -1, -1), loaded)


@pytest.fixture(scope="module")
def measured():
    return measure(load(MODEL), "fp32", limit=300)


def test_the_confusion_matrix_is_evaluates(measured):
    loaded = load(MODEL)
    score = evaluate_model(loaded.model, loaded.info, "fashion_mnist", limit=300)
    counts = measured.confusion(10)
    assert counts.sum() == len(measured) == score.n == 300
    assert measured.accuracy == pytest.approx(score.accuracy) == int(counts.trace()) / 300
    assert counts.sum(1).tolist() == torch.bincount(measured.labels, minlength=10).tolist()
    for truth, given in ((6, 0), (0, 6), (9, 9)):
        expected = sum(t == truth and a == given for t, a in zip(measured.labels.tolist(), measured.answers.tolist(),
                                                                 strict=True))
        assert counts[truth, given] == expected


def test_neighbours_are_those_of_brute_force(measured):
    features = measured.features
    query = features[5] + 0.1 * features[17]
    cosines = [(float(query @ row / (query.norm() * row.norm())), i) for i, row in enumerate(features)]
    expected = sorted((pair for pair in cosines if pair[1] != 5), reverse=True)[:6]
    found = nearest(query, features, 6, skip=5)
    assert [one.item for one in found] == [i for _, i in expected]
    assert [one.cosine for one in found] == [pytest.approx(cosine, abs=1e-5) for cosine, _ in expected]
    assert nearest(features[5], features, 1)[0].item == 5 and len(nearest(query, features, 10**6)) == 300


def test_no_items_ship_of_cifar10():
    with pytest.raises(InputError) as caught:
        items(load("resnet20_cifar10"))
    assert caught.value.key == "no_samples"


def test_a_dear_net_measures_fewer_items(monkeypatch):
    """A thousand for twice the budget; what is dearer still, as many as that pays for."""
    for budget, n in ((2e10, 1000), (1e9, 64), (1e6, 1)):
        monkeypatch.setattr("resnet.explain.samples.BUDGET", budget)
        split = items(load(MODEL))
        assert len(split) == n and torch.equal(split.labels, load_samples("fashion_mnist", "test").labels[:n])
