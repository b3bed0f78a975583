"""The mathematics: what is free, what is protected, and by how much it is disturbed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ness.nullspace import decompose, null_space, ratio, response

settings.register_profile("fast", max_examples=25, deadline=None)
settings.load_profile("fast")


def inputs(seed, n, d, rank=None):
    generator = torch.Generator().manual_seed(seed)
    rank = d if rank is None else rank
    left = torch.randn(n, rank, generator=generator, dtype=torch.float64)
    right = torch.randn(rank, d, generator=generator, dtype=torch.float64)
    return left @ right


@given(st.integers(0, 10**6), st.integers(2, 12), st.floats(1e-6, 0.5))
@pytest.mark.parametrize("rule", ["nuclear", "frobenius", "energy"])
def test_v_is_orthonormal_and_the_projector_idempotent(rule, seed, d, eps):
    X = inputs(seed, 20, d, rank=max(1, d // 2))
    space = null_space(X.T @ X, eps=eps, rule=rule)
    V = space.V
    assert V.shape == (d, space.rank)
    torch.testing.assert_close(V.T @ V, torch.eye(space.rank, dtype=V.dtype), atol=1e-10, rtol=0)
    P = V @ V.T
    torch.testing.assert_close(P @ P, P, atol=1e-10, rtol=0)


@given(st.integers(0, 10**6), st.integers(2, 12))
def test_an_update_ignores_protected_directions(seed, d):
    X = inputs(seed, 20, d, rank=max(1, d // 2))
    eigenvectors = torch.linalg.eigh(X.T @ X)[1]
    V = null_space(X.T @ X, eps=1e-3).V
    C = eigenvectors[:, V.shape[1] :]
    U = torch.randn(5, V.shape[1], dtype=torch.float64)
    x = C @ torch.randn(C.shape[1], dtype=torch.float64)
    assert (U @ (V.T @ x)).norm() <= 1e-9 * (1 + U.norm() * x.norm())


@given(st.integers(0, 10**6), st.integers(1, 10), st.integers(1, 6))
def test_interference_equals_the_change_of_outputs_on_the_data(seed, d, out):
    X = inputs(seed, 15, d)
    dW = inputs(seed + 1, out, d)
    expected = (X @ dW.T).square().sum().item()
    assert response(dW, X.T @ X) == pytest.approx(expected, rel=1e-9)


def test_interference_of_a_free_update_stays_below_its_bound():
    X = inputs(3, 40, 10)
    M = X.T @ X
    space = null_space(M, eps=0.05)
    assert 0 < space.rank < 10
    U = inputs(4, 6, space.rank)
    assert response(U @ space.V.T, M) ** 0.5 <= space.threshold.item() * U.norm().item() * (
        1 + 1e-9
    )


def test_rules_by_hand():
    # sigma = 0, 1, 2, 7: nuclear sum 10, Frobenius norm sqrt(54) = 7.35, energies 0, 1, 4, 49.
    M = torch.diag(torch.tensor([0.0, 1.0, 4.0, 49.0]))
    assert null_space(M, eps=0.1).rank == 2
    assert null_space(M, eps=0.1).threshold.item() == pytest.approx(1.0)
    assert null_space(M, eps=0.2).rank == 3
    assert null_space(M, eps=0.1, rule="frobenius").rank == 1
    assert null_space(M, eps=0.14, rule="frobenius").rank == 2
    assert null_space(M, eps=1 / 54, rule="energy").rank == 2
    assert null_space(M, eps=0.05, rule="energy").rank == 2
    assert null_space(M, eps=5 / 54 + 1e-9, rule="energy").rank == 3
    assert null_space(M, eps=0.05, rule="energy").threshold.item() == pytest.approx(1.0)


def test_rules_are_not_interchangeable_on_a_flat_spectrum():
    # protocol.md section 1: at the same eps the paper's norm leaves no direction free.
    M = torch.eye(64, dtype=torch.float64)
    assert null_space(M, eps=0.02, rule="nuclear").unconstrained
    assert null_space(M, eps=0.02, rule="frobenius").frozen


def test_rank_deficient_float32_moments_give_their_null_rank_and_no_nan():
    # protocol.md 4a: the authors' code gets NaN and rank 0 here, for every seed tried.
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        X = torch.relu(torch.randn(500, 1024, generator=generator))
        M = X.T @ X
        assert M.dtype == torch.float32
        assert torch.linalg.eigvalsh(M)[0] < 0  # what makes their square root NaN
        space = null_space(M, eps=1e-3)
        assert space.rank >= 1024 - 500
        assert torch.isfinite(space.sigma).all()
        assert math.isfinite(space.threshold)


def test_grouped_moments_are_padded_with_zero_columns():
    full = torch.diag(torch.tensor([0.0, 0.0, 1.0]))
    less = torch.diag(torch.tensor([0.0, 1.0, 1.0]))
    space = null_space(torch.stack([full, less]), eps=1e-3)
    assert space.ranks.tolist() == [2, 1]
    assert space.V.shape == (2, 3, 2)
    assert space.V[1, :, 1].abs().max() == 0
    assert space.V[0].any(0).all()


def test_frozen_and_unconstrained():
    assert null_space(torch.eye(4), eps=1e-3).frozen
    assert null_space(torch.eye(4), eps=0.5).unconstrained
    dead = null_space(torch.zeros(4, 4), eps=1e-3)
    assert dead.unconstrained


@pytest.mark.parametrize("eps", [0, -1e-3, math.nan, math.inf])
def test_eps_must_be_positive(eps):
    with pytest.raises(ValueError, match="eps"):
        null_space(torch.eye(2), eps=eps)


def test_unknown_rule_and_infinite_moments_are_named():
    with pytest.raises(ValueError, match="frobenius"):
        null_space(torch.eye(2), eps=1e-3, rule="spectral")
    with pytest.raises(ValueError, match="NaN or infinity"):
        null_space(torch.full((2, 2), math.nan))


def test_ratio_of_nothing():
    assert ratio(0.0, 0.0) == 0.0
    assert ratio(1.0, 0.0) == math.inf


def mostly_dead(seed: int, d: int = 432, live: int = 22) -> Tensor:
    """Second moments of 64 inputs of which few are ever above zero, of very different sizes."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.zeros(64, d, dtype=torch.float64)
    sizes = torch.rand(live, generator=generator, dtype=torch.float64) * 1e-3
    inputs = torch.randn(64, live, generator=generator, dtype=torch.float64).relu()
    X[:, torch.randperm(d, generator=generator)[:live]] = inputs * sizes
    return X.T @ X


def assert_decomposed(M: Tensor, live: int = 22) -> None:
    eigenvalues, V = decompose(M)
    assert torch.allclose(V.T @ V, torch.eye(len(M), dtype=V.dtype), atol=1e-10)
    assert torch.allclose((V * eigenvalues) @ V.T, M, atol=1e-10 * float(M.max()))
    assert torch.all(eigenvalues.diff() >= 0)
    assert int((eigenvalues <= 1e-13 * eigenvalues[-1]).sum()) == len(M) - live
    assert int(null_space(M, eps=1e-6).ranks) == len(M) - live


@pytest.mark.parametrize("seed", range(10))
def test_layers_with_mostly_dead_inputs_are_decomposed(seed: int) -> None:
    """torch's eigh gives up on a quarter of these, "failed to converge"."""
    assert_decomposed(mostly_dead(seed))


def test_what_eigh_gives_up_on_is_decomposed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(M: Tensor) -> None:
        raise torch.linalg.LinAlgError("the algorithm failed to converge")

    monkeypatch.setattr(torch.linalg, "eigh", give_up)
    assert_decomposed(mostly_dead(0))
