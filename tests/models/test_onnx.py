"""ONNX models: with gradients where torch answers as onnxruntime does, by their scores elsewhere, and wrong files."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from fairtoll import FairtollError, FairtollWarning  # noqa: E402
from fairtoll.data import load_frame  # noqa: E402
from fairtoll.models import as_models, predict_probabilities, prepare, read_model  # noqa: E402
from fairtoll.models.probe import probe  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


class Touch:
    """Its pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def network(*after):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3), *after).eval()


def export(model, path, rows=5, **how):
    pytest.importorskip("onnxscript")
    torch.onnx.export(model, (torch.randn(rows, 4),), str(path), verbose=False, **how)
    return path


def graph_of(nodes, inputs, outputs, constants=()):
    held = [numpy_helper.from_array(np.asarray(one), f"c{number}") for number, one in enumerate(constants)]
    infos = [[helper.make_tensor_value_info(*one) for one in side] for side in (inputs, outputs)]
    domains = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph(nodes, "graph", *infos, held), opset_imports=domains, ir_version=10)


FLOAT, TEXT, WHOLE = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64
EXPORTS = {
    "for 5 rows": {},
    "for one row": {"rows": 1},
    "for any number": {"dynamic_shapes": ({0: torch.export.Dim("rows")},)},
    "by tracing": {"dynamo": False},
    "by tracing one row": {"dynamo": False, "rows": 1},
}


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("after", [(), (nn.Softmax(dim=1),)], ids=["logits", "softmax"])
def test_an_exported_network_has_its_answers_and_gradients(how, after, tmp_path):
    path = export(network(*after), tmp_path / "a.onnx", **EXPORTS[how])
    (model,) = as_models(read_model(path), name="a")
    x, net = torch.randn(43, 4, requires_grad=True), network()
    prepared = prepare(model, x.detach())
    assert prepared.probed.output == "logits"  # a softmax at the end is left out
    torch.testing.assert_close(prepared(x).softmax(1), net(x).softmax(1), rtol=0, atol=1e-6)
    slopes = [torch.autograd.grad(one(x).log_softmax(1)[:, 0].sum(), x)[0] for one in (prepared, net)]
    torch.testing.assert_close(slopes[0], slopes[1], rtol=0, atol=1e-6)


def test_rows_as_a_shape_that_is_written_into_the_graph():
    nodes = [
        helper.make_node("Reshape", ["X", "c0"], ["flat"]),
        helper.make_node("MatMul", ["flat", "c1"], ["Y"]),
    ]
    weight = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    constants = [np.array([1, 4]), weight]
    model = graph_of(nodes, [("X", FLOAT, [1, 2, 2])], [("Y", FLOAT, [1, 2])], constants)
    (model,) = as_models(model, name="a")
    x = torch.randn(33, 2, 2)
    np.testing.assert_allclose(prepare(model, x)(x), x.reshape(33, 4).numpy() @ weight, atol=1e-6)


def test_rows_of_a_fixed_number_that_torch_cannot_free():
    nodes = [helper.make_node("Reshape", ["X", "c0"], ["a"]), helper.make_node("Reshape", ["a", "c1"], ["Y"])]
    model = graph_of(nodes, [("X", FLOAT, [4, 2])], [("Y", FLOAT, [4, 2])], [np.array([8]), np.array([4, 2])])
    (model,) = as_models(model, name="a")
    x = torch.randn(11, 2)
    with pytest.warns(FairtollWarning, match="takes batches of 4 rows alone.*dynamic batch dimension"):
        assert torch.equal(prepare(model, x)(x), x)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([("Hardmax", ["X"], ["Y"])], "Hardmax has no equivalent in torch"),
        ([("Hardmax", ["X"], ["a"]), ("Identity", ["X"], ["Y"])], ""),
        ([("Normalizer", ["X"], ["Y"])], "division by the largest value"),
    ],
)
def test_what_torch_cannot_run_is_run_by_its_scores_with_a_remark(nodes, reason):
    made = [helper.make_node(*one, domain="ai.onnx.ml" if one[0] == "Normalizer" else "") for one in nodes]
    (model,) = as_models(graph_of(made, [("X", FLOAT, [None, 3])], [("Y", FLOAT, [None, 3])]), name="a")
    found = probe(model, torch.rand(9, 3))
    assert found.gradients == ("absent" if reason else "present")
    assert [reason in remark.text and "scores only" in remark.text for remark in found.notes] == [True] * bool(reason)


