"""`audit`: models come back as they were, and every number is what its definition says."""

import copy
import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat, ModelStack, audit, metrics
from fairtoll.cli.report import rerender
from fairtoll.data import Dataset
from fairtoll.progress import reporting_to

LINEAR_ROWS = Dataset(
    np.random.default_rng(1).normal(size=(120, 2)),
    np.arange(120) % 2,
    ("low", "high"),
    groups={"site": np.where(np.arange(120) % 5 < 2, "north", "south")},
)
QUICK = {"threat": LinfThreat(), "epsilons": [0.1]}


def linear(seed):
    torch.manual_seed(seed)
    return nn.Linear(2, 2)


def snapshot(model):
    return {
        "modes": [module.training for module in model.modules()],
        "flags": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        "weights": {name: tensor.tolist() for name, tensor in model.state_dict().items()},
        "hooks": [len(module._forward_hooks) for module in model.modules()],
    }


def predictions_of(audited, arm):
    """Logits of the two models asked here, in eval mode, (S, N, C)."""
    x = torch.from_numpy(audited.rows.x)
    with torch.no_grad():
        return torch.stack([copy.deepcopy(model).eval()(x) for model in audited.models[arm]])


def groups_of(audited, partition):
    columns = {"class": np.array(audited.rows.class_names)[audited.rows.y], **audited.rows.groups}
    parts = [columns[part] for part in partition.split(" & ")]
    return metrics.intersect(*parts) if len(parts) > 1 else parts[0]


def findings(audited, metric):
    found = [finding for finding in audited.results.findings if finding.metric == metric]
    assert found
    return found


def test_models_and_the_random_state_come_back_as_they_were(audited):
    model, other = (copy.deepcopy(audited.models[arm][0]) for arm in ("plain", "hardened"))
    before, state = (snapshot(model), snapshot(other)), torch.get_rng_state()
    rows = audited.rows.take(np.arange(60))
    x = rows.x.copy()
    audit({"plain": model, "hardened": other}, rows, **QUICK)
    assert (snapshot(model), snapshot(other)) == before
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(rows.x, x)


def test_accuracy_unfairness_is_the_metric_and_fairlearns(audited):
    y = audited.rows.y
    for finding in findings(audited, "cau"):
        groups = groups_of(audited, finding.parameters.partition)
        for arm in (finding.standard, finding.robust):
            for run, logits in enumerate(predictions_of(audited, arm.arm)):
                predicted = logits.argmax(dim=1).numpy()
                gap = metrics.class_accuracy_unfairness(y, predicted, groups=groups)
                assert arm.plain_per_run[run] == pytest.approx(gap)
                frame = MetricFrame(metrics=accuracy_score, y_true=y, y_pred=predicted, sensitive_features=groups)
                counts = pd.Series(groups).value_counts()
                enough = frame.by_group[counts.reindex(frame.by_group.index).to_numpy() >= 10]
                assert arm.plain_per_run[run] == pytest.approx(enough.max() - enough.min())
            assert arm.plain == pytest.approx(np.mean(arm.plain_per_run))


def test_success_rate_unfairness_is_the_metric(audited):
    attacks = audited.audit.evidence.attacks
    for finding in findings(audited, "cru_s"):
        groups, epsilon = groups_of(audited, finding.parameters.partition), finding.parameters.epsilon
        for arm in (finding.standard, finding.robust):
            for run in (0, 1):
                wanted = (attacks["arm"] == arm.arm) & (attacks["seed"] == run) & (attacks["attack"] == "union")
                success = attacks[wanted & (attacks["epsilon"] == epsilon)].sort_values("row")["success"].to_numpy()
                gap = metrics.success_rate_unfairness(audited.rows.y, success, groups=groups)
                assert arm.plain_per_run[run] == pytest.approx(gap)


def test_confidence_unfairness_is_the_metric_and_fairlearns(audited):
    y = audited.rows.y
    for finding in findings(audited, "eou"):
        groups, label = groups_of(audited, finding.parameters.partition), finding.parameters.label
        position = audited.rows.class_names.index(label)
        assert finding.parameters.target == label
        for arm in (finding.standard, finding.robust):
            for run, logits in enumerate(predictions_of(audited, arm.arm)):
                chances = logits.softmax(dim=1).numpy()
                gap = metrics.equalized_odds_unfairness(y, chances, sensitive=groups, target=position, label=position)
                assert arm.plain_per_run[run] == pytest.approx(gap, abs=1e-6)
                kept = y == position
                frame = MetricFrame(
                    metrics=lambda _, confidence: confidence.mean(),
                    y_true=y[kept],
                    y_pred=chances[kept, position],
                    sensitive_features=groups[kept],
                )
                counts = pd.Series(groups[kept]).value_counts()
                enough = frame.by_group[counts.reindex(frame.by_group.index).to_numpy() >= 10]
                assert arm.plain_per_run[run] == pytest.approx(enough.max() - enough.min(), abs=1e-6)


