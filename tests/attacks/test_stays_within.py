"""No attack ever leaves the radius, the box, the mask or the whole numbers, in exact arithmetic."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fairtoll import LinfThreat, ModelStack
from fairtoll.attacks import apgd, grid, least_epsilon, pgd, random_noise, square, union
from fairtoll.models import prepare
from fairtoll.training import TrainingSetup, add_sign_noise, craft_adversarial_examples
from fairtoll.training.attack_batch import attack_batch
from fairtoll.training.batch import Batch, BatchNoise

FEATURES = 4
MAGNITUDES = st.sampled_from([1e-3, 1.0, 37.0, 1e5])


@st.composite
def situations(draw):
    """A threat, an epsilon, rows of any magnitude (some outside the box) and a small model."""
    seed = draw(st.integers(0, 2**31))
    magnitude = draw(MAGNITUDES)
    random = np.random.default_rng(seed)
    integer = draw(st.none() | st.lists(st.booleans(), min_size=FEATURES, max_size=FEATURES))
    mutable = draw(st.none() | st.lists(st.booleans(), min_size=FEATURES, max_size=FEATURES))
    scale = draw(st.just(1.0) | st.lists(st.floats(0, 3), min_size=FEATURES, max_size=FEATURES))
    box = draw(st.none() | st.just((-magnitude / 2, magnitude)))
    if box is not None:
        # The box is taken in the precision of the rows.
        box = tuple(float(np.float32(end)) for end in box)
    epsilon = draw(st.floats(0, 2)) * draw(st.sampled_from([1.0, magnitude]))
    x = torch.from_numpy((random.normal(size=(6, FEATURES)) * magnitude).astype(np.float32))
    if integer is not None and draw(st.booleans()):
        x = torch.where(torch.tensor(integer), x.round(), x)
    model = nn.Sequential(nn.Linear(FEATURES, 3), nn.Tanh(), nn.Linear(3, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(random.normal(size=parameter.shape)))
        model[0].weight /= magnitude
    options = {"scale": scale, "box": box, "mutable": mutable, "integer": integer}
    return model, x, torch.from_numpy(random.integers(2, size=6)), options, epsilon, seed


def assert_within(found, x, *, epsilon, scale, box, mutable, integer):
    point, clean = found.double().numpy(), x.double().numpy()
    radius = np.broadcast_to(epsilon * np.asarray(scale), clean.shape)
    assert (np.abs(point - clean) <= radius).all()
    if mutable is not None:
        still = ~np.asarray(mutable)
        np.testing.assert_array_equal(point[..., still], clean[..., still])
    if box is not None:
        assert (point >= np.minimum(box[0], clean)).all()
        assert (point <= np.maximum(box[1], clean)).all()
    if integer is not None:
        whole = np.broadcast_to(integer, clean.shape)
        assert ((point == np.round(point)) | (point == clean))[whole].all()


def generator(seed):
    return torch.Generator().manual_seed(seed)


ATTACKS = {
    "pgd": lambda model, x, y, seed, **given: pgd(model, x, y, steps=3, **given).perturbed,
    "pgd, margin": lambda model, x, y, seed, **given: pgd(model, x, y, steps=3, loss="margin", **given).perturbed,
    "pgd, random start": lambda model, x, y, seed, **given: (
        pgd(model, x, y, steps=2, restarts=2, random_start=True, generator=generator(seed), **given).perturbed
    ),
    "pgd, all steps": lambda model, x, y, seed, **given: (
        pgd(
            model, x, y, steps=3, random_start=True, stop_at_success=False, generator=generator(seed), **given
        ).perturbed
    ),
    "pgd, start outside": lambda model, x, y, seed, **given: (
        pgd(model, x, y, steps=1, relative_step=100.0, start=x + 1e6, **given).perturbed
    ),
    "apgd": lambda model, x, y, seed, **given: (
        apgd(model, x, y, steps=7, restarts=2, loss="margin", generator=generator(seed), **given).perturbed
    ),
    "square": lambda model, x, y, seed, **given: (
        square(model, x, y, queries=7, generator=generator(seed), **given).perturbed
    ),
    "grid": lambda model, x, y, seed, **given: grid(model, x, y, **given).perturbed,
    "union": lambda model, x, y, seed, **given: (
        union(model, x, y, steps=2, restarts=2, generator=generator(seed), **given).perturbed
    ),
    "twins": lambda model, x, y, seed, **given: craft_adversarial_examples(ModelStack([model]), x, y, steps=3, **given)[
        0
    ],
    "noise twins": lambda model, x, y, seed, **given: add_sign_noise(
        TrainingSetup(x, y, torch.arange(len(x)), [seed], lambda: model), **given
    )[0],
    "on line": lambda model, x, y, seed, **given: attack_batch(
        ModelStack([model]), Batch(x[None], x[None], y[None], y[None], BatchNoise([seed], epoch=0), 0), steps=3, **given
    )[0],
}


@pytest.mark.parametrize("attack", ATTACKS)
@settings(max_examples=40, deadline=None)
@given(situation=situations())
def test_every_input_is_admissible(attack, situation):
    model, x, y, options, epsilon, seed = situation
    found = ATTACKS[attack](model, x, y, seed, threat=LinfThreat(**options), epsilon=epsilon)
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    assert_within(found, x, epsilon=epsilon, **options)


class Recorder(nn.Module):
    """Calls every input class 0 and keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(x.detach().clone())
        return torch.stack([x.sum(dim=1) * 0 + 2, x.sum(dim=1) * 0], dim=1)


