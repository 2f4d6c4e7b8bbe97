import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn.utils import convert_conv2d_weight_memory_format
from torch.optim.swa_utils import update_bn

from resnet.data import normalise
from resnet.lab.curvature import FILE, hessian_product, largest_eigenvalue, measure, read, record
from resnet.lab.plane import NORMS
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import made_split, tiny

IMAGES = made_split(12)
SMALL = create(tiny(widths=(2, 2, 2)), seed=3).eval()
update_bn([normalise(IMAGES.images, IMAGES.spec)], SMALL)  # as drawn, zeros would meet ReLU just at its kink
NETS = {0: SMALL, 1: create(tiny(widths=(2, 2, 2)), seed=4).eval()}


def quadratic(*eigenvalues: float) -> torch.Tensor:
    """A symmetric matrix of these, turned at random."""
    turn, _ = torch.linalg.qr(torch.randn(len(eigenvalues), len(eigenvalues), dtype=torch.float64,
                                          generator=torch.Generator().manual_seed(0)))
    return turn @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ turn.T


def start(size: int) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("eigenvalues, largest", [((7.0, 3.0, 1.0, -2.0), 7.0), ((3.0, -10.0, 1.0, 0.5), 3.0),
                                                  ((-1.0, -4.0, -9.0, -3.0), -1.0), ((5.0, -5.5, 0.0, 0.0), 5.0)])
def test_the_largest_of_a_quadratics_eigenvalues(eigenvalues, largest):
    """The algebraically largest, also where one of the others is larger in magnitude."""
    matrix = quadratic(*eigenvalues)
    found = largest_eigenvalue(lambda vector: matrix @ vector, start(4), tolerance=1e-6)
    assert found.value == pytest.approx(largest, rel=1e-4) and found.residual < 0.01


def test_too_few_iterations_show_in_the_residual():
    matrix = quadratic(7.0, 6.9, 6.8, 1.0, 0.5)
    hurried, patient = (largest_eigenvalue(lambda vector: matrix @ vector, start(5), iterations=count, tolerance=0)
                        for count in (1, 5))
    assert hurried.residual > 0.1 > 1e-3 > patient.residual and (hurried.iterations, patient.iterations) == (1, 5)


def whole_hessian(net, norm: str) -> torch.Tensor:
    """By torch, entry by entry."""
    own = copy.deepcopy(net).train(norm == "reestimated")
    for module in own.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and own.training:
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
            module.num_batches_tracked = None
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    names = [name for name, _ in own.named_parameters()]
    sizes = [parameter.numel() for parameter in own.parameters()]
    shapes = [parameter.shape for parameter in own.parameters()]
    inputs = normalise(IMAGES.images, IMAGES.spec).double()
    own = own.double()

    def loss(flat: torch.Tensor) -> torch.Tensor:
        parts = {name: part.view(shape) for name, part, shape in
                 zip(names, flat.split(sizes), shapes, strict=True)}
        return F.cross_entropy(functional_call(own, parts, inputs), IMAGES.labels)

    return hessian(loss, torch.cat([parameter.detach().reshape(-1) for parameter in own.parameters()]))


def slope(norm: str, moved: torch.Tensor) -> torch.Tensor:
    """The gradient at weights + `moved`, in double precision."""
    own = copy.deepcopy(SMALL).double().requires_grad_(True).train(norm == "reestimated")
    parameters = list(own.parameters())
    with torch.no_grad():
        for parameter, part in zip(parameters, moved.split([one.numel() for one in parameters]), strict=True):
            parameter += part.view(parameter.shape)
    loss = F.cross_entropy(own(normalise(IMAGES.images, IMAGES.spec).double()), IMAGES.labels)
    return torch.cat([part.reshape(-1) for part in torch.autograd.grad(loss, parameters)])


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_products_and_the_largest_eigenvalue_are_those_of_torchs_whole_hessian(norm):
    """In both treatments of batch norm; and the products of the other treatment are others."""
    whole = whole_hessian(SMALL, norm)
    own = copy.deepcopy(SMALL).double().requires_grad_(True).train(norm == "reestimated")
    batch = normalise(IMAGES.images, IMAGES.spec).double(), IMAGES.labels
    product, drawn = hessian_product(own, *batch), start(len(whole))
    assert torch.allclose(product(drawn), whole @ drawn, rtol=1e-6, atol=1e-8)
    differences = (slope(norm, 1e-7 * drawn) - slope(norm, -1e-7 * drawn)) / 2e-7
    assert torch.allclose(product(drawn), differences, rtol=1e-4, atol=1e-4)
    largest = torch.linalg.eigvalsh(whole)[-1].item()
    assert largest_eigenvalue(product, drawn, 200, 1e-4).value == pytest.approx(largest, rel=1e-3)
    assert measure(SMALL, IMAGES, norm).value == pytest.approx(largest, rel=0.05)
    other = hessian_product(copy.deepcopy(own).train(norm == "fixed"), *batch)(drawn)
    assert not torch.allclose(other, whole @ drawn, rtol=0.1, atol=0.1)


def test_no_random_direction_bends_as_sharply():
    own = copy.deepcopy(SMALL).requires_grad_(True)
    product = hessian_product(own, normalise(IMAGES.images, IMAGES.spec), IMAGES.labels)
    sharpest = measure(SMALL, IMAGES, "fixed").value
    for seed in range(10):
        drawn = torch.randn(sum(p.numel() for p in own.parameters()), generator=torch.Generator().manual_seed(seed))
        drawn /= drawn.norm()
        assert torch.dot(drawn, product(drawn)).item() < 0.5 * sharpest


def test_the_memory_format_and_the_shared_net_do_not_matter():
    moved = convert_conv2d_weight_memory_format(copy.deepcopy(SMALL), torch.channels_last)
    before = {name: value.clone() for name, value in SMALL.state_dict().items()}
    for norm in NORMS:
        assert measure(moved, IMAGES, norm).value == pytest.approx(measure(SMALL, IMAGES, norm).value, rel=0.02)
    assert all(torch.equal(before[name], value) for name, value in SMALL.state_dict().items())
    assert not any(parameter.grad is not None for parameter in SMALL.parameters())


def test_a_stopped_record_goes_on_and_another_nets_is_refused(tmp_path):
    running = record(tmp_path, NETS, IMAGES, 12)
    first = next(running)
    running.close()
    assert len(read(tmp_path)) == 1 and (first.epoch, first.norm, first.n) == (0, "fixed", 12)
    assert len(list(record(tmp_path, NETS, IMAGES, 12))) == 3 and list(record(tmp_path, NETS, IMAGES, 12)) == []
    rows = read(tmp_path)
    assert [(row.epoch, row.norm) for row in rows] == [(0, "fixed"), (0, "reestimated"), (1, "fixed"),
                                                       (1, "reestimated")]
    assert rows[0].eigenvalue == pytest.approx(measure(SMALL, IMAGES, "fixed").value, rel=1e-5)
    assert replace(rows[0], eigenvalue=0) == replace(first, eigenvalue=0, residual=rows[0].residual, size=rows[0].size)
    for nets, n in ((NETS, 6), ({0: NETS[1]}, 12)):
        with pytest.raises(InputError) as caught:
            list(record(tmp_path, nets, IMAGES, n))
        assert caught.value.key == "surface_other" and read(tmp_path) == rows
    (tmp_path / FILE).write_text("epoch\nzebra\n")
    with pytest.raises(InputError, match="resnet path"):
        list(record(tmp_path, NETS, IMAGES, 12))