def test_success_on_linear_models_is_the_closed_form():
    """A row of a linear two-class model stands exactly if its margin exceeds epsilon times the weights' L1 norm."""
    models = {"plain": linear(0), "hardened": linear(1)}
    found = audit(models, LINEAR_ROWS, threat=LinfThreat(), epsilons=[0.05, 0.4])
    x, y = torch.from_numpy(LINEAR_ROWS.x), torch.from_numpy(LINEAR_ROWS.y)
    for epsilon in (0.05, 0.4):
        finding = next(
            one
            for one in found.results.findings
            if one.id == f"audit/hardened/cru_s/site/white-box/audit/union/{epsilon:g}/all"
        )
        for arm in (finding.standard, finding.robust):
            model = models[arm.arm]
            with torch.no_grad():
                normal, logits = model.weight[1] - model.weight[0], model(x)
                margin = (logits[:, 1] - logits[:, 0]) * (2 * y - 1)
            broken = (margin < epsilon * normal.abs().sum()).numpy()
            rates = [broken[LINEAR_ROWS.groups["site"] == site].mean() for site in ("north", "south")]
            assert [group.value for group in arm.groups] == pytest.approx(rates)
            assert arm.plain == pytest.approx(abs(rates[0] - rates[1]))


def test_what_is_asked(audited):
    ids = [finding.id for finding in audited.results.findings]
    assert len(ids) == len(set(ids))
    asked = {(one.metric, one.parameters.partition, one.parameters.label) for one in audited.results.findings}
    classes = audited.rows.class_names
    assert asked == {
        *(("cau", partition, None) for partition in audited.partitions),
        *(("cru_s", partition, None) for partition in audited.partitions),
        *(("eou", partition, label) for partition in audited.partitions[1:] for label in classes),
    }
    assert {alarm.arm for alarm in audited.results.alarms} == {"plain", "hardened"}
    static = [one for one in audited.results.accuracy if one.evaluation == "static-transfer"]
    assert {(one.arm, one.source_arm, one.epsilon) for one in static} == {
        ("hardened", "plain", 0.1),
        ("hardened", "plain", 0.3),
    }


def test_the_same_audit_twice_gives_the_same(audited):
    rows = audited.rows.take(np.arange(90))
    models = {"plain": audited.models["plain"][0], "hardened": audited.models["hardened"][0]}
    first, second = (audit(models, rows, **QUICK) for _ in range(2))
    assert first.results == second.results
    pd.testing.assert_frame_equal(first.evidence.attacks, second.evidence.attacks)


def test_the_table(audited):
    table = audited.audit.table()
    assert list(table) == [
        "metric", "partition", "label", "evaluation", "attack", "epsilon", "certificate", "standard", "robust",
        "standard_value", "robust_value", "standard_plain", "robust_plain", "null_95", "difference", "low", "high",
        "worst_group", "worst_value", "verdict", "these_models",
    ]  # fmt: skip
    assert len(table) == len(audited.results.findings)
    assert (table["low"] <= table["difference"]).all()
    assert (table["difference"] <= table["high"]).all()


@pytest.mark.parametrize("names", [("metric", "difference"), ("low", "high"), ("standard", "verdict"), ("a", "b", "c")])
def test_the_table_whatever_the_arms_are_called(names):
    models = {name: linear(seed) for seed, name in enumerate(names)}
    found = audit(models, LINEAR_ROWS, **QUICK)
    table = found.table()
    assert set(zip(table["standard"], table["robust"], strict=True)) == {(names[0], one) for one in names[1:]}
    for (_, row), finding in zip(table.iterrows(), found.results.findings, strict=True):
        values = (finding.standard.value, finding.robust.value, finding.difference.value)
        assert (row["standard_value"], row["robust_value"], row["difference"]) == pytest.approx(values)
        assert (row["metric"], row["verdict"]) == (finding.metric, finding.verdict)
        assert row["robust_plain"] == finding.robust.plain
        assert row["these_models"] == finding.models.pairs[0].verdict  # one pair of models


def test_a_stack_is_its_members():
    stack = ModelStack([linear(0), linear(1)])
    ours = audit({"plain": stack, "hardened": linear(2)}, LINEAR_ROWS, **QUICK)
    same = audit({"plain": [linear(0), linear(1)], "hardened": linear(2)}, LINEAR_ROWS, **QUICK)
    assert ours.results.findings == same.results.findings
    assert [len(one.standard.per_run) for one in ours.results.findings] == [2] * len(ours.results.findings)


