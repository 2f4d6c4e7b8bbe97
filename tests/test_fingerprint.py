"""Which reading of a checkpoint was trained: small nets of twenty kinds, trained here, against all their readings."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from resnet.__main__ import main
from resnet.checkpoint import read_tensors, restore
from resnet.config import ResNetConfig, config_of
from resnet.hub.fingerprint import MOST, NO_LIKENESS, Fit, Verdict, judge, look, measuring, pictures
from resnet.hub.load import load
from resnet.hub.local import local_header
from resnet.hub.preprocessing import NORMALISATIONS
from resnet.hub.readings import COLOURS, FIELDS, STRUCTURE, Reading, neighbours, open_choices, product, with_settings
from resnet.hub.recognise import recognise_header
from resnet.model import ResNet, create
from resnet.util.errors import InputError
from resnet.util.note import Note
from resnet.util.text import LANGUAGES
from tests.factories import made_split, one_thread
from tests.nets import NETS, TrainedNet
from tests.pictures import encode, gradient

USUAL = {"zero_pad": "behind", "halving": "subsample", "stride_in": "3x3", "activation": "relu", "pool": "padded"}
ROUNDING = 1.1  # times the shift: halving and leaky ReLU change less than other pictures do
N = MOST


@pytest.fixture(scope="module", autouse=True)
def threads():
    with one_thread():
        yield


def right_reading(kind: TrainedNet) -> Reading:
    return Reading(config_of("resnet20_cifar", **kind.settings), kind.normalisation, kind.channels)


def usual_reading(kind: TrainedNet) -> Reading:
    """What is assumed of its tensors."""
    config = right_reading(kind).config
    order = config.order if config.order == "preact" else "original"
    shortcut = "A" if config.shortcut == "none" else config.shortcut
    colours = "imagenet" if config.stem == "7x7" else "cifar" if config.in_channels == 3 else "none"
    return Reading(replace(config, order=order, shortcut=shortcut, **USUAL), colours)


def tensors(kind: TrainedNet) -> dict[str, Tensor]:
    """In torchvision's names."""
    found = recognise_header(local_header(kind.file, kind.name))
    return dict(restore(found.config, read_tensors(kind.file, found.mapping)).state_dict())


def meter(state: dict[str, Tensor], config: ResNetConfig) -> Callable[[Reading], Fit]:
    views = pictures(config.in_channels, config.input_size, N)
    measured = measuring(state, views, NORMALISATIONS[config.in_channels].__getitem__)
    return cache(measured)


@cache
def measure_of(kind: TrainedNet) -> Callable[[Reading], Fit]:
    return meter(tensors(kind), right_reading(kind).config)


@cache
def verdict_of(kind: TrainedNet) -> Verdict:
    return judge(usual_reading(kind), (), measure_of(kind))


by_name = pytest.mark.parametrize("kind", NETS, ids=[kind.name for kind in NETS])


def test_there_are_kinds_enough():
    found = [right_reading(kind) for kind in NETS]
    for field in FIELDS:
        values = {reading.value(field) for reading in found if reading.config.in_channels == 3}
        assert values >= {value for reading in found if reading.config.in_channels == 3
                          for value in open_choices(reading).get(field, ())}
    assert len(NETS) == len({*found}) == 20 and sum(kind.file.stat().st_size for kind in NETS) < 1_000_000


@pytest.mark.daily(8)
@pytest.mark.slow
@by_name
def test_the_right_reading_is_never_clearly_beaten(kind):
    """All pairs: against each reading of the structure's product, and of the colours', that is measured at all."""
    measure, right = measure_of(kind), right_reading(kind)
    mine = measure(right)
    assert mine.shift < NO_LIKENESS
    for fields in (STRUCTURE, COLOURS):
        assert not [other for other in product(right, fields) if measure(other).clearly_better(mine)]


def test_how_often_the_right_reading_wins_a_pair():
    """Of the pairs (right, other in one field) that differ by more than rounding the right one wins nine of ten in
    colours, whose rivals three photographs cannot tell apart, and all but silu's gelu in structure. The counts are
    those of the module's docstring."""
    won = dict.fromkeys((STRUCTURE, COLOURS), 0)
    lost: dict[tuple[str, ...], list[str]] = {STRUCTURE: [], COLOURS: []}
    for kind in NETS:
        measure, right = measure_of(kind), right_reading(kind)
        for fields in won:
            for other in neighbours(right, fields):
                ratio = measure(other).shift / measure(right).shift
                if ratio > ROUNDING:
                    won[fields] += 1
                elif ratio < 1 / ROUNDING:
                    lost[fields].append(f"{kind.name} {other.beyond(right)}")
    assert won[STRUCTURE] >= 95 and len(lost[STRUCTURE]) <= 2, lost[STRUCTURE]
    assert won[COLOURS] > 9 * len(lost[COLOURS]), lost[COLOURS]


