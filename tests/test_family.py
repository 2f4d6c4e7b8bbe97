"""Every residual net that timm releases: found by its tensors and name, and answering as timm's does; or refused by
name, with the reason."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from resnet.checkpoint import restore
from resnet.hub.infer import infer_config, state_shapes
from resnet.hub.libraries import TIMM, timm_name
from resnet.hub.load import load
from resnet.hub.loaded import LoadedModel
from resnet.inference.folding import folded
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.text import LANGUAGES
from tests.checkpoints import of
from tests.factories import one_thread
from tests.family import ELSEWHERE, PAGE, SIZE, config_json, members, page, refusal, released, small, whole, wrongly

pytestmark = pytest.mark.peers

LOGITS = 1e-3  # as in tests/test_parity.py: a part of the logits' size
NAMES = sorted(released())
REFUSED = {"ecaresnet50d_pruned", "ecaresnet101d_pruned", "senet154", "test_resnet", "resnetv2_50d_evos",
           "resnetv2_50d_frn"}
TAKEN = [name for name in NAMES if name not in REFUSED]


def known(name: str):
    return next(one for one in members() if one.name == name)


@pytest.mark.slow
def test_every_architecture_is_taken_or_refused_with_a_reason():
    assert len(NAMES) > 90 and {one.name for one in members() if not one.config} == REFUSED
    assert all(len(one.reason) > 60 and one.name in one.reason for one in members() if not one.config)


@pytest.mark.daily(16)
@pytest.mark.slow
@pytest.mark.parametrize("name", TAKEN)
def test_its_parameters_are_timms(name):
    config, net = known(name).config, whole(name)
    assert config and trace(config).params == sum(weight.numel() for weight in net.parameters())
    assert timm_name(config) in (None, name)  # what `export` and `publish` call it
    if timm_name(config):
        assert state_shapes(config) == of(net)


@pytest.mark.slow
def test_every_name_that_is_exported_is_timms():
    assert {timm_name(one.config) for one in members() if one.config} - {None} == {*TIMM.split()} <= {*TAKEN}


@pytest.mark.slow
def test_the_page_is_made_of_timms_list():
    assert PAGE.read_text("utf-8") == page(), "python -m tests.family writes it anew"


@pytest.mark.parametrize("name", ELSEWHERE.values())
def test_other_kinds_are_refused_by_name(name):
    with pytest.raises(InputError) as caught:
        infer_config(of("resnet50"), config_json(name))
    assert caught.value.key.startswith("named_") and refusal(name)
    assert all(name in caught.value.sentence(lang) for lang in LANGUAGES)


# With the same weights ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """A small net of timm's with its answers, [8, 20], to `inputs`, and what is loaded of its files here."""

    inputs: Tensor
    logits: Tensor
    loaded: LoadedModel
    tensors: dict[str, Tensor]

    def off(self, net: nn.Module) -> float:
        """The greatest difference of the logits, each less its mean over the inputs, as a part of their size."""
        with torch.inference_mode():
            found = net(self.inputs)
        wanted = self.logits - self.logits.mean(0)
        assert wanted.norm(dim=1).min() > 0.05 * self.logits.norm(dim=1).max()  # the inputs do differ
        return float(((found - found.mean(0) - wanted).norm(dim=1) / wanted.norm(dim=1)).max())


@torch.no_grad()
def calibrated(net: nn.Module, inputs: Tensor) -> nn.Module:
    """Random scales and shifts of every norm, so that no branch starts at zero, and statistics of these inputs."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.2)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    net.train()(inputs)
    return net.eval()


@pytest.fixture
def peer(request, tmp_path) -> Peer:
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inputs = torch.randn(8, 3, SIZE, SIZE) + 2 * torch.randn(8, 3, 1, 1)  # of different colours
        net = calibrated(small(request.param), inputs)
        with torch.no_grad():
            logits = net(inputs)
    (tmp_path / "config.json").write_text(json.dumps(config_json(request.param, SIZE)))
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    loaded = load(str(tmp_path))
    return Peer(inputs, logits, loaded, dict(loaded.model.state_dict()))


@pytest.mark.daily(16)
@pytest.mark.slow
@pytest.mark.parametrize("peer", TAKEN, indirect=True)
def test_it_answers_as_timms_does(peer, request):
    with one_thread():
        off = peer.off(peer.loaded.model)
        print(f"{request.node.name}: logits {off:.1e}")
        assert off <= LOGITS and peer.off(folded(peer.loaded.model)) <= LOGITS
        for field, wrong in wrongly(peer.loaded.info.architecture):
            assert peer.off(restore(wrong, peer.tensors)) > 10 * LOGITS, field