def test_three_arms_are_each_compared_with_the_first():
    found = audit({"plain": linear(0), "a": linear(1), "b": linear(2)}, LINEAR_ROWS, **QUICK)
    assert {(one.standard.arm, one.robust.arm) for one in found.results.findings} == {("plain", "a"), ("plain", "b")}


def test_radii_as_an_array():
    found = audit({"a": linear(0), "b": linear(1)}, LINEAR_ROWS, threat=LinfThreat(), epsilons=np.float32([0.1, 0.2]))
    json.loads(found.results.model_dump_json())
    assert found.results.configuration["epsilons"] == pytest.approx([0.1, 0.2])


def test_saved_and_rendered_again_it_is_the_same(audited, tmp_path):
    page = audited.audit.save(tmp_path)
    results, report = (tmp_path / "results.json").read_bytes(), page.read_bytes()
    assert json.loads(results) == json.loads(audited.results.model_dump_json())
    page.unlink()
    assert rerender(tmp_path) == page
    assert (tmp_path / "results.json").read_bytes() == results
    assert page.read_bytes() == report


def test_names_that_are_code_come_out_as_text(tmp_path):
    evil = "<script>alert(1)</script>"
    site = np.where(np.arange(120) % 2, f"{evil}1", "a&b")
    rows = Dataset(LINEAR_ROWS.x, LINEAR_ROWS.y, (f"{evil}2", "high"), groups={f"{evil}3": site}, name=f"{evil}4")
    found = audit({f"{evil}5": linear(0), f"{evil}6": linear(1)}, rows, **QUICK)
    page = found.report(tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    for number in range(1, 7):
        assert f"alert(1)&lt;/script&gt;{number}" in page


@pytest.mark.parametrize(
    ("models", "changes", "message"),
    [
        ({}, {}, "no model is given; expected one, or two or more"),
        ({"plain": linear(0), "hardened": []}, {}, "arm 'hardened' holds no model; expected one"),
        ({"plain": linear(0), "hardened": "a file"}, {}, "arm 'hardened' holds a str; expected"),
        ({"plain": linear(0), "hardened": 3}, {}, "arm 'hardened' holds a int; expected"),
        (None, {"partitions": ["class", "sex"]}, "unknown attribute 'sex'; expected one of: class, site"),
        (None, {"partitions": ["site & sex"]}, "unknown attribute 'sex'"),
        (None, {"epsilons": [0.2, 0.1]}, "epsilons is \\[0.2, 0.1\\]; expected .* in ascending order"),
        (None, {"epsilons": [0.1, 0.1]}, "each once, in ascending order"),
        (None, {"epsilons": [-0.1]}, "finite radii above 0"),
        (None, {"epsilons": []}, "epsilons is \\[\\]"),
        (None, {"epsilons": [float("nan")]}, "epsilons is \\[nan\\]"),
        (None, {"minimum_rows": 0}, "minimum_rows is 0; expected"),
    ],
)
def test_a_call_that_is_wrong(models, changes, message):
    models = {"plain": linear(0), "hardened": linear(1)} if models is None else models
    with pytest.raises(FairtollError, match=message):
        audit(models, LINEAR_ROWS, **(QUICK | changes))


class NeverRun(nn.Module):
    def forward(self, x):
        raise AssertionError("the model ran")


BAD_OPTIONS = [
    ("epsilons", 0.1, "epsilons is 0.1; expected a sequence of finite radii above 0"),
    ("epsilons", [0.0], r"epsilons is \[0.0\]; expected a sequence"),
    ("epsilons", [0.0, 0.1], "epsilons is"),
    ("epsilons", "0.1", "epsilons is '0.1'"),
    ("epsilons", ["0.1"], "epsilons is"),
    ("epsilons", [0.1, float("inf")], "epsilons is"),
    ("epsilons", [[0.1]], "epsilons is"),
    ("epsilons", [True], "epsilons is"),
    ("epsilons", None, "epsilons is None"),
    ("minimum_rows", 1, "minimum_rows is 1; expected a whole number of 2 or more"),
    ("minimum_rows", 2.5, "minimum_rows is 2.5"),
    ("minimum_rows", "10", "minimum_rows is '10'"),
    ("minimum_rows", True, "minimum_rows is True"),
    ("partitions", "site", r"partitions is 'site'; expected a sequence of names, such as \['site'\]"),
    ("partitions", ["site", "site"], "a partition is named 'site' more than once; expected each name once"),
    ("partitions", ["class & site", "site & class"], "but 'class & site' appears 2 times"),
    ("partitions", [3], "unknown attribute '3'"),
    ("partitions", 3, "partitions is 3"),
    ("partitions", np.array("site"), "partitions is array.*expected a sequence of names"),
    ("partitions", [], "partitions is empty; expected one or more"),
    ("epsilons", np.array(0.1), "epsilons is array.*expected a sequence of finite radii"),
    ("epsilons", torch.tensor(0.1), "epsilons is tensor.*expected a sequence of finite radii"),
    ("threat", None, "expected a Dataset and a LinfThreat"),
    ("threat", 0.1, "threat a float; expected a Dataset and a LinfThreat"),
    ("least_epsilon_max", "0.1", "least_epsilon_max is '0.1'"),
    ("least_epsilon_max", [0.1, 0.2], "least_epsilon_max is"),
    ("seed", -1, "seed is -1; expected a whole number of 0 or more"),
    ("seed", 0.5, "seed is 0.5"),
    ("seed", 10**23, "seed is 10+; expected a whole number of 0 or more, up to 2.62"),
    ("epsilons", [0.1, 1e308], "epsilons is"),
    ("seed", None, "seed is None"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_OPTIONS)
def test_options_are_checked_before_any_model_runs(name, value, message):
    with pytest.raises(FairtollError, match=message):
        audit({"plain": NeverRun(), "hardened": NeverRun()}, LINEAR_ROWS, **(QUICK | {name: value}))


class Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output(x)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda x: x[:5], "the model returned \\(5, 2\\) for 32 rows; expected logits of shape \\(32, classes\\)"),
        (lambda x: {"scores": x}, "the model returned dict with the keys 'scores' for 32 rows"),
        (lambda x: torch.cat([x, x], dim=1), "the model returned 4 classes; expected 2, as the data has"),
        (lambda x: x * float("nan"), "the model returned NaN or infinity for 120 rows"),
        (lambda x: x @ torch.zeros(3, 2), "the model fails on rows of shape \\(2,\\)"),
    ],
)
def test_a_model_that_is_wrong(output, message):
    with pytest.raises(FairtollError, match=message):
        audit({"plain": linear(0), "hardened": Returns(output)}, LINEAR_ROWS, **QUICK)