def test_a_conversion_that_answers_otherwise_is_not_used(monkeypatch):
    from fairtoll.models.onnx_graphs.operators import OPERATORS

    monkeypatch.setitem(OPERATORS, "Tanh", lambda given, _: given[0] * 1.01)
    nodes = [helper.make_node("Tanh", ["X"], ["Y"])]
    (model,) = as_models(graph_of(nodes, [("X", FLOAT, [None, 3])], [("Y", FLOAT, [None, 3])]), name="a")
    x = torch.randn(40, 3)
    found = probe(model, x)
    assert found.gradients == "absent"
    assert "answers differ by" in found.notes[0].text
    np.testing.assert_allclose(model(x), x.tanh(), atol=1e-6)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(17, 90, 300),
            "hours per week": rng.normal(size=300).round(3),
            "job": rng.choice(["clerk", "nurse", "cook"], 300),
        }
    )
    score = frame["age"] / 50 + frame["hours per week"] + (frame["job"] == "nurse")
    frame["paid"] = np.where(score + rng.normal(size=300) > 2, "yes", "no")
    frame["sex"] = rng.choice(["m", "w"], 300)
    return frame


def loaded(frame, features):
    # The classes in another order than a model's.
    return load_frame(frame, label="paid", groups=["sex"], features=features, class_names=["yes", "no"])


NUMBERS = ["age", "hours per week"]


@pytest.mark.parametrize("maps", [True, False])
@pytest.mark.parametrize("kind", ["logistic", "mlp", "forest"])
def test_a_converted_model_of_scikit_learn(kind, maps, table):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    last = {
        "logistic": LogisticRegression(),
        "mlp": MLPClassifier(8, max_iter=20, random_state=0),
        "forest": RandomForestClassifier(5, max_depth=3, random_state=0),
    }[kind]
    fitted = make_pipeline(StandardScaler(), last).fit(table[NUMBERS].to_numpy(np.float32), table["paid"])
    x = table[NUMBERS].to_numpy(np.float32)
    made = skl2onnx.to_onnx(fitted, x[:1], options={id(fitted): {"zipmap": maps}})
    rows = loaded(table, NUMBERS)
    (model,) = as_models(made, name="a", schema=rows.schema)
    found = probe(model, torch.from_numpy(rows.x))
    assert found.gradients == ("absent" if kind == "forest" else "present")
    expected = fitted.predict_proba(x)[:, ::-1]
    np.testing.assert_allclose(predict_probabilities(model, torch.from_numpy(rows.x)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["logistic", "forest"])
def test_a_converted_model_whose_classes_are_positions_says_so(kind, table):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression() if kind == "logistic" else RandomForestClassifier(5, max_depth=3, random_state=0)
    x, rows = table[NUMBERS].to_numpy(np.float32), loaded(table, NUMBERS)
    (model,) = as_models(skl2onnx.to_onnx(fitted.fit(x, rows.y), x[:1]), name="a", schema=rows.schema)
    found = probe(model, torch.from_numpy(rows.x))
    assert ("classes-by-position", "note") in [(remark.id, remark.kind) for remark in found.notes]
    expected = fitted.predict_proba(x)
    np.testing.assert_allclose(predict_probabilities(model, torch.from_numpy(rows.x)), expected, atol=1e-5)


def test_trees_say_where_their_scores_may_jump(table):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier

    x = table[NUMBERS].to_numpy(np.float32)
    fitted = RandomForestClassifier(5, max_depth=4, random_state=0).fit(x, table["paid"])
    schema = loaded(table, NUMBERS).schema
    (model,) = as_models(skl2onnx.to_onnx(fitted, x[:1]), name="a", schema=schema)
    found, (expected,) = model.thresholds(), as_models(fitted, name="a", schema=schema)
    assert list(found) == [0, 1]
    # As scikit-learn's own trees have them, which the adapter of scikit-learn reads.
    for place, values in expected.thresholds().items():
        np.testing.assert_allclose(found[place], values, rtol=1e-6)
    for place, values in found.items():
        rows = np.repeat(x[:1], 2 * len(values), axis=0)
        rows[:, place] = np.stack([values, np.nextafter(values, np.float32(np.inf))], axis=1).ravel()
        scores = model(torch.from_numpy(rows)).numpy()
        jumps = np.any(scores[1:] != scores[:-1], axis=1)
        assert not jumps[1::2].any()  # from just above one threshold up to the next, all is alike


def test_each_column_as_an_input(table):
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ["age", "hours per week", "job"]
    steps = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(), ["job"]))
    fitted = make_pipeline(steps, LogisticRegression()).fit(table[columns], table["paid"])
    types = [("age", Int64TensorType), ("hours per week", FloatTensorType), ("job", StringTensorType)]
    made = skl2onnx.to_onnx(fitted, initial_types=[(name, kind([None, 1])) for name, kind in types])
    rows = loaded(table, ["job", "age", "hours per week"])
    (model,) = as_models(made, name="a", schema=rows.schema)
    found = predict_probabilities(model, torch.from_numpy(rows.x))
    np.testing.assert_allclose(found, fitted.predict_proba(table[columns])[:, ::-1], atol=1e-5)
    with pytest.raises(FairtollError, match=r"takes 3 inputs: .*expected one, of rows, or one for each column"):
        as_models(made, name="a", schema=loaded(table, NUMBERS).schema)
    with pytest.raises(FairtollError, match="the rows have no named columns"):
        as_models(made, name="a")


