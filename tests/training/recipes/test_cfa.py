"""CFA: calibration by hand, averages of admitted epochs only, and as training."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat, ModelStack
from fairtoll.training import train_standard
from fairtoll.training.part_errors import part_errors
from fairtoll.training.part_policy import PartPolicy, train_with_policy
from fairtoll.training.recipes import cfa
from fairtoll.training.recipes.cfa import FairAverage, calibrate, train_cfa
from repair_examples import by_autograd, setup_of

OPTIONS = {"threat": LinfThreat(), "epsilon": 0.3, "steps": 3}


def test_calibration_by_hand():
    """t = 0.7 and 0.2, beta 6: radii 1.0 and 0.5; b = 7.2 and 4.2; (CE + b KL) / (1 + b)."""
    policy = PartPolicy.alike(setup_of().parts("class"), models=1, beta=6.0)
    calibrate(policy, torch.tensor([[0.7, 0.2]]).double(), beta=6.0, radius_base=0.3, agreement_base=0.5)
    np.testing.assert_allclose(policy.radius, [[1.0, 0.5]], atol=1e-7)
    np.testing.assert_allclose(policy.accuracy, [[1 / 8.2, 1 / 5.2]], atol=1e-7)
    np.testing.assert_allclose(policy.agreement, [[7.2 / 8.2, 4.2 / 5.2]], atol=1e-7)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.85])
def test_averages_are_those_of_a_plain_loop(decay):
    """Three models: admitted at some epochs, at the first alone, and never."""
    random = np.random.default_rng(0)
    weights = random.normal(size=(5, 3))
    worst = np.array([[0.1, 0.4, 0.01], [0.3, 0.1, 0.19], [0.15, 0.0, 0.12], [0.2, 0.1, 0.1], [0.9, 0.1, 0.0]])
    stack, average = ModelStack([nn.Linear(1, 1)] * 3), FairAverage(decay=decay, threshold=0.2)
    for epoch in range(5):
        stack.parameters["bias"] = torch.tensor(weights[epoch]).unsqueeze(1)
        average.add(stack, torch.tensor(worst[epoch]))
    expected = []
    for model in range(3):
        admitted = [weights[epoch, model] for epoch in range(5) if worst[epoch, model] >= 0.2]
        if not admitted:
            expected.append(weights[worst[:, model].argmax(), model])
            continue
        mean = admitted[0]
        for one in admitted[1:]:
            mean = decay * mean + (1 - decay) * one
        expected.append(mean)
    np.testing.assert_allclose(average.replace(stack).parameters["bias"].squeeze(1), expected, rtol=1e-6)


@pytest.mark.parametrize("partition", ["class", "sex"])
def test_without_agreement_and_average_it_is_standard_training_bit_for_bit(partition):
    given = setup_of(network=by_autograd)
    fair = train_cfa(given, partition=partition, beta=0.0, decay=0.0, threshold=0.0, **OPTIONS)
    for name, tensor in train_standard(given.hold_out(partition=partition)[0]).parameters.items():
        assert torch.equal(tensor, fair.parameters[name])


def test_with_a_threshold_that_no_epoch_meets_the_best_epoch_is_used():
    """Noise of 100% cannot be met by both classes at once; each epoch is trained and measured here once more."""
    given = setup_of((0,), epochs=5)
    smaller, held_out = given.hold_out()
    policy = PartPolicy.alike(given.parts("class"), models=1, beta=6.0)
    policy.accuracy, policy.agreement = policy.accuracy / 7, policy.agreement / 7
    epochs = []

    def after_epoch(stack, epoch):
        errors = part_errors(stack, given, held_out, given.parts("class"), epoch=epoch, seeds=[0], **OPTIONS)
        epochs.append((errors.robust.max().item(), stack.parameters["weight"].detach().clone()))

    train_with_policy(smaller, policy, after_epoch=after_epoch, **OPTIONS)
    assert min(error for error, _ in epochs) > 0
    assert len({error for error, _ in epochs}) > 1
    fair = train_cfa(given, threshold=1.0, warm_up=1.0, **OPTIONS)
    assert torch.equal(fair.parameters["weight"], min(epochs, key=lambda one: one[0])[1])


@pytest.mark.parametrize("partition", ["class", "sex"])
def test_an_epochs_robust_training_accuracy_calibrates_the_next(partition, monkeypatch):
    """Seen by the trainer: neighbours that some model misclassifies, counted by group."""
    given, policies, counts = setup_of((5, 6), epochs=2), [], []
    parts = given.parts(partition)

    def training(setup, policy, *, watch, after_epoch, **options):
        def both(stack, batch, moved):
            watch(stack, batch, moved)
            if batch.epoch == 0:
                right = stack(moved[0])[0].argmax(1) == batch.labels[0]
                counts.append(torch.stack([parts.codes[batch.positions[0]], right.long()]))

        def after(stack, epoch):
            after_epoch(stack, epoch)
            if epoch == 0:
                policies.append((policy.radius.clone(), policy.agreement.clone()))

        return train_with_policy(setup, policy, watch=both, after_epoch=after, **options)

    monkeypatch.setattr(cfa, "train_with_policy", training)
    train_cfa(given, partition=partition, **OPTIONS)
    codes, right = torch.cat(counts, dim=1)
    robust = torch.stack([right[codes == part].double().mean() for part in range(len(parts))])
    np.testing.assert_allclose(policies[0][0][0], 0.3 + robust, atol=1e-9)
    b = 6 * (0.5 + robust)
    np.testing.assert_allclose(policies[0][1][0], b / (1 + b), atol=1e-9)


def test_it_does_not_begin_before_the_end_of_the_warm_up():
    given = setup_of(epochs=4)
    late, never, early = (
        train_cfa(given, warm_up=share, decay=0.0, threshold=0.0, **OPTIONS).parameters["weight"]
        for share in (1.0, 0.99, 0.25)
    )
    assert torch.equal(late, never)
    assert not torch.equal(late, early)
