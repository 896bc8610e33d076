"""Adam over a stack against torch's own Adam over one member at a time, to the last bit."""

import pytest
import torch

from fairtoll.training.adam import StackedAdam

MEMBERS, STEPS = 3, 120
SHAPES = [(13, 7), (7,), (3, 5, 2)]


def gradients(dtype):
    """Of a very wide range, some of them zero, as (STEPS, tensors of (MEMBERS, ...))."""
    draw = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        step = []
        for shape in SHAPES:
            size = torch.randint(-9, 3, (MEMBERS, *shape), generator=draw)
            values = torch.randn(MEMBERS, *shape, generator=draw, dtype=dtype) * 10.0**size
            step.append(values * (torch.rand(MEMBERS, *shape, generator=draw) > 0.1))
        yield step


def begin(dtype):
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(MEMBERS, *shape, generator=draw, dtype=dtype) for shape in SHAPES]


def torch_adam(member, skipped, dtype):
    """The weights of one member after torch's Adam, which is not called for the steps skipped."""
    weights = [tensor[member].clone().requires_grad_(True) for tensor in begin(dtype)]
    optimiser = torch.optim.Adam(weights, lr=3e-3, eps=1e-7, foreach=False, fused=False)
    for number, step in enumerate(gradients(dtype)):
        if number in skipped:
            continue
        for weight, gradient in zip(weights, step, strict=True):
            weight.grad = gradient[member].clone()
        optimiser.step()
    return weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("some_skip", [False, True])
def test_every_member_is_as_torch_has_it_alone(dtype, some_skip):
    skipped = {0: {0}, 1: {5, 6, 100}, 2: set(range(STEPS))} if some_skip else {}
    weights = [tensor.requires_grad_(True) for tensor in begin(dtype)]
    adam = StackedAdam(weights, learning_rate=3e-3, epsilon=1e-7)
    for number, step in enumerate(gradients(dtype)):
        for weight, gradient in zip(weights, step, strict=True):
            weight.grad = gradient.clone()
        adam.step([number not in skipped.get(member, ()) for member in range(MEMBERS)] if some_skip else None)
    for member in range(MEMBERS):
        assert adam.steps[member] == STEPS - len(skipped.get(member, ()))
        for stacked, alone in zip(weights, torch_adam(member, skipped.get(member, ()), dtype), strict=True):
            assert torch.equal(stacked[member], alone)


def test_as_torch_has_the_stacked_tensors_too():
    """What the loop was before, over whole stacks: no figure of an earlier run moves."""
    weights, others = ([tensor.requires_grad_(True) for tensor in begin(torch.float32)] for _ in range(2))
    adam = StackedAdam(weights, learning_rate=1e-3, epsilon=1e-7)
    optimiser = torch.optim.Adam(others, lr=1e-3, eps=1e-7, fused=False)
    for step in gradients(torch.float32):
        for weight, other, gradient in zip(weights, others, step, strict=True):
            weight.grad, other.grad = gradient.clone(), gradient.clone()
        adam.step()
        optimiser.step()
    assert all(torch.equal(weight, other) for weight, other in zip(weights, others, strict=True))


def test_gradients_can_be_forgotten():
    weight = torch.ones(2, 3, requires_grad=True)
    adam = StackedAdam([weight], learning_rate=1e-3, epsilon=1e-7)
    weight.grad = torch.ones(2, 3)
    adam.zero_grad()
    assert weight.grad is None


def test_a_step_that_all_skip_changes_nothing():
    weight = torch.ones(2, 3, requires_grad=True)
    adam = StackedAdam([weight], learning_rate=1e-3, epsilon=1e-7)
    weight.grad = torch.ones(2, 3)
    adam.step([False, False])
    assert (weight == 1).all()
    assert adam.steps == [0, 0]
