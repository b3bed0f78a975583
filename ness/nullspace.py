"""From the second moments of a layer's inputs to the directions in which it may move.

For inputs X (n x d) the uncentred second moment is M = X^T X = Q diag(lambda) Q^T, and
sigma_i = sqrt(lambda_i) are the singular values of X. A direction with a small sigma is one
that earlier inputs hardly use: moving the weight along it hardly moves the layer's outputs.

Leading dimensions are batch dimensions throughout: a grouped convolution has one moment per
group, M (groups, d, d).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Rule = Literal["nuclear", "frobenius", "energy"]


@dataclass(frozen=True)
class NullSpace:
    """The free and the protected directions of one layer's inputs.

    Shapes: ``V`` (..., d, r), orthonormal columns ordered by rising singular value; where a
    group's rank is below r its last columns are zero. ``C`` (..., d, k), the other directions
    likewise, by falling singular value. ``sigma`` (..., d), rising. ``threshold`` (...), the
    largest singular value that the rule counts as free. ``ranks`` (...), free directions per
    group. All float64 but ``ranks``.
    """

    V: Tensor
    C: Tensor
    sigma: Tensor
    threshold: Tensor
    ranks: Tensor

    @property
    def rank(self) -> int:
        """Free directions of the layer: of its freest group, where it is grouped."""
        return self.V.shape[-1]

    @property
    def frozen(self) -> bool:
        """No direction is free in any group."""
        return self.rank == 0

    @property
    def unconstrained(self) -> bool:
        """Every direction is free in every group, so nothing is protected."""
        return bool((self.ranks == self.sigma.shape[-1]).all())


def check_rule(rule: str, eps: float) -> None:
    """Raise `ValueError` for a rule that does not exist or an eps that means nothing."""
    if rule not in get_args(Rule):
        raise ValueError(f"rule = {rule!r} is unknown; choose one of {', '.join(get_args(Rule))}")
    if not (isinstance(eps, int | float) and math.isfinite(eps) and eps > 0):
        raise ValueError(f"eps = {eps!r} must be a positive number, for example 1e-3")


def decompose(M: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (rising, never negative) and eigenvectors of moments M (..., d, d), float64.

    Rounding leaves eigenvalues of a rank-deficient M slightly negative; they are zeros. The
    reference code discards its clamp, takes the square root, gets NaN and silently freezes
    the layer.

    Raises `ValueError` if M holds a NaN or an infinity.
    """
    if not torch.isfinite(M).all():
        raise ValueError("the moments hold NaN or infinity: the layer's inputs have overflowed")
    eigenvalues, eigenvectors = _eigh(M.double())
    return eigenvalues.clamp(min=0), eigenvectors


def _eigh(M: Tensor) -> tuple[Tensor, Tensor]:
    """`torch.linalg.eigh`, which gives up on some sound matrices with many zero rows.

    Those of a layer whose inputs are mostly dead ReLUs, one in four tried at d = 432. The
    singular vectors of a positive semi-definite matrix are its eigenvectors, and that
    algorithm does not fail on them; it takes several times as long.
    """
    try:
        eigenvalues, eigenvectors = torch.linalg.eigh(M)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        vectors, values, _ = torch.linalg.svd(M)
        return values.flip(-1), vectors.flip(-1)
    return eigenvalues, eigenvectors


def _unclamped(M: Tensor) -> tuple[Tensor, Tensor]:
    eigenvalues, eigenvectors = _eigh(M.float())
    return eigenvalues.double(), eigenvectors.double()


def take_smallest(eigenvectors: Tensor, ranks: Tensor) -> Tensor:
    """The first ``ranks`` eigenvectors of each group: (..., d, max rank), zero-padded."""
    widest = int(ranks.max())
    kept = torch.arange(widest, device=ranks.device) < ranks[..., None]
    return eigenvectors[..., :widest] * kept[..., None, :]


def null_space(
    M: Tensor, *, eps: float = 1e-3, rule: Rule = "nuclear", nan_freezes: bool = False
) -> NullSpace:
    """The directions of small singular values of inputs with second moment M (..., d, d).

    ``rule`` says which are small:

    - ``nuclear``: sigma_i <= eps * sum_j sigma_j, the authors' code (their ``eps_1``);
    - ``frobenius``: sigma_i <= eps * sqrt(trace M), the paper's text. Not interchangeable:
      on AlexNet features at eps = 1e-3 it leaves no direction free;
    - ``energy``: the most directions whose lambda_i sum to at most eps * trace M.

    ``nan_freezes`` decomposes in float32 and clamps nothing, as the authors' code does: one
    negative eigenvalue makes the threshold NaN, and no direction is free.
    """
    check_rule(rule, eps)
    eigenvalues, eigenvectors = _unclamped(M) if nan_freezes else decompose(M)
    sigma = eigenvalues.sqrt()
    if rule == "energy":
        free = eigenvalues.cumsum(-1) <= eps * eigenvalues.sum(-1, keepdim=True)
        ranks = free.sum(-1)
        last = (ranks - 1).clamp(min=0)[..., None]
        threshold = torch.where(ranks > 0, sigma.gather(-1, last)[..., 0], sigma.new_zeros(()))
    else:
        total = sigma.sum(-1) if rule == "nuclear" else eigenvalues.sum(-1).sqrt()
        threshold = eps * total
        ranks = (sigma <= threshold[..., None]).sum(-1)
    V = take_smallest(eigenvectors, ranks)
    C = take_smallest(eigenvectors.flip(-1), sigma.shape[-1] - ranks)
    return NullSpace(V, C, sigma, threshold, ranks)


def response(W: Tensor, M: Tensor) -> float:
    """||X W^T||_F^2 = trace(W M W^T) for a weight matrix W (..., out, d), summed over groups.

    For an update W = dW this is its interference: how much it changes the layer's outputs
    on the inputs that M recorded, with none of them kept.
    """
    W = W.to(M.device, torch.float64)
    return max(0.0, float(((W @ M.double()) * W).sum()))


def ratio(part: float, whole: float) -> float:
    """part / whole, where nothing over nothing is nothing."""
    if whole == 0:
        return 0.0 if part == 0 else math.inf
    return part / whole
