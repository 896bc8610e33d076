"""Losses of a clean row and its moved copy: the published formulas, and their gradients by autograd."""

import pytest
import torch
from torch.nn import functional

from fairtoll.training.batch import Batch, BatchNoise
from fairtoll.training.pair_loss import agreement_loss
from fairtoll.training.recipes.mart import mart_loss

MODELS, ROWS = 2, 12
DRAW = torch.Generator().manual_seed(0)
SOME = torch.rand(MODELS, ROWS, generator=DRAW, dtype=torch.float64)


def batch_of(classes):
    rows, labels = torch.zeros(MODELS, ROWS, 1), torch.randint(classes, (MODELS, ROWS), generator=DRAW)
    return Batch(rows, rows, labels, labels, BatchNoise([0] * MODELS, epoch=0), 0)


def logits_of(classes, dtype=torch.float64, size=3.0):
    return (size * torch.randn(MODELS, ROWS, classes, generator=DRAW, dtype=torch.float64)).to(dtype)


LOSSES = {
    "trades": agreement_loss(lambda batch: (1.0, 6.0)),
    "weighted": agreement_loss(lambda batch: (SOME, 1 + batch.labels.double())),
    "mart": mart_loss(5.0),
}


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", LOSSES)
def test_closed_form_gradients_are_those_of_autograd(name, classes):
    loss, batch, shares = LOSSES[name], batch_of(classes), SOME / SOME.sum(dim=1, keepdim=True)
    clean, moved = (logits_of(classes).requires_grad_(True) for _ in range(2))
    (shares * loss.of_logits(clean, moved, batch)).sum().backward()
    slope = loss.slopes(batch, shares)
    for member in range(MODELS):
        found = slope(member, clean[member].detach().numpy(), moved[member].detach().numpy())
        for wanted, one in zip((clean, moved), found, strict=True):
            torch.testing.assert_close(torch.from_numpy(one.copy()), wanted.grad[member], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_where_all_is_certain_gradients_are_finite(name):
    """In single precision, where a probability is 0 and its logarithm is not finite."""
    batch, shares = batch_of(3), torch.full((MODELS, ROWS), 1 / ROWS)
    clean, moved = (logits_of(3, torch.float32, size=300.0) for _ in range(2))
    slope = LOSSES[name].slopes(batch, shares)
    assert torch.isfinite(LOSSES[name].of_logits(clean, moved, batch)).all()
    for one in slope(0, clean[0].numpy(), moved[0].numpy()):
        assert torch.isfinite(torch.from_numpy(one.copy())).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_the_loss_of_trades_is_that_of_its_authors(classes):
    """Their two terms: the mean cross-entropy, and kl_div over the batch."""
    batch, clean, moved = batch_of(classes), logits_of(classes), logits_of(classes)
    found = LOSSES["trades"].of_logits(clean, moved, batch)
    for member in range(MODELS):
        natural = functional.cross_entropy(clean[member], batch.labels[member])
        robust = functional.kl_div(
            functional.log_softmax(moved[member], dim=1), functional.softmax(clean[member], dim=1), reduction="sum"
        )
        torch.testing.assert_close(found[member].mean(), natural + 6.0 * robust / ROWS)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_loss_of_mart_is_that_of_the_paper(classes):
    """Row by row from its definition, with probabilities instead of logits."""
    batch, clean, moved = batch_of(classes), logits_of(classes), logits_of(classes)
    found = LOSSES["mart"].of_logits(clean, moved, batch)
    for member in range(MODELS):
        for row in range(ROWS):
            label = int(batch.labels[member, row])
            p, q = clean[member, row].softmax(dim=0), moved[member, row].softmax(dim=0)
            rival = max(float(q[other]) for other in range(classes) if other != label)
            bce = -torch.log(q[label]) - torch.log(torch.tensor(1 - rival, dtype=torch.float64))
            agreement = sum(p[k] * torch.log(p[k] / q[k]) for k in range(classes))
            torch.testing.assert_close(found[member, row], bce + 5.0 * agreement * (1 - p[label]))
