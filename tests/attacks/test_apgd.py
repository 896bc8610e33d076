"""Auto-PGD against its algorithm written out row by row, and where a fixed step size fails."""

import copy

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import apgd, pgd
from fairtoll.attacks.engine.ascent import checkpoints
from fairtoll.models import prepare

LOSSES = {
    "cross_entropy": lambda logits, label: -logits.log_softmax(dim=1)[0, label],
    "margin": lambda logits, label: torch.cat([logits[0, :label], logits[0, label + 1 :]]).max() - logits[0, label],
}


def network(*, seed=0, features=6, classes=3):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(features, 12), nn.Tanh(), nn.Linear(12, classes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.double()


def rows(model, *, count=40, features=6):
    x = torch.randn(count, features, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        return x, model(x).argmax(dim=1)


def plain_loop(model, row, label, *, epsilon, steps, loss):
    """Croce and Hein's algorithm 1 for one row, as printed: all inputs at which it asks, until one is wrong."""
    low, high, before, asked = row - epsilon, row + epsilon, row, []

    def ask(point):
        point = point.clone().requires_grad_(True)
        logits = model(point[None])
        value = LOSSES[loss](logits, label)
        (gradient,) = torch.autograd.grad(value, point)
        asked.append(point.detach())
        return value.item(), gradient, logits.argmax().item() != label

    def project(point):
        return torch.minimum(torch.maximum(point, low), high)

    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    checks = [round(share * steps) for share in shares]

    points, values, step = [row], [], 2 * epsilon
    value, gradient, wrong = ask(row)
    values.append(value)
    best, best_gradient, best_value = row, gradient, value
    best_at_check, steps_at_check, last = [value], [step], 0
    halved = True
    for k in range(1, steps + 1):
        if wrong:
            break
        current = points[-1]
        ahead = project(current + step * gradient.sign())
        if k > 1:
            ahead = project(current + 0.75 * (ahead - current) + 0.25 * (current - before))
        before = current
        points.append(ahead)
        value, gradient, wrong = ask(ahead)
        values.append(value)
        if value > best_value:
            best, best_gradient, best_value = ahead, gradient, value
        if k in checks:
            rising = sum(values[i] > values[i - 1] for i in range(last + 1, k + 1))
            halved = rising <= 0.75 * (k - last) or (
                steps_at_check[-1] == step and not halved and best_at_check[-1] == best_value
            )
            best_at_check.append(best_value)
            steps_at_check.append(step)
            if halved:
                step, gradient = step / 2, best_gradient
                points[-1] = best
            last = k
    return asked


class Recorder(nn.Module):
    """Remembers the last input that it was shown for each gradient."""

    def __init__(self, model):
        super().__init__()
        self.model, self.asked = model, []

    def forward(self, x):
        if torch.is_grad_enabled():
            self.asked.append(x.detach().clone())
        return self.model(x)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("epsilon", [0.05, 0.2, 0.8])
def test_it_asks_what_the_algorithm_asks(loss, epsilon):
    """Row by row, the same inputs in the same order, to the last one or to where it knows that nothing will move."""
    model = network()
    x, y = rows(model, count=12)
    whole = 0
    for row, label in zip(x, y, strict=True):
        recorder = Recorder(model)
        prepared = prepare(recorder, row[None])
        recorder.asked.clear()
        apgd(prepared, row[None], label[None], threat=LinfThreat(), epsilon=epsilon, steps=100, loss=loss)
        found = torch.cat(recorder.asked)
        known = torch.stack(plain_loop(model, row, label.item(), epsilon=epsilon, steps=100, loss=loss))
        assert len(found) <= len(known)
        torch.testing.assert_close(found, known[: len(found)], rtol=0, atol=1e-9)
        if len(found) < len(known):
            torch.testing.assert_close(known[len(found) :], known[len(found) - 1].expand_as(known[len(found) :]))
        whole += len(found) == len(known)
    assert whole > 0


def test_checkpoints_are_the_papers():
    # p_1 = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06), in steps of 100.
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    for steps in range(1, 40):
        found = sorted(checkpoints(steps))
        assert found
        assert 1 <= found[0] <= found[-1] <= steps


class Ridge(nn.Module):
    """Class 1 within a hundredth of 0.3123, sloping to it from both sides."""

    def forward(self, x):
        return torch.stack([torch.zeros(len(x)), 0.01 - (x[:, 0] - 0.3123).abs()], dim=1)


@pytest.mark.parametrize("loss", LOSSES)
def test_it_finds_what_a_fixed_step_jumps_over(loss):
    x, y = torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64)
    options = {"threat": LinfThreat(), "epsilon": 1.0, "steps": 50, "loss": loss}
    # Steps of 0.05 land on 0.3 and 0.35.
    assert not pgd(Ridge(), x, y, **options).success.any()
    found = apgd(Ridge(), x, y, **options)
    assert found.success.all()
    assert found.perturbed.item() == pytest.approx(0.3123, abs=0.01)


def test_a_row_that_stands_comes_back_with_its_best_input():
    """The ridge lowered below zero: no input is wrong, the best is its top."""

    class Lowered(Ridge):
        def forward(self, x):
            return super().forward(x) - torch.tensor([0.0, 0.02])

    x, y = torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64)
    found = apgd(Lowered(), x, y, threat=LinfThreat(), epsilon=1.0, loss="margin")
    assert not found.success.any()
    torch.testing.assert_close(found.perturbed, torch.full((3, 1), 0.3123), rtol=0, atol=0.01)


