"""A model from a factory and a file: what fits is loaded as torch itself would, and all else is one line."""

import pickle
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from sklearn.linear_model import LogisticRegression
from torch import nn

from fairtoll import FairtollError
from fairtoll.models import as_models, load_model, make_model

FACTORIES = """
import numpy as np
import torch
from torch import nn
from sklearn.linear_model import LogisticRegression

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
    def forward(self, x):
        return self.second(self.first(x))

def plain():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))

def text():
    return "a path"

def nested():
    return [[nn.Linear(3, 2)]]

def runs():
    return [nn.Linear(3, 2), nn.Linear(3, 2)]

def function():
    return lambda: lambda rows: np.tile([0.25, 0.75], (len(rows), 1))

def fitted():
    return LogisticRegression().fit([[0.0], [1.0]], [0, 1])

def wrong_value():
    raise ValueError("width\\nis 3")

def wrong_attribute():
    return nn.Linear(3, 2).no_such_thing

def wrong_import():
    import a_module_that_is_nowhere

def interrupted():
    raise SystemExit("no licence")

def lazy():
    return nn.LazyLinear(2)

def deep():
    return nn.Sequential(*[nn.Linear(3, 3) for _ in range(40)])

number = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with factories; what is imported from it is forgotten."""
    (tmp_path / "factories_of_models_test.py").write_text(FACTORIES)
    (tmp_path / "needs_of_models_test.py").write_text("import a_module_that_is_nowhere\n")
    (tmp_path / "fails_of_models_test.py").write_text("raise ValueError('no settings')\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("factories_of_models_test", "needs_of_models_test", "fails_of_models_test"):
        sys.modules.pop(name, None)


def made(name):
    return make_model(f"factories_of_models_test:{name}")


def saved(tensors, path):
    save_file({name: one.contiguous() for name, one in tensors.items()}, path)
    return path


def refused(message, call):
    with pytest.raises(FairtollError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module.", "_orig_mod.module.", "module._orig_mod."])
def test_weights_of_a_compiled_or_parallel_model(prefix, here):
    torch.manual_seed(1)
    trained = made("plain")
    path = saved({prefix + name: one for name, one in trained.state_dict().items()}, here / "a.safetensors")
    model = load_model("factories_of_models_test:plain", path)
    for name, one in trained.state_dict().items():
        assert torch.equal(model.state_dict()[name], one)


def test_what_torch_compile_and_data_parallel_write(here):
    trained = made("plain")
    for number, wrapped in enumerate((torch.compile(trained), nn.DataParallel(trained))):
        path = saved(wrapped.state_dict(), here / f"{number}.safetensors")
        x = torch.randn(5, 3)
        assert torch.equal(load_model("factories_of_models_test:plain", path).eval()(x), trained.eval()(x))


def test_a_prefix_of_the_models_own_is_kept(here):
    (here / "factories_of_models_test.py").write_text(
        "from torch import nn\nclass Own(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.module = nn.Linear(3, 2)\n    def forward(self, x):\n        return self.module(x)\n"
    )
    own = made("Own")
    path = saved(own.state_dict(), here / "a.safetensors")
    assert torch.equal(load_model("factories_of_models_test:Own", path).module.weight, own.module.weight)


def test_tied_weights_as_safetensors_saves_them(here):
    trained = made("Tied")
    save_model(trained, str(here / "a.safetensors"))  # the weight is there once
    model = load_model("factories_of_models_test:Tied", here / "a.safetensors")
    x = torch.randn(4, 3)
    assert torch.equal(model(x), trained(x))
    assert model.first.weight is model.second.weight


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("0.bias"), r"does not fit the model of .*: it lacks 0.bias; expected the state_dict"),
        (lambda state: state.update(extra=torch.zeros(1)), "it also has extra; expected"),
        (
            lambda state: state.update({"3.bias": torch.zeros(7)}),
            r"another shape in 3.bias \(\(7,\), the model's is \(2,\)",
        ),
        (lambda state: state.clear(), "it lacks 0.weight, 0.bias, 1.weight and 6 more; expected"),
    ],
)
def test_weights_that_do_not_fit(change, message, here):
    state = made("plain").state_dict()
    change(state)
    path = saved(state, here / "a.safetensors")
    refused(message, lambda: load_model("factories_of_models_test:plain", path))


def test_weights_of_another_large_model_are_no_page_of_names(here):
    path = saved(made("deep").state_dict(), here / "a.safetensors")
    message = (
        "it lacks 1.running_mean, .* also has 10.bias, .* and 71 more, and has another shape in 0.weight .* and 3 more"
    )
    refused(message, lambda: load_model("factories_of_models_test:plain", path))


WRITTEN = {
    "alone": lambda state: state,
    "in a checkpoint": lambda state: {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}},
    "of a parallel model": lambda state: {"model": {f"module.{name}": one for name, one in state.items()}},
    "of a module around it": lambda state: {"state_dict": {f"model.{name}": one for name, one in state.items()}},
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["a.pt", "a.bin"])
def test_a_state_dict_of_torch_save(name, zipped, how, here):
    torch.manual_seed(2)
    trained = made("plain")
    torch.save(WRITTEN[how](trained.state_dict()), here / name, _use_new_zipfile_serialization=zipped)
    model = load_model("factories_of_models_test:plain", here / name)
    for key, one in trained.state_dict().items():
        assert torch.equal(model.state_dict()[key], one)


