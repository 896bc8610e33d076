"""A borrowed model comes back as it went in, and a wrong one is named at once."""

import warnings

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import least_epsilon, pgd, union
from fairtoll.models import predict_logits
from fairtoll.models.borrow import borrowed
from fairtoll.models.predict import checked_logits, require_finite


def mixed_model():
    """Submodules in different modes, a frozen weight, and a gradient left from elsewhere."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model[2].eval()
    model[0].eval()
    model[3].weight.requires_grad_(False)
    model[0].weight.grad = torch.full((4, 3), 7.0)
    return model


def snapshot(model):
    return {
        "modes": [module.training for module in model.modules()],
        "flags": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        "weights": {name: tensor.tolist() for name, tensor in model.state_dict().items()},
        "random": torch.get_rng_state().tolist(),
    }


def test_borrowing_freezes_and_restores():
    model = mixed_model()
    before = snapshot(model)
    with borrowed(model) as frozen:
        assert frozen is model
        assert not any(module.training for module in model.modules())
        assert not any(parameter.requires_grad for parameter in model.parameters())
        torch.rand(3)
    assert snapshot(model) == before


def chain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).train()


def test_a_plain_chain_of_dense_layers_is_asked_in_a_quicker_way_and_comes_back():
    model, x = chain(), torch.randn(7, 3, requires_grad=True)
    before = snapshot(model)
    expected = model(x)
    with borrowed(model) as asked:
        assert asked is not model
        assert list(asked.parameters()) == []
        found = asked(x)
        (slope,) = torch.autograd.grad(found.square().sum(), x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope, torch.autograd.grad(expected.square().sum(), x)[0])
    before["random"] = torch.get_rng_state().tolist()
    assert snapshot(model) == before


class Doubled(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


def test_a_class_of_ones_own_hooks_and_other_shapes_are_the_models_own():
    """What somebody hangs on a model, or does with its layers, must count."""
    plain, x = chain(), torch.randn(7, 3)
    with borrowed(Doubled(*plain)) as asked:
        torch.testing.assert_close(asked(x), 2 * plain(x))
    hooked, seen = chain(), []
    hooked[1].register_forward_hook(lambda *_: seen.append(1))
    with borrowed(hooked) as asked:
        asked(x)
    assert seen == [1]
    replaced = chain()
    replaced.forward = lambda rows: rows[:, :2]
    with borrowed(replaced) as asked:
        assert torch.equal(asked(x), x[:, :2])
    with borrowed(plain) as asked:
        assert asked(torch.randn(2, 7, 3)).shape == (2, 7, 2)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            asked(torch.randn(7, 5))
        with pytest.raises(RuntimeError, match="dtype"):
            asked(x.double())


def test_layers_that_do_not_fit_are_named_as_for_any_model():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(5, 2))
    with pytest.raises(FairtollError, match="the model fails on rows of shape"):
        predict_logits(model, torch.zeros(2, 3))


def test_no_number_goes_through_without_a_word():
    model = chain()
    with torch.no_grad():
        model[0].weight[0, 0] = torch.nan
        model[2].weight[0, 1] = torch.inf
    x = torch.randn(7, 3, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with borrowed(model) as asked:
            found = asked(x)
            torch.autograd.grad(found.sum(), x)
    assert found.isnan().any()


def test_borrowing_restores_after_an_error():
    model = mixed_model()
    before = snapshot(model)
    with pytest.raises(IndexError), borrowed(model):
        torch.rand(3)[5]
    assert snapshot(model) == before


def test_prediction_is_the_model_in_eval_mode_and_leaves_it():
    model = mixed_model()
    before = snapshot(model)
    x = torch.randn(10, 3)
    before["random"] = torch.get_rng_state().tolist()
    logits = predict_logits(model, x, batch_size=3)
    assert snapshot(model) == before
    assert not logits.requires_grad
    model.eval()
    torch.testing.assert_close(logits, model(x).detach())


def test_no_rows_is_not_a_reason_to_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert predict_logits(nn.Linear(3, 2), torch.zeros(0, 3)).shape == (0, 2)


def test_probabilities_draw_a_warning_at_the_callers_line():
    model = nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1))
    with pytest.warns(FairtollWarning, match="probabilities instead of logits") as caught:
        predict_logits(model, torch.randn(10, 3))
    assert caught[0].filename == __file__


def test_log_probabilities_and_plain_logits_draw_none():
    for last in (nn.LogSoftmax(dim=1), nn.Identity(), nn.Sigmoid()):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            predict_logits(nn.Sequential(nn.Linear(3, 2), last), torch.randn(10, 3))


class Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output(x)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda x: (x, x), "returned tuple"),
        (lambda x: x[:, :0], r"returned \(4, 0\) for 4 rows"),
        (lambda x: x[:2], r"returned \(2, 3\)"),
        (lambda x: x.unsqueeze(0), r"returned \(1, 4, 3\)"),
    ],
)
def test_an_output_that_is_not_logits(output, message):
    with pytest.raises(FairtollError, match=message + r".*expected logits of shape \(4, classes\)|" + message):
        checked_logits(Returns(output), torch.zeros(4, 3))
    with pytest.raises(FairtollError, match=message):
        predict_logits(Returns(output), torch.zeros(4, 3))


def test_rows_that_the_model_cannot_take():
    with pytest.raises(
        FairtollError, match=r"the model fails on rows of shape \(2,\) and type torch.float32 \(RuntimeError: mat1"
    ):
        predict_logits(nn.Linear(3, 2), torch.zeros(4, 2))


def test_another_number_of_classes():
    with pytest.raises(FairtollError, match="returned 3 classes; expected 2"):
        predict_logits(Returns(lambda x: x), torch.zeros(4, 3), classes=2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_names_its_row(bad):
    x = torch.zeros(10, 2)
    x[7, 1] = bad
    with pytest.raises(FairtollError, match="for 1 rows of the clean data, the first is row 7"):
        predict_logits(Returns(lambda x: x), x, batch_size=2)
    with pytest.raises(FairtollError, match="the first is row 107"):
        require_finite(x, where="anywhere", rows=torch.arange(100, 110))


def test_a_batch_that_does_not_fit_is_halved():
    def small(x):
        if len(x) > 3:
            raise torch.OutOfMemoryError("full")
        return torch.cat([x, -x], dim=1)

    x = torch.arange(10.0)[:, None] - 4.5
    with pytest.warns(
        FairtollWarning, match="batches of 1024 rows do not fit the device's memory; .* 2 rows at a time"
    ):
        assert torch.equal(predict_logits(Returns(small), x), torch.cat([x, -x], dim=1))


class Switched(nn.Module):
    """Keeps a switch of its own beside torch's."""

    def __init__(self):
        super().__init__()
        self.layer, self.noisy = nn.Linear(3, 2), True

    def train(self, mode=True):
        super().train(mode)
        self.noisy = mode
        return self

    def forward(self, x):
        return self.layer(x) + (torch.randn(len(x), 2) if self.noisy else 0)