def test_probabilities_where_logits_are_due_draw_a_warning():
    model = nn.Sequential(linear(0), nn.Softmax(dim=1))
    with pytest.warns(FairtollWarning, match="probabilities instead of logits"):
        audit({"plain": model, "hardened": linear(1)}, LINEAR_ROWS, **QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audit({"plain": linear(0), "hardened": linear(1)}, LINEAR_ROWS, **QUICK)


def test_an_attribute_with_one_value_is_insufficient_data():
    rows = Dataset(LINEAR_ROWS.x, LINEAR_ROWS.y, LINEAR_ROWS.class_names, groups={"site": ["here"] * 120})
    found = audit({"plain": linear(0), "hardened": linear(1)}, rows, **QUICK)
    for finding in found.results.findings:
        if finding.parameters.partition == "site":
            assert finding.verdict == "insufficient data"
            assert (finding.standard.value, finding.standard.per_run) == (None, [None])
    assert found.table()["verdict"].tolist().count("insufficient data") == 4


def test_least_epsilon_of_an_audit_is_the_closed_form(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: None)
    shares = []
    models = {"plain": [linear(0)], "hardened": [linear(1), linear(2)]}
    options = {"least_epsilon_max": 5.0, "partitions": ["class", "site"]}
    with reporting_to(shares.append):
        found = audit(models, LINEAR_ROWS, **options, **QUICK)
    assert sum(shares) == pytest.approx(1)
    x, y = torch.from_numpy(LINEAR_ROWS.x), torch.from_numpy(LINEAR_ROWS.y)
    asked = [one for one in found.results.findings if one.metric.startswith("cru_epsilon")]
    assert [(one.metric, one.parameters.partition) for one in asked] == [
        (metric, partition) for metric in ("cru_epsilon", "cru_epsilon_relative") for partition in ("class", "site")
    ]
    for finding in asked:
        groups = LINEAR_ROWS.y if finding.parameters.partition == "class" else LINEAR_ROWS.groups["site"]
        for arm in (finding.standard, finding.robust):
            for gap, model in zip(arm.plain_per_run, models[arm.arm], strict=True):
                with torch.no_grad():
                    logits, normal = model(x), model.weight[1] - model.weight[0]
                    margin = (logits[:, 1] - logits[:, 0]) * (2 * y - 1)
                radius = (margin / normal.abs().sum()).clamp(min=0, max=5.0).numpy()
                exact = metrics.class_robustness_unfairness(
                    LINEAR_ROWS.y, radius, groups=groups, relative=finding.metric == "cru_epsilon_relative"
                )
                assert gap == pytest.approx(exact, abs=0.05)  # the tolerance is 0.025
    assert {one.arm for one in found.results.least_epsilon} == {"plain", "hardened"}
    assert set(found.table()["metric"]) == {"cau", "cru_s", "eou", "cru_epsilon", "cru_epsilon_relative"}
    assert found.results.configuration["least_epsilon_max"] == 5.0
    page = found.save(tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    assert rerender(tmp_path) == page
    assert (tmp_path / "results.json").read_bytes() == before


@pytest.mark.parametrize("largest", [0.0, -1.0, float("nan"), float("inf")])
def test_a_largest_radius_that_is_none(largest):
    with pytest.raises(FairtollError, match=r"least_epsilon_max is .*; expected a finite radius above 0"):
        audit({"plain": linear(0), "hardened": linear(1)}, LINEAR_ROWS, least_epsilon_max=largest, **QUICK)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            Returns(lambda x: torch.nn.functional.dropout(x, 0.5)),
            "arm 'hardened': the model's outputs change from call",
        ),
        (
            Returns(lambda x: x - x.mean(dim=0)),
            "arm 'hardened': the model's outputs depend on the other rows of a batch",
        ),
        (Returns(lambda x: (x, x)), "arm 'hardened': the model returned tuple"),
    ],
)
def test_a_fault_of_the_last_model_shows_before_the_first_is_attacked(bad, message):
    seen = []
    first = Returns(lambda x: [seen.append(len(x)), x][1])
    with pytest.raises(FairtollError, match=message):
        audit({"plain": first, "hardened": bad}, LINEAR_ROWS, **QUICK)
    # Fewer rows than one pass over the data.
    assert sum(seen) < 120
    with pytest.raises(FairtollError, match=message.replace("'hardened'", "'hardened', training run 2 of 2")):
        audit({"plain": first, "hardened": [linear(1), bad]}, LINEAR_ROWS, **QUICK)


