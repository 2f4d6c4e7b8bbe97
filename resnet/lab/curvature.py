"""How sharply the loss bends: the largest eigenvalue of its Hessian, by Lanczos' method on products with it.

Unlike a slice it needs no direction to be chosen. Products are exact (Pearlmutter 1994, "Fast Exact Multiplication by
the Hessian"): the gradient's gradient along a vector, which never forms the matrix.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.data import Split, normalise
from resnet.lab.plane import NORMS, fingerprint
from resnet.util.csv import read_records, records_csv
from resnet.util.errors import InputError
from resnet.util.fields import hints
from resnet.util.files import write_file

FILE = "curvature.csv"
ITERATIONS, TOLERANCE = 80, 0.02
Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Eigenvalue:
    """value       of the eigenvalue
    iterations  products that it took
    residual    |Hv - value v| / |value| of the unit vector v that was found; 0 for an eigenvector
    """

    value: float
    iterations: int
    residual: float


def largest_eigenvalue(product: Product, start: Tensor, iterations: int = ITERATIONS,
                       tolerance: float = TOLERANCE) -> Eigenvalue:
    """The algebraically largest eigenvalue of a symmetric matrix, given by its products with vectors.

    Lanczos' method: power iteration that keeps its vectors, orthogonal to one another, and answers with the best in the
    space of them all. It converges in far fewer products, and an eigenvalue of large magnitude below zero does not hide
    the largest.

    Args:
        start: where the search begins; not orthogonal to the eigenvector that is sought.
        tolerance: stop at this residual; the value is then no further than this share of itself from an eigenvalue.
    """
    basis = (start / start.norm())[None]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = product(basis[-1])
        diagonal.append(torch.dot(basis[-1], image).item())
        for _ in range(2):  # once is not enough in fp32
            image = image - basis.T @ (basis @ image)
        rest = image.norm().item()
        value, last = _top(diagonal, beside)
        residual = rest * last / abs(value) if value else math.inf
        if residual <= tolerance or len(diagonal) == min(iterations, len(start)):
            return Eigenvalue(value, len(diagonal), residual)
        beside.append(rest)
        basis = torch.cat([basis, (image / rest)[None]])


def _top(diagonal: list[float], beside: list[float]) -> tuple[float, float]:
    """(the largest eigenvalue, the magnitude of its unit eigenvector's last entry) of a tridiagonal matrix."""
    off = torch.tensor(beside, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(torch.diag(torch.tensor(diagonal, dtype=torch.float64)) + torch.diag(off, 1)
                                        + torch.diag(off, -1))
    return values[-1].item(), abs(vectors[-1, -1].item())


def hessian_product(net: nn.Module, inputs: Tensor, labels: Tensor) -> Product:
    """v -> H v of the mean cross-entropy over a batch, in all parameters of the net, in the mode that the net is in."""
    parameters = list(net.parameters())
    loss = F.cross_entropy(net(inputs), labels)
    gradient = _flat(torch.autograd.grad(loss, parameters, create_graph=True))

    def product(vector: Tensor) -> Tensor:
        return _flat(torch.autograd.grad(gradient, parameters, vector, retain_graph=True)).detach()

    return product


def _flat(tensors: "tuple[Tensor, ...] | list[Tensor]") -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


@dataclass(frozen=True)
class Bend:
    """The largest eigenvalue of a net after an epoch of its training.

    norm      "fixed": eval mode, batch norm by its running statistics; "reestimated": train mode, by the batch's own
    n         images: the first n training images, without augmentation
    weights   the first digits of the SHA-256 of the net's tensors
    size      Euclidean norm of all parameters: the loss of a normalised net does not change with its kernels' scale,
              its eigenvalues do
    """

    epoch: int
    norm: str
    n: int
    weights: str
    eigenvalue: float
    iterations: int
    residual: float
    size: float


def measure(net: nn.Module, split: Split, norm: str, seed: int = 0) -> Eigenvalue:
    """Over all images of `split` as one batch, in fp32; the search starts from the seed's random vector."""
    own = copy.deepcopy(net).requires_grad_(True).train(norm == "reestimated")
    size = sum(parameter.numel() for parameter in own.parameters())
    start = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return largest_eigenvalue(hessian_product(own, normalise(split.images, split.spec), split.labels), start)


def record(folder: Path, nets: Mapping[int, nn.Module], split: Split, n: int) -> Iterator[Bend]:
    """Measure what curvature.csv in `folder` lacks, an epoch and a treatment at a time; yields the new rows.

    Raises:
        InputError: the file is damaged, or of other weights or images.
    """
    rows = {(row.epoch, row.norm): row for row in (read(folder) if (folder / FILE).exists() else ())}
    for epoch, net in nets.items():
        weights = fingerprint(net)
        for norm in NORMS:
            row = rows.get((epoch, norm))
            if row and (row.weights, row.n) != (weights, n):
                raise InputError("surface_other", file=str(folder / FILE))
            if row is None:
                rows[epoch, norm] = _bend(net, split.first(n), epoch, norm, weights)
                write_file(folder / FILE, records_csv(list(hints(Bend)), rows.values(), digits=6))
                yield rows[epoch, norm]


def _bend(net: nn.Module, split: Split, epoch: int, norm: str, weights: str) -> Bend:
    found = measure(net, split, norm)
    size = _flat(list(net.parameters())).norm().item()
    return Bend(epoch, norm, len(split), weights, found.value, found.iterations, found.residual, size)


def read(folder: Path) -> tuple[Bend, ...]:
    """The rows of a folder's curvature.csv.

    Raises:
        InputError: it is damaged.
    """
    return read_records(folder / FILE, Bend, "path")