class FrozenStatistics(nn.Module):
    """Its batch normalisation stays in eval mode, as in many fine-tuned networks."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 2), nn.BatchNorm1d(2)

    def train(self, mode=True):
        super().train(mode)
        self.norm.train(False)
        return self

    def forward(self, x):
        return self.norm(self.layer(x))


@pytest.mark.parametrize("mode", [True, False])
def test_a_switch_of_its_own_is_restored_through_train(mode):
    for model in (Switched().train(mode), nn.Sequential(nn.Sequential(Switched()), nn.Identity()).train(mode)):
        own = next(module for module in model.modules() if isinstance(module, Switched))
        with borrowed(model):
            assert own.noisy is False
        assert own.noisy is mode
        assert [module.training for module in model.modules()] == [mode] * len(list(model.modules()))


def test_a_switch_inside_a_model_of_another_mode_and_one_set_on_an_instance():
    model = nn.Sequential(Switched(), nn.Dropout()).eval()
    model[0].train(True)
    calls = []
    model[1].train = lambda mode=True: calls.append(mode)
    before = snapshot(model)
    with borrowed(model):
        assert not model[0].noisy
    assert model[0].noisy
    assert snapshot(model) == before
    assert calls[-1] is False


def test_modes_that_train_itself_would_not_give_come_back():
    model = FrozenStatistics().train()
    model.norm.training = True
    before = snapshot(model)
    with borrowed(model):
        assert not model.training
    assert snapshot(model) == before


@pytest.mark.parametrize("rows_inside", [True, False])
@pytest.mark.parametrize("last", [nn.Identity(), nn.Tanh(), nn.Dropout()])
def test_inside_inference_mode_everything_works_and_comes_back(last, rows_inside):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), last).train()
    before, x, y = snapshot(model), torch.randn(9, 3), torch.arange(9) % 2
    options = {"threat": LinfThreat(), "epsilon": 0.3}
    expected = pgd(model, x, y, **options)
    before["random"] = torch.get_rng_state().tolist()
    with torch.inference_mode():
        if rows_inside:
            x, y, options = x.clone(), y.clone(), {"threat": LinfThreat(scale=[1.0] * 3), "epsilon": 0.3}
        found = pgd(model, x, y, **options)
        seeded = torch.Generator().manual_seed(0)
        assert union(model, x, y, generator=seeded, **options).success.shape == (9,)
        assert least_epsilon(model, x, y, threat=LinfThreat(), epsilon_max=1.0, tolerance=0.01).censored.shape == (9,)
        torch.testing.assert_close(predict_logits(model, x), model.eval()(x))
        model.train()
        assert torch.is_inference_mode_enabled()
    assert torch.equal(found.success, expected.success)
    assert torch.equal(found.perturbed, expected.perturbed)
    assert snapshot(model) == before


def test_weights_made_inside_inference_mode_are_named_and_left():
    with torch.inference_mode():
        model = nn.Sequential(nn.Linear(3, 2), nn.Softplus())
        flags = [parameter.requires_grad for parameter in model.parameters()]
        for inside in (True, False):
            with (
                torch.inference_mode(inside),
                pytest.raises(FairtollError, match=r"'0.weight' was made inside torch.inf"),
            ):
                predict_logits(model, torch.zeros(4, 3))
    assert all(module.training for module in model.modules())
    assert flags == [parameter.requires_grad for parameter in model.parameters()]


def test_a_failure_after_the_first_rows_is_an_error_of_the_model():
    def late(x):
        if (x > 5).any():
            raise RuntimeError("no such row")
        return torch.cat([x, -x], dim=1)

    with pytest.raises(FairtollError, match=r"fails on some of 200 rows of shape \(1,\) \(no such row\)"):
        predict_logits(Returns(late), torch.linspace(0, 6, 200)[:, None])
