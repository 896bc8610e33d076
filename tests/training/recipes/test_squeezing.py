"""Feature squeezing: what is rounded, what attacks see, and how many clean rows the detector flags."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD, zero_gradient
from fairtoll.data import Dataset
from fairtoll.inputs.features import Feature
from fairtoll.models import prepare
from fairtoll.models.defended import attacked_form, naive_form
from fairtoll.models.squeezed import Squeezed, threshold_of
from fairtoll.models.squeezers import Levels
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup

ROWS = 2000
DRAWS = np.random.default_rng(0)
FEATURES = (
    Feature("age", "continuous", integer=True, low=0, high=100, unit="years"),
    Feature("colour", "categorical", integer=True, low=0, high=2, unit="code", categories=("red", "green", "blue")),
    Feature("length", "continuous", integer=False, low=-5, high=5, unit="metres"),
)
TABLE = np.stack([DRAWS.uniform(0, 100, ROWS), DRAWS.integers(0, 3, ROWS), DRAWS.normal(0, 1, ROWS)], axis=1)
LABELS = (TABLE[:, 0] / 50 + TABLE[:, 2] > 1).astype(int)
DATA = Dataset(TABLE.astype(np.float32), LABELS, ("short", "long"), features=FEATURES)
SQUEEZING = RECIPES["squeezing"]
ADVERSARY = Adversary(LinfThreat(scale=[10.0, 0.0, 0.2]), 1.0)


def setup_of(rows=DATA):
    settings = FitSettings(epochs=4, batch_size=50, learning_rate=0.01)
    return TrainingSetup.for_rows(rows, seeds=[0], settings=settings)


def test_only_numbers_are_rounded_and_to_so_many_levels_of_their_range():
    (squeezed,) = SQUEEZING.at(3.0).deployed([nn.Linear(3, 2)], setup_of(), ADVERSARY)
    x = torch.from_numpy(DATA.x)
    rounded = squeezed.squeeze(x)
    assert len(rounded[:, 0].unique()) == len(rounded[:, 2].unique()) == 8
    assert torch.equal(rounded[:, 1], x[:, 1])
    for column in (0, 2):
        width = float(x[:, column].max() - x[:, column].min()) / 7
        assert float((rounded[:, column] - x[:, column]).abs().max()) <= width / 2 * (1 + 1e-5)
    assert torch.equal(squeezed.squeeze(rounded), rounded)


def test_the_held_out_rows_are_not_trained_on():
    setup = setup_of()
    _, held_out = setup.hold_out(0.1)
    changed = DATA.x.copy()
    changed[held_out.numpy(), 2] += 1000.0
    # The layer that standardises reads every row: the setup's network stays that of the first rows.
    other = TrainingSetup(torch.from_numpy(changed), setup.y, setup.items, [0], setup.network, setup.settings)
    for name, weights in SQUEEZING(setup, ADVERSARY).parameters.items():
        assert torch.equal(weights, SQUEEZING(other, ADVERSARY).parameters[name])


def test_the_gradient_passes_the_squeezer_as_if_it_were_not_there():
    linear = nn.Linear(3, 2)
    (squeezed,) = SQUEEZING.deployed([linear], setup_of(), ADVERSARY)
    x = torch.from_numpy(DATA.x[:9]).requires_grad_(True)
    torch.testing.assert_close(squeezed(x), linear(squeezed.squeeze(x.detach())))
    (gradient,) = torch.autograd.grad(squeezed(x)[:, 0].sum(), x)
    torch.testing.assert_close(gradient, linear.weight[0].expand(9, 3))
    (exact,) = torch.autograd.grad(naive_form(squeezed)(x)[:, 0].sum(), x)
    assert torch.equal(exact[:, [0, 2]], torch.zeros(9, 2))
    y, threat = torch.zeros(9, dtype=torch.int64), LinfThreat(scale=[1.0, 0.0, 1.0])
    assert zero_gradient(naive_form(squeezed), x.detach(), y, threat=threat).all()
    assert not zero_gradient(attacked_form(squeezed), x.detach(), y, threat=threat).any()
    assert prepare(squeezed, x.detach()).probed.gradients == "present"


def test_an_attack_through_the_squeezer_breaks_what_one_with_its_own_gradient_does_not():
    setup = setup_of()
    (squeezed,) = SQUEEZING.deployed(SQUEEZING(setup, ADVERSARY).members(), setup, ADVERSARY)
    x, y = torch.from_numpy(DATA.x[:300]), torch.from_numpy(DATA.y[:300])
    how = {"threat": ADVERSARY.threat, "epsilon": 3.0}
    naive, adaptive = (PGD(steps=10)(form, x, y, **how).success for form in (naive_form(squeezed), squeezed))
    assert torch.equal(naive_form(squeezed)(x).argmax(dim=1), squeezed(x).argmax(dim=1))
    assert not (naive & ~adaptive).any()
    assert adaptive.float().mean() > naive.float().mean() + 0.2


def test_a_detector_flags_its_share_of_new_clean_rows():
    """Rows from the same distribution that neither training nor the threshold saw: within the binomial interval."""
    setup = setup_of()
    (squeezed,) = SQUEEZING.at(4.0).deployed(SQUEEZING(setup, ADVERSARY).members(), setup, ADVERSARY)
    draws = np.random.default_rng(1)
    new = np.stack([draws.uniform(0, 100, 4000), draws.integers(0, 3, 4000), draws.normal(0, 1, 4000)], axis=1)
    flagged = int(squeezed.flags(torch.from_numpy(new.astype(np.float32))).sum())
    # A rate that itself is drawn: of 199 held-out rows (a tenth of each class) the threshold is the 190th.
    held_out = len(setup.hold_out(0.1)[1])
    above = held_out + 1 - int(np.ceil((held_out + 1) * 0.95))
    low, high = stats.betabinom(4000, above, held_out + 1 - above).interval(0.99)
    assert low <= flagged <= high


def test_the_threshold_holds_its_rate_over_many_draws():
    draws = torch.rand(3000, 60, generator=torch.Generator().manual_seed(0))
    flagged = [float(row[59] > threshold_of(row[:59])) for row in draws]
    low, high = stats.binom(3000, 3 / 60).interval(0.99)  # the 57th of 59: a new row is one of the 3 largest of 60
    assert low <= sum(flagged) <= high


def test_the_detector_looks_at_the_largest_change():
    one, other = Levels(torch.zeros(1), torch.ones(1), bits=1), Levels(torch.zeros(1), torch.ones(1), bits=8)
    linear = nn.Linear(1, 2)
    x = torch.rand(20, 1, generator=torch.Generator().manual_seed(0))
    expected = (linear(one(x)).softmax(dim=1) - linear(x).softmax(dim=1)).abs().sum(dim=1)
    finer = (linear(other(x)).softmax(dim=1) - linear(x).softmax(dim=1)).abs().sum(dim=1)
    clean = torch.rand(39, 1, generator=torch.Generator().manual_seed(1))
    found = Squeezed(linear, one, [other, one], clean=clean)
    torch.testing.assert_close(found.change(x), torch.maximum(expected, finer).detach())
    # Of 39 clean rows the 38th smallest: one of them is flagged.
    assert found.flags(clean).sum() == 1
    assert torch.equal(found.flags(x), found.change(x) > found.threshold)
    assert not Squeezed(linear, one, [other, one]).flags(x).any()


def test_images_are_squeezed_between_0_and_1():
    images = Dataset(DRAWS.uniform(0.2, 0.8, (300, 3, 8, 8)), np.arange(300) % 2, ("cat", "dog"))
    setup = TrainingSetup(
        torch.from_numpy(images.x),
        torch.from_numpy(images.y),
        torch.arange(300),
        [0],
        lambda: nn.Flatten(),
        data=images,
    )
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    (squeezed,) = SQUEEZING.at(1.0).deployed([network], setup, ADVERSARY)
    assert len(squeezed.detectors) == 3
    assert squeezed.detectors[0](setup.x).unique().tolist() == [0.0, 1.0]


def test_bad_input():
    with pytest.raises(FairtollError, match=r"bits is 0.0; expected a whole number from 1 to 16; give"):
        SQUEEZING.at(0.0).deployed([nn.Linear(3, 2)], setup_of(), ADVERSARY)
    with pytest.raises(FairtollError, match=r"bits is 2.5; expected a whole number"):
        SQUEEZING.at(2.5).deployed([nn.Linear(3, 2)], setup_of(), ADVERSARY)
    with pytest.raises(FairtollError, match="a detector of no squeezers; expected one or more"):
        Squeezed(nn.Linear(3, 2), nn.Identity(), [])
    with pytest.raises(FairtollError, match="a detector has 3 held-out rows; expected 19 or more"):
        Squeezed(nn.Linear(3, 2), nn.Identity(), [nn.Identity()], clean=torch.zeros(3, 3)).flags(torch.zeros(1, 3))
    with pytest.raises(FairtollError, match="a detector has 18 held-out rows; expected 19 or more"):
        threshold_of(torch.rand(18))