@settings(max_examples=40, deadline=None)
@given(situation=situations())
def test_noise_and_grid_only_ever_ask_about_admissible_inputs(situation):
    _, x, _, options, epsilon, seed = situation
    recorder, y = Recorder(), torch.zeros(len(x), dtype=torch.int64)
    model, threat = prepare(recorder, x), LinfThreat(**options)
    recorder.shown.clear()
    random_noise(model, x, y, threat=threat, epsilon=epsilon, generator=generator(seed), draws=3)
    grid(model, x, y, threat=threat, epsilon=epsilon)
    pgd(model, x, y, threat=threat, epsilon=epsilon, steps=2, restarts=2, generator=generator(seed))
    apgd(model, x, y, threat=threat, epsilon=epsilon, steps=4, restarts=2, generator=generator(seed))
    square(model, x, y, threat=threat, epsilon=epsilon, queries=4, generator=generator(seed))
    for shown in recorder.shown:
        assert_within(shown, x, epsilon=epsilon, **options)


@pytest.mark.parametrize("attack", ATTACKS)
@settings(max_examples=15, deadline=None)
@given(situation=situations())
def test_epsilon_zero_leaves_the_rows(attack, situation):
    model, x, y, options, _, seed = situation
    found = ATTACKS[attack](model, x, y, seed, threat=LinfThreat(**options), epsilon=0.0)
    assert torch.equal(found, x)


@settings(max_examples=30, deadline=None)
@given(situation=situations())
def test_a_success_is_a_misclassified_input(situation):
    model, x, y, options, epsilon, seed = situation
    for stop in (True, False):
        attack = pgd(
            model, x, y, threat=LinfThreat(**options), epsilon=epsilon, steps=2, restarts=3, stop_at_success=stop,
            generator=generator(seed),
        )  # fmt: skip
        with torch.no_grad():
            logits = model(attack.perturbed)
        # Rounding differs between batches of different size.
        clear = (logits[:, 0] - logits[:, 1]).abs() > 1e-4
        if stop:
            assert torch.equal((logits.argmax(dim=1) != y)[clear], attack.success[clear])
        else:
            assert ((logits.argmax(dim=1) != y) | ~attack.success)[clear].all()


@settings(max_examples=40, deadline=None)
@given(situation=situations(), method=st.sampled_from(["search", "grid"]))
def test_least_epsilon_is_the_radius_that_its_input_takes(situation, method):
    """Of the search in exact arithmetic: what it returns is admissible for the epsilon it names."""
    model, x, y, options, epsilon, _ = situation
    epsilon += 1e-3
    if method == "search":
        options["integer"] = None
    result = least_epsilon(
        model, x, y, threat=LinfThreat(**options), epsilon_max=epsilon, tolerance=epsilon / 50, method=method,
        grid_step=epsilon / 3, steps=5,
    )  # fmt: skip
    for row, bound in enumerate(result.least_epsilon.tolist()):
        assert_within(result.perturbed[row : row + 1], x[row : row + 1], epsilon=bound, **options)