@by_name
def test_what_is_taken_is_right_but_for_what_cannot_be_told_apart(kind):
    verdict, right = verdict_of(kind), right_reading(kind)
    mine = measure_of(kind)(right)
    assert not verdict.taken.clearly_better(mine) and not mine.clearly_better(verdict.taken)


@pytest.mark.daily(8)
@pytest.mark.slow
@by_name
def test_the_search_finds_what_the_product_finds(kind):
    """Of the whole product's best reading the one that was found differs by less than can be told apart."""
    best, measure = verdict_of(kind).best, measure_of(kind)
    for fields in (STRUCTURE, COLOURS):
        least = min((measure(reading) for reading in product(best.reading, fields)), key=lambda fit: fit.shift)
        assert not least.clearly_better(best) and best.shift <= ROUNDING * least.shift


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETS[:2], ids=["behind", "both"])
def test_the_whole_product_has_no_better_one(kind):
    """Structure times colours, some 1,200 readings: the search's best is theirs up to rounding."""
    best, measure = verdict_of(kind).best, meter(tensors(kind), right_reading(kind).config)
    plausible = [colours for colours in product(best.reading, COLOURS) if measure(colours).shift < 10 * best.shift]
    least = min(measure(reading).shift for colours in plausible for reading in product(colours, STRUCTURE))
    assert best.shift <= ROUNDING * least


# Negative controls -------------------------------------------------------------------------------


def altered(kind: TrainedNet, change: Callable[[str, Tensor, torch.Generator], Tensor]) -> Verdict:
    generator = torch.Generator().manual_seed(0)
    state = {name: change(name, tensor, generator) for name, tensor in tensors(kind).items()}
    return judge(usual_reading(kind), (), meter(state, right_reading(kind).config))


