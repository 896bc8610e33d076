"""Places of real classes, and signs of gaps, against the numbers of published theorems and generated rows."""

import numpy as np
import pytest

from fairtoll import FairtollError
from fairtoll.experiments.closed_form.places import adult_map, cifar10_map, fisher_rule, measures, own_map
from fairtoll.experiments.closed_form.signs import rises, sign_map
from fairtoll.theory import Gaussians


@pytest.mark.parametrize(
    ("place", "least_error", "least_loss"),
    [
        # By hand, from the threshold where a^2 = b^2 + 2 log K; see Theorems 2 and 3 of docs/theory.md. With the least
        # loss CAU rises and CRU_epsilon falls wherever the threshold does, see Theorem 10 and its numbers.
        ((2.0, 2.0, 0.25), (True, True, False), (True, True, False)),  # gap in least epsilon 0.779, then 0.307
        ((2.0, 2.0, 0.75), (True, True, True), (True, False, False)),  # then -1.057: its sign changes
        ((2.0, 0.8, 0.5), (True, True, True), (True, True, False)),  # -0.235, then -0.816; 0.455, then 0.360
        ((2.0, 4.0, 0.5), (True, False, False), (True, False, False)),  # success: -0.144, then 0.073; 0.153, 0.047
    ],
)
def test_signs_where_they_are_known(place, least_error, least_loss):
    assert [tuple(one.model_dump().values()) for one in rises(*place)] == [least_error, least_loss]


@pytest.mark.parametrize("place", [(2.0, 1.0, 1.0), (1.0001, 0.7, 2.0)])
def test_no_rule_is_robust_where_the_means_can_change_places(place):
    assert rises(*place) == (None, None)


def test_a_map_is_read_by_radius_and_then_by_ratio():
    found = sign_map("", how="", distance=2.0, places=[])
    for row, radius in enumerate((np.array(found.radii[1:]) + found.radii[:-1]) / 2):
        for column in (0, 15, 29):
            ratio = np.sqrt(found.ratios[column] * found.ratios[column + 1])
            for cells, signs in zip((found.least_error, found.least_loss), rises(ratio, 2.0, radius), strict=True):
                assert (cells.cru_s[row][column], cells.cru_epsilon[row][column]) == (signs.cru_s, signs.cru_epsilon)


def test_rows_of_two_gaussians_lie_where_their_model_does():
    """Drawn with ratio 1.5, unlike features and correlated noise: along Fisher's rule the model is one feature."""
    generator = np.random.default_rng(0)
    mix = generator.standard_normal((3, 3))
    theta, second = np.array([0.8, -0.4, 0.2]), np.arange(200_000) % 2 == 1
    noise = generator.standard_normal((len(second), 3)) @ mix.T
    rows = np.where(second, 1.0, -1.0)[:, None] * theta + np.where(second, 1.5, 1.0)[:, None] * noise
    weights = fisher_rule(rows, second, ridge=0.0)
    ratio, half, smaller = measures(rows @ weights, second)
    assert ratio == pytest.approx(1.5, abs=0.02)
    assert half / smaller == pytest.approx(np.sqrt(theta @ np.linalg.solve(mix @ mix.T, theta)), rel=0.02)


@pytest.mark.parametrize("scores", [[0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 0.0, 0.5]])
def test_scores_that_separate_nothing_are_refused(scores):
    with pytest.raises(FairtollError, match="4 scores do not separate two classes; expected scores that differ"):
        measures(scores, [False, False, True, True])


def test_adult_is_where_a_plain_least_squares_fit_puts_it():
    """Least squares with both classes weighted alike, which is Fisher's rule but for its scale, by numpy's solver."""
    from fairtoll.data import load_adult

    data = load_adult()
    train, test = data.train.x.astype(float), data.test.x.astype(float)
    spread = train.std(axis=0)
    share = np.sqrt(1 / np.bincount(data.train.y)[data.train.y])
    columns = np.column_stack([train / spread, np.ones(len(train))])
    weights = np.linalg.lstsq(columns * share[:, None], (2.0 * data.train.y - 1) * share)[0][:-1] / spread
    scores = test @ weights
    low, high = scores[data.test.y == 0], scores[data.test.y == 1]
    half, smaller = (high.mean() - low.mean()) / 2, min(low.std(), high.std())
    found = adult_map()
    assert found.distance == pytest.approx(half / smaller, rel=0.01)
    names = [feature.name for feature in data.train.features]
    numbers = [names.index(name) for name in ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss")]
    numbers.append(names.index("hours-per-week"))
    assert found.places[0].radius == pytest.approx(10 * np.abs(weights[numbers]).sum() / half, rel=0.01)
    assert found.places[0].least_error is found.places[0].least_loss is None  # farther than the classes are apart
    assert [one.ratio for one in found.places] == pytest.approx([max(low.std(), high.std()) / smaller] * 4, rel=0.01)


@pytest.fixture(scope="module")
def pairs():
    return cifar10_map()


def test_pairs_of_images_are_all_there(pairs):
    found = pairs
    assert len({one.title for one in found.places}) == 45
    assert all(1 <= one.ratio < 1.5 and 0 < one.distance < 2 for one in found.places)
    assert "JPEG copy" in found.how
    for one in found.places:
        assert (one.least_error is None) == (one.least_loss is None) == (one.radius >= 1)


def test_at_real_pairs_the_two_kinds_of_rules_disagree_on_least_epsilon(pairs):
    """As docs/theory.md and the guide say; of CRU_epsilon with the least loss it is Theorem 10."""
    robust = [one for one in pairs.places if one.least_error is not None]
    counts = [
        [sum(getattr(getattr(one, rule), gap) for one in robust) for gap in ("cau", "cru_s", "cru_epsilon")]
        for rule in ("least_error", "least_loss")
    ]
    assert (len(robust), counts) == (37, [[37, 37, 28], [37, 30, 0]])


def test_the_radius_of_ones_own_model_is_what_soft_thresholding_leaves():
    own = own_map(Gaussians([3.0, 4.0, 0.1], (9.0, 4.0)), 1.0).places[0]
    # By hand: 3 and 4 become 2 and 3, 0.1 is dropped; spreads 3 and 2.
    assert own.ratio == 1.5
    assert own.distance == pytest.approx(np.sqrt(25.01) / 2)
    assert own.radius == pytest.approx(1 - np.sqrt(13) / np.sqrt(25.01))