def test_the_output_of_scores_among_several():
    nodes = [helper.make_node("Identity", ["X"], ["logits"]), helper.make_node("Relu", ["X"], ["hidden"])]
    model = graph_of(nodes, [("X", FLOAT, [None, 3])], [("hidden", FLOAT, [None, 3]), ("logits", FLOAT, [None, 3])])
    x = torch.randn(9, 3)
    assert torch.equal(prepare(as_models(model, name="a")[0], x)(x), x)
    model.graph.output[1].name = "other"
    model.graph.node[0].output[0] = "other"
    refused(r"returns hidden, other, of which 2 may be scores; expected one output", lambda: as_models(model, name="a"))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("label", WHOLE, [None]))
    model.graph.node.append(helper.make_node("ArgMax", ["X"], ["label"], axis=1, keepdims=0))
    refused("returns label, of which none may be scores", lambda: as_models(model, name="a"))


def test_the_model_comes_back_as_it_was(tmp_path):
    made = onnx.load(export(network(nn.Softmax(dim=1)), tmp_path / "a.onnx", dynamo=False))
    before = made.SerializeToString(deterministic=True)
    predict_probabilities(as_models(made, name="a")[0], torch.randn(7, 4))
    assert made.SerializeToString(deterministic=True) == before


def test_rows_of_another_width(table):
    nodes = [helper.make_node("Relu", ["X"], ["Y"])]
    model = graph_of(nodes, [("X", FLOAT, [None, 3])], [("Y", FLOAT, [None, 3])])
    schema = loaded(table, NUMBERS).schema
    refused(r"takes rows of 3 values \('X'\) and the table has 2", lambda: as_models(model, name="a", schema=schema))
    refused("the model fails on 5 rows", lambda: probe(as_models(model, name="a")[0], torch.randn(5, 7)))
    refused(
        "returned 3 classes; expected 2", lambda: prepare(as_models(model, name="a")[0], torch.randn(5, 3), classes=2)
    )


def test_other_classes_than_the_datas(table):
    node = helper.make_node(
        "LinearClassifier", ["X"], ["label", "Y"], domain="ai.onnx.ml", classlabels_strings=["good", "bad"],
        coefficients=[1.0, 2.0, 3.0, 4.0], intercepts=[0.0, 0.0],
    )  # fmt: skip
    model = graph_of([node], [("X", FLOAT, [None, 2])], [("label", TEXT, [None]), ("Y", FLOAT, [None, 2])])
    schema = loaded(table, NUMBERS).schema
    refused("the model has the classes 'good', 'bad' and the data", lambda: as_models(model, name="a", schema=schema))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.99])
def test_a_truncated_file(share, tmp_path):
    path = export(network(), tmp_path / "a.onnx", dynamo=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused("cannot be read as an ONNX model", lambda: read_model(path))


def test_weights_beside_the_file_that_are_missing(tmp_path):
    path = export(network(), tmp_path / "a.onnx", dynamo=False)
    made = onnx.load(path)
    onnx.save(made, path, save_as_external_data=True, location="a.data", size_threshold=0)
    assert len(as_models(read_model(path), name="a")) == 1
    (tmp_path / "a.data").unlink()
    refused("cannot be read as an ONNX model .*beside its weights", lambda: read_model(path))


def test_a_pickle_is_never_loaded(tmp_path):
    (tmp_path / "a.onnx").write_bytes(pickle.dumps(Touch(tmp_path / "created")))
    refused("cannot be read as an ONNX model", lambda: read_model(tmp_path / "a.onnx"))
    assert not (tmp_path / "created").exists()


def test_an_operator_that_onnxruntime_lacks():
    node = helper.make_node("Unheard", ["X"], ["Y"], domain="of.nobody")
    model = graph_of([node], [("X", FLOAT, [None, 3])], [("Y", FLOAT, [None, 3])])
    model.opset_import.append(helper.make_opsetid("of.nobody", 1))
    refused("onnxruntime .* cannot run the ONNX model", lambda: as_models(model, name="a"))


def test_onnx_that_is_not_installed(tmp_path, monkeypatch):
    (tmp_path / "a.onnx").write_bytes(b"any")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    refused(
        r"needs onnxruntime, which is not installed.*pip install -e '\.\[onnx\]'",
        lambda: read_model(tmp_path / "a.onnx"),
    )


def refused(message, call):
    with pytest.raises(FairtollError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