def shuffled(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    return tensor[torch.randperm(len(tensor), generator=generator)] if name.endswith("running_mean") else tensor


def made_up(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if name.endswith("running_mean"):
        return torch.randn(tensor.shape, generator=generator)
    return torch.rand(tensor.shape, generator=generator) + 0.5 if name.endswith("running_var") else tensor


@pytest.mark.parametrize("change", [shuffled, made_up])
@pytest.mark.parametrize("kind", NETS[:3], ids=lambda kind: kind.name)
def test_statistics_of_nothing_fit_no_reading(kind, change):
    assert altered(kind, change).best.shift > NO_LIKENESS > 2 * verdict_of(kind).best.shift


def test_statistics_of_nothing_leave_the_usual_reading(tmp_path):
    generator = torch.Generator().manual_seed(0)
    save_file({name: shuffled(name, tensor, generator) for name, tensor in tensors(NETS[1]).items()},
              tmp_path / "a.safetensors")
    loaded = load(str(tmp_path / "a.safetensors"))
    assert loaded.info.architecture.zero_pad == "behind" and "fingerprint_none" in {note.key for note in loaded.notes}


@pytest.mark.parametrize(("changes", "memory", "key"), [
    ({}, 0.0, "fingerprint_untouched"), ({"in_channels": 4}, 1.0, "fingerprint_channels"),
    ({"widths": (512, 1024, 2048)}, 1.0, "fingerprint_dear"),
])
def test_what_has_no_fingerprint_says_so(changes, memory, key):
    net = create("resnet20_cifar", **changes)
    net.bn1.running_mean += memory
    said = look(Reading(net.config, "cifar"), (), net, {}.__getitem__)
    assert isinstance(said, Note) and said.key == key


# What it serves ----------------------------------------------------------------------------------


def test_the_public_resnet20s_case():
    """Zeros on both sides, in the spelling of the CIFAR repositories: found by itself, and worth half the accuracy."""
    loaded = load(str(NETS[1].file))
    assert NETS[1].name == "both" and loaded.info.architecture.zero_pad == "both"
    told = [note for note in loaded.notes if note.key == "fingerprint_taken"]
    assert [note.values["taken"] for note in told] == ["zero_pad=both"] and all(
        told[0].sentence(lang) for lang in LANGUAGES)
    behind = loaded.read_as({"zero_pad": "behind"})
    assert behind.info.architecture.zero_pad == "behind" and loaded.info.architecture.zero_pad == "both"
    x = torch.rand(2, 3, 32, 32)
    assert not torch.allclose(behind.model(x), loaded.model(x), atol=0.1)
    assert behind.read_as({"zero_pad": "both"}).model(x).equal(loaded.model(x))


@pytest.mark.parametrize("settings", [{"zero_pad": "left"}, {"stride_in": "1x1"}, {"depths": "1,1,1"}, {"no": "1"}])
def test_only_what_the_tensors_leave_open_is_set(settings):
    with pytest.raises(InputError) as caught:
        load(str(NETS[1].file)).read_as(settings)
    assert caught.value.key in ("choice", "reading_field") and caught.value.sentence("zh")


@by_name
def test_every_reading_that_was_compared_can_be_set_by_hand(kind):
    verdict = verdict_of(kind)
    for fit in verdict.fits:
        assert with_settings(verdict.taken.reading, fit.reading.beyond(verdict.taken.reading)) == fit.reading


def test_a_net_that_was_trained_on_bgr_takes_rgb():
    kind = next(kind for kind in NETS if kind.name == "relu_before_add")
    loaded = load(str(kind.file))
    right = right_reading(kind)
    assert loaded.reading == replace(right, config=loaded.info.architecture) and loaded.info.mean == (0.5,) * 3
    x, net = torch.rand(2, 3, 32, 32), ResNet(right.config).eval()
    net.load_state_dict(tensors(kind))
    torch.testing.assert_close(loaded.model(x), net(x.flip(1)))


def test_what_the_repository_states_is_done_and_contradicted(tmp_path):
    """A config with another mean and std than the net was trained with."""
    kind = next(kind for kind in NETS if kind.name == "leaky")
    (tmp_path / "config.json").write_text('{"mean": [0.49, 0.48, 0.45], "std": [0.25, 0.25, 0.25]}')
    (tmp_path / "model.safetensors").write_bytes(kind.file.read_bytes())
    loaded = load(str(tmp_path))
    assert loaded.info.mean == (0.49, 0.48, 0.45) and loaded.reading.normalisation == "stated"
    [said] = [note for note in loaded.notes if note.key == "fingerprint_against"]
    assert "normalisation=bytes" in said.values["better"]
    assert loaded.read_as({"normalisation": "bytes"}).info.std == (1 / 255,) * 3


def test_trace_lists_what_a_header_leaves_open(capsys):
    assert main(["trace", str(NETS[1].file)]) == 0
    assert "zero_pad (behind, front, both)" in capsys.readouterr().out


def test_the_command_line_sets_another(capsys, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("resnet.training.evaluate.load_split", lambda *_: made_split(20, "cifar10"))
    for more in ([], ["--set", "zero_pad=behind"]):
        assert main(["evaluate", str(NETS[1].file), "--data", "cifar10", *more]) == 0
        asked.append(capsys.readouterr())
    assert asked[0].out != asked[1].out
    assert "fit zero_pad=both clearly better" in asked[0].err and "zero_pad=behind is set." in asked[1].err
    picture = tmp_path / "a.png"
    picture.write_bytes(encode(gradient()))
    assert main(["classify", str(picture), "--model", str(NETS[1].file), "--set", "zero_pad=left"]) == 2
    assert "zero_pad cannot be" in capsys.readouterr().err.replace("Option A's zeros", "zero_pad")


def test_a_dear_nets_readings_are_few():
    """No more are measured than it may cost, and the usual one stays where they say nothing against it."""
    kind, asked = NETS[0], []
    measure = measure_of(kind)
    verdict = judge(usual_reading(kind), (), lambda reading: asked.append(reading) or measure(reading), most=5)
    assert len(asked) == len(verdict.fits) == 5 and verdict.start in verdict.fits
    assert all(fit.shift < float("inf") for fit in (verdict.taken, verdict.best, *verdict.rivals))


def test_the_product_begins_with_what_is_nearest():
    start = usual_reading(NETS[0])
    found = list(product(start, STRUCTURE))
    assert found[0] == start and len(found) == len({*found}) == (3 * 2 + 1) * (4 + 3)  # paddings, orders, activations
    steps = [reading.steps_from(start) for reading in found]
    assert steps[:11] == [0] + [1] * 10 and max(steps) == 3
