"""TorchScript and torch.export programs: the same answers, gradients and fingerprints as the network they are of."""

import zipfile

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning
from fairtoll.attacks import PGD
from fairtoll.audits.fingerprint import hash_model
from fairtoll.models import as_models, predict_logits, prepare, read_model
from fairtoll.threats import LinfThreat

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Touch:
    """Its pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


class Scaled(nn.Module):
    """Two of them differ in a constant of the program alone."""

    def __init__(self, factor):
        super().__init__()
        self.layer, self.factor = nn.Linear(4, 3), factor
        for weight in self.layer.parameters():
            nn.init.constant_(weight, 0.5)

    def forward(self, x):
        return {"logits": self.layer(x) * self.factor}


def network():
    torch.manual_seed(0)
    layers = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    net = nn.Sequential(*layers)
    net(torch.randn(64, 4))
    return net.eval()


def export(net, rows=5, *, free=True, strict=False):
    shapes = ({0: torch.export.Dim("rows")},) if free else None
    return torch.export.export(net, (torch.randn(rows, 4),), dynamic_shapes=shapes, strict=strict)


MADE = {
    "traced": lambda net: torch.jit.trace(net, torch.randn(5, 4)),
    "scripted": torch.jit.script,
    "frozen": lambda net: torch.jit.freeze(torch.jit.script(net)),
    "exported": export,
    "exported for 5 rows": lambda net: export(net, free=False),
    "exported for one row": lambda net: export(net, 1, free=False),
}
FILES = {"traced": "a.pt", "scripted": "a.ts", "frozen": "a.torchscript", "exported": "a.pt2"}


def saved(made, path):
    made.save(path) if isinstance(made, torch.jit.ScriptModule) else torch.export.save(made, path)
    return path


@pytest.mark.filterwarnings("ignore:the torch.export program takes batches:fairtoll.FairtollWarning")
@pytest.mark.parametrize("kind", MADE)
def test_a_program_answers_and_is_attacked_as_its_network(kind, tmp_path):
    net = network()
    path = saved(MADE[kind](net), tmp_path / FILES.get(kind, "a.pt2"))
    (program,) = as_models(read_model(path, trust_code=True), name="a")
    x, y = torch.randn(43, 4), torch.arange(43) % 3
    torch.testing.assert_close(predict_logits(program, x), predict_logits(net, x), rtol=0, atol=1e-5)
    attacked = [
        PGD(steps=10)(model, x, y, threat=LinfThreat(), epsilon=0.3, generator=torch.Generator().manual_seed(1))
        for model in (net, program)
    ]
    torch.testing.assert_close(attacked[1].perturbed, attacked[0].perturbed, rtol=0, atol=1e-4)
    assert torch.equal(attacked[1].success, attacked[0].success)
    assert prepare(program, x).probed.gradients == "present"


@pytest.mark.parametrize("mode", [True, False])
def test_a_program_comes_back_as_it_was(mode):
    program = torch.jit.script(network())
    program.train(mode)
    program[1].eval()
    modes = [part.training for part in program.modules()]
    before = {name: one.clone() for name, one in program.state_dict().items()}
    (model,) = as_models(program, name="a")
    predict_logits(model, torch.randn(6, 4))
    assert [part.training for part in program.modules()] == modes
    assert all(torch.equal(one, before[name]) for name, one in program.state_dict().items())
    assert all(one.requires_grad and one.grad is None for one in program.parameters())
    net = network()
    predict_logits(as_models(export(net), name="a")[0], torch.randn(6, 4))
    assert all(one.requires_grad and one.grad is None for one in net.parameters())


@pytest.mark.parametrize("kind", ["traced", "frozen", "exported"])
def test_programs_that_differ_in_a_constant_alone_are_told_apart(kind, tmp_path):
    hashes = []
    for factor in (1.0, 2.0):
        net = Scaled(factor).eval()
        made = torch.jit.freeze(torch.jit.trace(net, torch.randn(5, 4), strict=False)) if kind == "frozen" else None
        made = made or (torch.jit.trace(net, torch.randn(5, 4), strict=False) if kind == "traced" else export(net))
        path = saved(made, tmp_path / FILES[kind])
        hashes += [hash_model(as_models(read_model(path, trust_code=True), name="a")[0]) for _ in range(2)]
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]


def test_a_fixed_number_of_rows_is_said_with_the_way_out():
    with pytest.warns(FairtollWarning, match=r"takes batches of 5 rows alone.*dynamic_shapes=\({0: torch.export.Dim"):
        as_models(export(network(), free=False), name="a")


def test_a_program_of_two_inputs():
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    program = torch.export.export(Two(), (torch.zeros(2, 4), torch.zeros(2, 4)))
    with pytest.raises(FairtollError, match=r"takes 2 inputs \(x, y\); expected one, a tensor of rows; export"):
        as_models(program, name="a")


def test_rows_of_another_width():
    for kind in ("traced", "exported"):
        (program,) = as_models(MADE[kind](network()), name="a")
        with pytest.raises(FairtollError, match=r"the model fails on rows of shape \(7,\)") as error:
            prepare(program, torch.randn(3, 7))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", FILES)
def test_a_program_is_run_only_if_trusted(kind, tmp_path):
    path = saved(MADE[kind](network()), tmp_path / FILES[kind])
    with pytest.raises(FairtollError, match=r"holds a program.*--trust-code"):
        read_model(path)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.98])
def test_a_truncated_program(kind, share, tmp_path):
    path = saved(MADE[kind](network()), tmp_path / FILES[kind])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, "cannot be read as|is no file that torch wrote")


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "ckpt", "ts", "torchscript", "pt2"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_never_loaded(zipped, suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    torch.save({"weight": Touch(tmp_path / "created")}, path, _use_new_zipfile_serialization=zipped)
    refused(path, "holds weights or a pickled model|cannot be read as")
    assert not (tmp_path / "created").exists()


def test_the_pickles_within_a_program_hold_tensors_alone(tmp_path):
    path = saved(export(network()), tmp_path / "a.pt2")
    torch.save(Touch(tmp_path / "created"), tmp_path / "sample.pt")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, (tmp_path / "sample.pt").read_bytes() if name.endswith(".pt") else content)
    refused(path, "holds pickled objects in a/data/sample_inputs/model.pt")
    assert not (tmp_path / "created").exists()


def test_weights_are_no_model(tmp_path):
    torch.save(network().state_dict(), tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "holds weights or a pickled model.*as the weights of a factory")


def refused(path, message):
    with pytest.raises(FairtollError, match=message) as error:
        read_model(path, trust_code=True)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("name", ["model.json", "model.txt", "model.onnx"])
def test_an_empty_file_is_said_to_be_empty(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(FairtollError, match=rf"{name} is empty and cannot be read as a"):
        read_model(tmp_path / name)