class Touch:
    """Its pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "ckpt", "safetensors", "npz"])
@pytest.mark.parametrize("how", ["zipped", "legacy", "pickle"])
def test_a_pickle_is_never_loaded(how, suffix, here):
    path, held = here / f"a.{suffix}", {"0.weight": torch.zeros(1), "more": Touch(here / "created")}
    if how == "pickle":
        path.write_bytes(pickle.dumps(held))
    else:
        torch.save(held, path, _use_new_zipfile_serialization=how == "zipped")
    message = "is not a complete safetensors" if suffix == "safetensors" else "more than tensors|cannot be read"
    refused(message, lambda: load_model("factories_of_models_test:plain", path))
    assert not (here / "created").exists()


def test_a_model_that_was_pickled_whole(here):
    torch.save(made("plain"), here / "a.pt")
    message = r"holds more than tensors \(torch.nn.modules.container.Sequential\).*save model.state_dict\(\) alone"
    refused(message, lambda: load_model("factories_of_models_test:plain", here / "a.pt"))


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([torch.zeros(1)], "holds a list; expected the state dict"),
        ({"epoch": 1, "loss": 0.5}, "holds a dict with the keys 'epoch', 'loss'; expected the state dict"),
        ({}, "holds a dict with the keys"),
    ],
)
def test_what_is_no_state_dict(held, message, here):
    torch.save(held, here / "a.pt")
    refused(message, lambda: load_model("factories_of_models_test:plain", here / "a.pt"))


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_truncated_file(name, share, here):
    state = made("deep").state_dict()
    torch.save(state, here / name) if name == "a.pt" else save_file(state, here / name)
    whole = (here / name).read_bytes()
    (here / name).write_bytes(whole[: int(share * len(whole))])
    refused(
        "not a complete safetensors|cannot be read as a state dict",
        lambda: load_model("factories_of_models_test:deep", here / name),
    )


def test_a_program_is_no_weights(here):
    torch.jit.trace(made("plain").eval(), torch.zeros(2, 3)).save(here / "a.pt")
    refused("holds a program, not weights", lambda: load_model("factories_of_models_test:plain", here / "a.pt"))


def test_a_factory_may_return_a_model_of_any_kind(here):
    x = np.array([[0.0], [1.0]])
    (model,) = as_models(made("fitted"), name="a")
    expected = LogisticRegression().fit([[0.0], [1.0]], [0, 1]).predict_proba(x)
    np.testing.assert_allclose(model(torch.from_numpy(x)).softmax(dim=1).detach(), expected)
    (model,) = as_models(made("function")(), name="a")
    assert model(torch.zeros(3, 2)).tolist() == [[0.25, 0.75]] * 3
    assert len(as_models(made("runs"), name="a")) == 2


def test_weights_for_what_has_none(here):
    path = saved({"a": torch.zeros(1)}, here / "a.safetensors")
    message = "weights are given for '.*fitted', which returned LogisticRegression; expected a torch.nn.Module; leave"
    refused(message, lambda: load_model("factories_of_models_test:fitted", path))


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("factories_of_models_test:text", "returned str; expected a model: .*a torch module"),
        ("factories_of_models_test:nested", "returned list; expected a model"),
        ("factories_of_models_test:wrong_value", "the factory '.*' raised ValueError: width is 3; expected a call"),
        ("factories_of_models_test:wrong_attribute", "the factory '.*' raised AttributeError: 'Linear' object has no"),
        (
            "factories_of_models_test:wrong_import",
            "the factory '.*' raised ModuleNotFoundError: No module named 'a_mod",
        ),
        ("factories_of_models_test:interrupted", "the factory '.*' raised SystemExit: no licence"),
        ("factories_of_models_test:number", "the module has no function or class 'number'"),
        ("factories_of_models_test:nothing", "the module has no function or class 'nothing'"),
        ("nowhere_of_models_test:plain", r"cannot find the factory .* \(no module 'nowhere_of_models_test' here"),
        ("factories_of_models_test.deeper:plain", "cannot find the factory"),
        ("needs_of_models_test:plain", "the module 'needs_of_models_test' needs 'a_module_that_is_nowhere'"),
        ("fails_of_models_test:plain", "the module 'fails_of_models_test' raised ValueError: no settings; correct it"),
        ("plain", "cannot find the factory 'plain'; expected PACKAGE.MODULE:FACTORY"),
        (":plain", "cannot find the factory ':plain'"),
        (".relative:plain", "the module '.relative' raised TypeError"),
    ],
)
def test_a_factory_that_is_wrong(factory, message):
    refused(message, lambda: make_model(factory))


def test_a_lazy_layer(here):
    path = saved(nn.Linear(3, 2).state_dict(), here / "a.safetensors")
    refused(
        r"weight, bias of the model of .* has no shape yet", lambda: load_model("factories_of_models_test:lazy", path)
    )