def test_every_success_is_a_wrong_input_and_restarts_only_add():
    model = network(seed=4)
    x, y = rows(model, count=200)
    options = {"threat": LinfThreat(), "epsilon": 0.25, "steps": 20, "loss": "margin"}
    one, many = (
        apgd(model, x, y, restarts=restarts, generator=torch.Generator().manual_seed(0), **options)
        for restarts in (1, 5)
    )
    assert (many.success >= one.success).all()
    for found in (one, many):
        with torch.no_grad():
            assert torch.equal(model(found.perturbed).argmax(dim=1) != y, found.success)
    # More than noise on purpose: at this radius some rows fall and some stand.
    assert 0 < one.success.double().mean() < 1


def test_it_is_no_weaker_than_pgd_with_as_many_steps():
    model = network(seed=7, features=20)
    x, y = rows(model, count=400, features=20)
    options = {"threat": LinfThreat(), "epsilon": 0.12, "steps": 30, "loss": "margin"}
    ours, plain = (attack(model, x, y, **options).success.sum().item() for attack in (apgd, pgd))
    assert ours >= plain > 0


def test_the_size_of_a_batch_does_not_matter():
    model = network()
    x, y = rows(model)
    options = {"threat": LinfThreat(), "epsilon": 0.2, "steps": 12}
    one, other = (apgd(model, x, y, batch_size=size, **options) for size in (7, 100))
    assert torch.equal(one.success, other.success)
    torch.testing.assert_close(one.perturbed, other.perturbed)


def test_a_batch_that_does_not_fit_is_halved():
    class Small(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            if len(x) > 9:
                raise torch.OutOfMemoryError("full")
            return self.model(x)

    model = network()
    x, y = rows(model, count=9)
    x, y = x.repeat(4, 1), y.repeat(4)
    options = {"threat": LinfThreat(), "epsilon": 0.2, "steps": 12}
    whole = apgd(model, x, y, **options)
    with pytest.warns(FairtollWarning, match="batches of 4096 rows do not fit"):
        found = apgd(Small(copy.deepcopy(model)), x, y, **options)
    assert torch.equal(found.success, whole.success)
    torch.testing.assert_close(found.perturbed, whole.perturbed)


def test_a_model_that_turns_nan_names_row_and_step():
    class Late(nn.Module):
        def forward(self, x):
            return torch.cat([-x, torch.where((x > -4.0) & (x < 0), torch.nan, x)], dim=1)

    x, y = torch.tensor([[1.0], [-9.0], [-20.0], [-5.5]]), torch.zeros(4, dtype=torch.int64)
    for size in (1, 2, 4):
        with pytest.raises(FairtollError, match="for 1 rows at step 2 of the attack, the first is row 3"):
            apgd(Late(), x, y, threat=LinfThreat(), epsilon=2.0, batch_size=size)


def test_a_flat_model_is_left_at_once():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return torch.cat([x * 0 + 2, x * 0], dim=1)

    model = Flat()
    prepared, model.calls = prepare(model, torch.zeros(3, 1)), 0
    found = apgd(prepared, torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64), threat=LinfThreat(), epsilon=1.0)
    assert not found.success.any()
    assert torch.equal(found.perturbed, torch.zeros(3, 1))
    assert model.calls < 6
