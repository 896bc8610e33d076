"""DAFA: weights by hand and by the published loop, groups by their cells, and as training."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.training.part_policy import train_with_policy
from fairtoll.training.recipes import dafa
from fairtoll.training.recipes.dafa import cells_of, distance_aware_weights, similarity_of_cells, train_dafa
from fairtoll.training.recipes.trades import train_trades
from repair_examples import by_autograd, setup_of

OPTIONS = {"threat": LinfThreat(), "epsilon": 0.3, "steps": 3}


def published(similarity, scale):
    """The loop over pairs: the harder of two takes from the easier."""
    weights = np.ones(len(similarity))
    for i in range(len(similarity)):
        for j in range(len(similarity)):
            if i == j:
                continue
            if similarity[i, i] < similarity[j, j]:
                weights[i] += scale * similarity[i, j] * similarity[j, j]
            else:
                weights[i] -= scale * similarity[j, i] * similarity[i, i]
    return weights


def test_three_classes_by_hand():
    """
    Class 0 (0.4) takes 0.5 * 0.6 from class 1 and 0.1 * 0.8 from class 2; class 1 (0.6) takes 0.3 * 0.8 from class 2:
    1 + 0.3 + 0.08 = 1.38, 1 - 0.3 + 0.24 = 0.94, 1 - 0.08 - 0.24 = 0.68.
    """
    similarity = torch.tensor([[[0.4, 0.5, 0.1], [0.1, 0.6, 0.3], [0.05, 0.15, 0.8]]]).double()
    np.testing.assert_allclose(distance_aware_weights(similarity, exchange=1.0), [[1.38, 0.94, 0.68]], atol=1e-7)
    np.testing.assert_allclose(distance_aware_weights(similarity, exchange=0.5), [[1.19, 0.97, 0.84]], atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_ten_classes_by_the_published_loop(seed):
    similarity = np.random.default_rng(seed).dirichlet(np.full(10, 0.5), size=(2, 10))
    found = distance_aware_weights(torch.from_numpy(similarity), exchange=0.7)
    for own, expected in zip(found, similarity, strict=True):
        np.testing.assert_allclose(own, np.maximum(published(expected, 0.7), 0), rtol=1e-9)
    assert found.sum(dim=1).tolist() == pytest.approx([10, 10]) or (found == 0).any()


def test_no_exchange_is_a_weight_of_one_exactly_and_no_weight_is_negative():
    similarity = torch.tensor([[[0.1, 0.9], [0.0, 1.0]]])
    assert distance_aware_weights(similarity, exchange=0.0).tolist() == [[1.0, 1.0]]
    assert distance_aware_weights(similarity, exchange=5.0).tolist() == [[5.5, 0.0]]


def test_with_one_group_the_cells_are_the_classes():
    probabilities = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 4)))
    found = similarity_of_cells(probabilities, torch.arange(4), torch.tensor([5, 7, 2, 9]))
    torch.testing.assert_close(found, probabilities)


def test_cells_of_two_groups_by_hand():
    """
    Cells (f, 0), (f, 1), (m, 0), (m, 1) of 10, 2, 30, 6 rows. A quarter of the rows of each class is f.
    (f, 0) gives 0.4 to class 1: 0.1 to (f, 1), 0.3 to (m, 1), nothing to (m, 0).
    """
    given = torch.tensor([[[0.6, 0.4], [0.5, 0.5], [0.9, 0.1], [0.2, 0.8]]]).double()
    found = similarity_of_cells(given, torch.tensor([0, 1, 0, 1]), torch.tensor([10, 2, 30, 6]))
    expected = [[0.6, 0.1, 0.0, 0.3], [0.125, 0.5, 0.375, 0.0], [0.0, 0.025, 0.9, 0.075], [0.05, 0.0, 0.15, 0.8]]
    np.testing.assert_allclose(found[0], expected, atol=1e-9)
    weights = distance_aware_weights(found, exchange=1.0)[0]
    np.testing.assert_allclose(weights, published(np.array(expected), 1.0), atol=1e-9)
    assert weights.sum().item() == pytest.approx(4)
    # The hardest cell gains most, the easiest loses most.
    assert weights.argmax() == 1
    assert weights.argmin() == 2


def test_cells_that_no_row_is_in_are_left_out():
    given = setup_of()
    cells, labels = cells_of(given.parts("sex & class"), given.y)
    assert len(cells) == len(labels) == 4
    again, same = cells_of(given.parts("sex"), given.y)
    assert torch.equal(cells.codes, again.codes)
    assert torch.equal(labels, same)
    of_classes, own = cells_of(given.parts("class"), given.y)
    assert torch.equal(of_classes.codes, given.y)
    assert own.tolist() == [0, 1]


@pytest.mark.parametrize("network", [lambda: nn.Linear(2, 2), by_autograd], ids=["closed form", "autograd"])
@pytest.mark.parametrize("partition", ["class", "sex"])
@pytest.mark.parametrize("changed", [{"exchange": 0.0}, {"warm_up": 1.0}], ids=["no exchange", "never"])
def test_without_exchange_it_is_trades_bit_for_bit(network, partition, changed):
    given = setup_of(network=network)
    fair, plain = train_dafa(given, partition=partition, **changed, **OPTIONS), train_trades(given, **OPTIONS)
    for name, tensor in plain.parameters.items():
        assert torch.equal(tensor, fair.parameters[name])


@pytest.mark.parametrize("partition", ["class", "sex"])
def test_weights_come_from_the_probabilities_of_one_epoch(partition, monkeypatch):
    """Seen by the trainer: the softmax of every neighbour of the second of three epochs, by cell, in a plain loop."""
    given, policies, seen = setup_of((5, 6), epochs=3), [], []

    def training(setup, policy, *, watch, after_epoch, **options):
        def both(stack, batch, moved):
            watch(stack, batch, moved)
            if batch.epoch == 1:
                given_of = stack(moved[0])[0].softmax(1).detach()
                seen.extend(zip(batch.positions[0].tolist(), given_of.double().numpy(), strict=True))

        def after(stack, epoch):
            after_epoch(stack, epoch)
            policies.append((policy.accuracy.clone(), policy.radius.clone(), policy.agreement.clone()))

        return train_with_policy(setup, policy, watch=both, after_epoch=after, **options)

    monkeypatch.setattr(dafa, "train_with_policy", training)
    train_dafa(given, partition=partition, warm_up=0.6, beta=6.0, **OPTIONS)
    sexes = given.parts("sex")
    cells = {}
    for position, softmax in seen:
        group = int(sexes.codes[position]) if partition == "sex" else 0
        cells.setdefault((group, int(given.y[position])), []).append(softmax)
    names = sorted(cells)
    similarity = np.zeros((len(names), len(names)))
    for i, one in enumerate(names):
        mean = np.mean(cells[one], axis=0)
        for j, other in enumerate(names):
            if i == j:
                similarity[i, j] = mean[one[1]]
            elif one[1] != other[1]:
                same = sum(len(rows) for name, rows in cells.items() if name[1] == other[1])
                similarity[i, j] = mean[other[1]] * len(cells[other]) / same
    expected = published(similarity, 1.0)
    assert (policies[0][0] == 1).all()
    for accuracy, radius, agreement in policies[1:]:
        np.testing.assert_allclose(accuracy[0], expected, rtol=1e-5)
        assert torch.equal(accuracy, radius)
        assert (agreement == 6).all()
