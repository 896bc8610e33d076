"""Attack objects of Foolbox and ART are the attack that `External` names, or an error says what cannot be read."""

import art.attacks.evasion as art
import foolbox
import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from fairtoll import FairtollError, LinfThreat, audit
from fairtoll.attacks import PGD, External, Union
from fairtoll.attacks.given import as_attack
from fairtoll.data import Dataset

CLASSIFIER = PyTorchClassifier(nn.Linear(3, 2), loss=nn.CrossEntropyLoss(), input_shape=(3,), nb_classes=2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (foolbox.attacks.LinfPGD(), External("foolbox", "LinfProjectedGradientDescentAttack")),
        (
            foolbox.attacks.LinfPGD(steps=7, rel_stepsize=0.2, random_start=False),
            External(
                "foolbox",
                "LinfProjectedGradientDescentAttack",
                {"steps": 7, "rel_stepsize": 0.2, "random_start": False},
            ),
        ),
        (foolbox.attacks.L2DeepFoolAttack(steps=5), External("foolbox", "L2DeepFoolAttack", {"steps": 5})),
        (
            foolbox.attacks.InversionAttack(distance=foolbox.distances.l2),
            External("foolbox", "InversionAttack", norm="l2"),
        ),
        (
            art.ProjectedGradientDescent(
                CLASSIFIER, norm=2, eps=0.4, eps_step=0.1, max_iter=7, decay=0.5, verbose=False
            ),
            External("art", "ProjectedGradientDescent", {"norm": 2, "eps_step": 0.125, "max_iter": 7, "decay": 0.5}),
        ),
        (art.DeepFool(CLASSIFIER, max_iter=9, verbose=False), External("art", "DeepFool", {"max_iter": 9})),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_settings_are_read(given, expected):
    assert as_attack(given) == expected


def test_what_is_no_object_of_a_library_stays():
    for given in (PGD(), "pgd", foolbox.attacks.LinfPGD, None):
        assert as_attack(given) is given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda: foolbox.attacks.LinfPGD(abs_stepsize=0.01), "abs_stepsize of the object .* give rel_stepsize"),
        (
            lambda: foolbox.attacks.HopSkipJumpAttack(initial_gradient_eval_steps=7),
            "initial_num_evals .* name the attack",
        ),
        (
            lambda: foolbox.attacks.BoundaryAttack(init_attack=foolbox.attacks.SaltAndPepperNoiseAttack()),
            "init_attack of the object foolbox's BoundaryAttack is a SaltAndPepperNoiseAttack",
        ),
        (lambda: art.ProjectedGradientDescent(CLASSIFIER, targeted=True, verbose=False), "targeted .* no target"),
        (
            lambda: art.ProjectedGradientDescent(CLASSIFIER, eps=np.ones(3), eps_step=np.ones(3) / 9, verbose=False),
            "eps_step of the object .* is a ndarray",
        ),
        (lambda: CLASSIFIER, "art has no attack 'PyTorchClassifier'"),
    ],
)
def test_what_cannot_be_read_is_refused(given, says):
    with pytest.raises(FairtollError, match=says):
        as_attack(given())


def test_an_audit_and_a_union_take_them():
    model = nn.Linear(2, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [1.0, 0.5]]), "bias": torch.zeros(2)})
    x = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)
    data, epsilon = Dataset(x, y, ("low", "high")), 0.2
    pgd = foolbox.attacks.LinfPGD(steps=5, rel_stepsize=0.4)
    found = audit(
        {"one": model, "other": model}, data, threat=LinfThreat(), epsilons=[epsilon],
        attacks=[pgd, Union([pgd, PGD(steps=5)])],
    )  # fmt: skip
    # The nearest misclassified point of a linear model is at |w.x| / |w|_1.
    held = (np.abs(x[:, 0] + 0.5 * x[:, 1]) > 1.5 * epsilon).mean()
    white = [one for one in found.results.accuracy if one.evaluation == "white-box"]
    assert {one.attack for one in white} >= {as_attack(pgd).name, f"union-{as_attack(pgd).name}+pgd-5"}
    assert [one.mean for one in white] == [pytest.approx(held)] * len(white)