def test_a_models_own_probabilities_are_in_the_evidence_and_an_alarm_says_so(tmp_path):
    torch.manual_seed(0)
    inner, own = nn.Linear(2, 2), {}
    forms = {
        "plain": Returns(lambda x: inner(x)),
        "softmax": Returns(lambda x: inner(x).softmax(dim=1)),
        "half": Returns(lambda x: inner(x).softmax(dim=1).bfloat16()),
        "averaged": Returns(lambda x: (inner(x).softmax(dim=1) + inner(2 * x).softmax(dim=1)) / 2),
    }
    with pytest.warns(FairtollWarning, match="seems to return probabilities"):
        found = audit(forms, LINEAR_ROWS, **QUICK)
    with torch.no_grad():
        own = {name: model(torch.from_numpy(LINEAR_ROWS.x)).float().numpy() for name, model in forms.items()}
    for name in ("softmax", "half", "averaged"):
        stored = found.evidence.probabilities(name)[0]
        np.testing.assert_allclose(stored, own[name], atol=1e-6 if name != "half" else 4e-3)
        fired = [alarm for alarm in found.results.alarms if alarm.arm == name and alarm.fired]
        assert "model-returns-probabilities" in [alarm.id for alarm in fired]
    assert not [alarm for alarm in found.results.alarms if alarm.arm == "plain" and alarm.id.startswith("model-")]
    # The attacks see the same logits behind both.
    table = found.evidence.attacks
    success = {name: table[(table.arm == name) & (table.attack == "union")].success.tolist() for name in forms}
    assert success["plain"] == success["softmax"]
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The model returns probabilities" in page
    found.save(tmp_path / "saved")
    assert "model-returns-probabilities" in (tmp_path / "saved/results.json").read_text(encoding="utf-8")


def test_inside_inference_mode_an_audit_is_the_same():
    models = {"plain": linear(0), "hardened": nn.Sequential(linear(1), nn.Softplus())}
    expected = audit(models, LINEAR_ROWS, **QUICK)
    before = [snapshot(model) for model in models.values()]
    with torch.inference_mode():
        found = audit(models, LINEAR_ROWS, **QUICK)
    assert [snapshot(model) for model in models.values()] == before
    pd.testing.assert_frame_equal(found.evidence.attacks, expected.evidence.attacks)
    pd.testing.assert_frame_equal(found.evidence.predictions, expected.evidence.predictions)
