"""Audits that prove: a sample by default, every row where requested, and what is said where nothing is proved."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat, audit
from fairtoll.audits import audit_again
from fairtoll.data import Dataset
from fairtoll.evidence import Evidence

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 2)).astype(np.float32)
DATA = Dataset(X, ((np.sin(3 * X[:, 0]) + X[:, 1]) > 0).astype(int), ("no", "yes"))
QUICK = {"threat": LinfThreat(), "epsilons": [0.2]}


def network(seed, activation=nn.Tanh):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 8), activation(), nn.Linear(8, 2))
    optimiser = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(torch.tensor(X)), torch.tensor(DATA.y)).backward()
        optimiser.step()
    return model.eval()


MODELS = {"plain": [network(0), network(1)], "robust": [network(2), network(3)]}


def brute_force(model, epsilon):
    """Share of rows with a misclassified point on a fine grid around them."""
    steps = torch.linspace(-epsilon, epsilon, 81)
    moves = torch.cartesian_prod(steps, steps)
    with torch.no_grad():
        wrong = [
            (model(row + moves).argmax(dim=1) != label).any()
            for row, label in zip(torch.tensor(X), DATA.y, strict=True)
        ]
    return torch.stack(wrong).float().mean().item()


def test_an_exact_audit_is_brute_force(tmp_path):
    found = audit(MODELS, DATA, **QUICK, exact=True, least_epsilon_max=1.0, out=tmp_path / "run")
    proofs = {(one.arm, one.attack): one for one in found.results.proofs}
    for arm, models in MODELS.items():
        whole = proofs[arm, "proof"].groups[0]
        assert whole.unknown == 0
        # One row of the first model breaks at 0.2000003.
        assert whole.within_rounding <= 1 / 160
        # A grid finds no more than there is, and misses what lies between its points.
        gridded = np.mean([brute_force(model, 0.2) for model in models])
        assert gridded - 1e-9 <= whole.broken <= gridded + 0.02
        assert proofs[arm, "least-epsilon-proof"].narrow == 1.0
    rates = [one for one in found.results.findings if one.metric == "cru_s"]
    assert {one.parameters.evaluation for one in rates} == {"proved"}
    assert all(one.difference.proved is not None for one in rates)
    assert found.results.configuration["exact"] is True
    again = audit_again(Evidence.load(tmp_path / "run" / "evidence"), found.results.configuration)
    assert again.results.findings == found.results.findings
    assert (tmp_path / "run" / "tables" / "proofs.csv").is_file()


def test_by_default_a_sample_says_how_much_is_proved():
    found = audit(MODELS, DATA, **QUICK)
    assert {(one.arm, one.evaluation, one.rows) for one in found.results.proofs} == {
        ("plain", "proved", 160), ("robust", "proved", 160),
    }  # fmt: skip
    assert {one.parameters.evaluation for one in found.results.findings if one.metric == "cru_s"} == {"white-box"}


def test_where_no_bound_is_known_the_audit_goes_on_and_says_so():
    others = {"plain": network(0), "robust": network(2, nn.GELU)}
    found = audit(others, DATA, **QUICK)
    assert [one.arm for one in found.results.proofs] == ["plain"]
    (note,) = [note for note in found.results.notes if note.startswith("Nothing is proved of")]
    assert "robust: no bound is known for 1 (GELU)" in note
    with pytest.raises(FairtollError, match=r"arm 'robust': no bound is known for 1 \(GELU\).* or leave exact"):
        audit(others, DATA, **QUICK, exact=True)


def test_where_many_features_may_move_the_audit_says_what_would_prove():
    data = Dataset(RNG.normal(size=(40, 9)), np.arange(40) % 2, ("no", "yes"))
    models = {name: nn.Sequential(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 2)) for name in ("plain", "robust")}
    found = audit(models, data, **QUICK)
    assert not found.results.proofs
    assert "9 features may move" in " ".join(found.results.notes)
    exact = audit(models, data, threat=LinfThreat(), epsilons=[0.01], exact=True)
    assert {one.rows for one in exact.results.proofs} == {40}


def test_exact_is_true_or_false():
    with pytest.raises(FairtollError, match="exact is 'yes'; expected True, to prove or refute every row, or False"):
        audit(MODELS, DATA, **QUICK, exact="yes")
