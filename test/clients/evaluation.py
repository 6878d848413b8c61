"""Evaluations are what scikit-learn and scipy make of the same predictions of the same models.

Two models of scikit-learn for each task, exported with skl2onnx, the second one worse. The server evaluates each new version on an
uploaded dataset; here onnxruntime predicts the same rows, and scikit-learn and scipy compute the rest.
"""

import numpy as np
import onnxruntime
import pandas as pd
from checks import change_policy, check, deploy, finish, get, request, server, slipway, wait_until
from scipy import stats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn import datasets
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, mean_squared_error, roc_auc_score

target = server()
random = np.random.default_rng(20010601)
CONFIDENCE = 0.9


def exported(estimator, name, width, **options):
    path = target.directory / f"{name}.onnx"
    onnx = to_onnx(estimator, initial_types=[("X", FloatTensorType([None, width]))], options=options or None, target_opset={"": 18, "ai.onnx.ml": 3})
    path.write_bytes(onnx.SerializeToString())
    return path


def predicted(path, features):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": features})


def uploaded(name, features, truth):
    path = target.directory / f"{name}.parquet"
    pd.DataFrame(features, columns=[f"x{index}" for index in range(features.shape[1])]).assign(y=truth).to_parquet(path, index=False)
    slipway(target, "datasets", "add", str(path), "--name", name, "--target", "y")


def evaluated(model, version, **request_body):
    """The evaluation that the version's registration started, or the one that is asked for here."""
    path = f"/api/models/{model}/versions/{version}/evaluations"
    if request_body:
        status, _, body = request(target, "POST", path, request_body)
        assert status == 200, body
        run = body["run"]["id"]
    found = []

    def ended():
        answer = get(target, path)
        assert answer["run"] is None or answer["run"]["state"] != "failed", answer["run"]["error"]
        found[:] = [each for each in answer["evaluations"] if not request_body or each["workflowRun"] == run]
        return len(found) > 0

    wait_until(ended, f"the evaluation of version {version} of {model}")
    return found[0]


def near(got, want, what, tolerance=1e-6):
    assert abs(got - want) <= tolerance * max(1, abs(want)), f"{what} is {got}, not {want}"


def is_paired(comparison, own, rival, what):
    """`own` and `rival` are what each row adds to the metric."""
    test = stats.ttest_rel(own, rival)
    interval = test.confidence_interval(CONFIDENCE)
    assert comparison["method"] == "paired_t" and comparison["interval"]["confidence"] == CONFIDENCE
    near(comparison["difference"], np.mean(own) - np.mean(rival), f"the difference {what}")
    near(comparison["interval"]["low"], interval.low, f"the lower end {what}")
    near(comparison["interval"]["high"], interval.high, f"the upper end {what}")


def by_role(evaluation):
    return {comparison["role"]: comparison for comparison in evaluation["comparisons"]}


def log_losses(truth, probabilities):
    """What each row adds to the log loss; together they are scikit-learn's."""
    epsilon = np.finfo(probabilities.dtype).eps
    losses = -np.log(np.clip(probabilities[np.arange(len(truth)), truth].astype(np.float64), epsilon, 1 - epsilon))
    near(losses.mean(), log_loss(truth, probabilities), "the mean of the rows' losses")
    return losses


def delong_by_definition(truth, first, second, confidence):
    """DeLong, DeLong and Clarke-Pearson 1988, pair by pair."""
    components = []
    for scores in (first, second):
        positive, negative = scores[truth == 1], scores[truth == 0]
        wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        components.append((wins.mean(axis=1), wins.mean(axis=0)))
    contrast = np.array([1, -1])
    covariance = sum(np.cov([each[side] for each in components]) / len(components[0][side]) for side in (0, 1))
    difference = components[0][0].mean() - components[1][0].mean()
    reach = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(contrast @ covariance @ contrast)
    return difference, difference - reach, difference + reach


cancer = datasets.load_breast_cancer()
features, truth = cancer.data.astype(np.float32), cancer.target
half = len(truth) // 2
scaled = (features - features[:half].mean(axis=0)) / features[:half].std(axis=0)
good = exported(LogisticRegression(max_iter=500).fit(scaled[:half, :8], truth[:half]), "good", 8, zipmap=False)
# It learns from two columns that tell little, and nothing from the others.
little = scaled[:half, :8] * np.isin(np.arange(8), [1, 4])
poor = exported(LogisticRegression(max_iter=500).fit(little, truth[:half]), "poor", 8)
like_good = exported(LogisticRegression(max_iter=500, C=1.1).fit(scaled[:half, :8], truth[:half]), "like_good", 8, zipmap=False)
held, answers = scaled[half:, :8], truth[half:]
uploaded("cancer", held, answers)
deploy(target, "cancer", good)
change_policy(target, "cancer", evaluation={"dataset": "cancer", "confidence": CONFIDENCE, "metric": "log_loss"})
deploy(target, "cancer", poor)
(good_labels, good_probabilities), (poor_labels, poor_maps) = predicted(good, held), predicted(poor, held)
poor_probabilities = np.array([[row[0], row[1]] for row in poor_maps], dtype=np.float32)

with check("a worse classifier is worse than the champion by the log loss, as scipy has the interval"):
    evaluation = evaluated("cancer", "2")
    metrics = evaluation["metrics"]
    near(metrics["accuracy"], accuracy_score(answers, poor_labels), "the accuracy", 1e-12)
    near(metrics["log_loss"], log_loss(answers, poor_probabilities), "the log loss")
    near(metrics["auc"], roc_auc_score(answers, poor_probabilities[:, 1]), "the area", 1e-12)
    comparison = by_role(evaluation)["champion"]
    assert comparison["rival"] == {"kind": "version", "version": "1"} and comparison["verdict"] == "worse", comparison
    near(comparison["metrics"]["log_loss"], log_loss(answers, good_probabilities), "the champion's log loss")
    is_paired(comparison, log_losses(answers, poor_probabilities), log_losses(answers, good_probabilities), "of log losses")

with check("the trivial baseline is scikit-learn's DummyClassifier on the same rows"):
    dummy = DummyClassifier(strategy="prior").fit(held, answers)
    comparison = by_role(evaluation)["baseline"]
    assert comparison["rival"] == {"kind": "majority_class", "label": str(dummy.predict(held[:1])[0])}
    near(comparison["metrics"]["accuracy"], dummy.score(held, answers), "its accuracy", 1e-12)
    near(comparison["metrics"]["log_loss"], log_loss(answers, dummy.predict_proba(held)), "its log loss")
    near(comparison["metrics"]["auc"], 0.5, "its area", 1e-12)
    is_paired(comparison, log_losses(answers, poor_probabilities), log_losses(answers, dummy.predict_proba(held)), "to the trivial model")
    assert evaluation["dataset"]["rows"] == len(answers) and evaluation["notes"] == [], evaluation["notes"]

with check("a better classifier is better, and one that is nearly the same undecided, by accuracy"):
    change_policy(target, "cancer", evaluation={"metric": "accuracy", "baseline": "2"})
    evaluation = evaluated("cancer", "1", dataset="cancer")
    comparison = by_role(evaluation)["baseline"]
    assert comparison["rival"] == {"kind": "version", "version": "2"} and comparison["verdict"] == "better", comparison
    is_paired(comparison, (good_labels == answers).astype(float), (poor_labels == answers).astype(float), "of hits")
    deploy(target, "cancer", like_good, "--no-activate")
    comparison = by_role(evaluated("cancer", "3", baseline="1"))["baseline"]
    assert comparison["verdict"] == "undecided", comparison
    assert comparison["interval"]["low"] <= 0 <= comparison["interval"]["high"]

with check("areas under the curve are compared as DeLong says, and a bootstrap agrees"):
    change_policy(target, "cancer", evaluation={"metric": "auc"})
    comparison = by_role(evaluated("cancer", "2", baseline="1"))["baseline"]
    first, second = poor_probabilities[:, 1].astype(np.float64), good_probabilities[:, 1].astype(np.float64)
    difference, low, high = delong_by_definition(answers, first, second, CONFIDENCE)
    assert comparison["method"] == "delong"
    near(comparison["difference"], difference, "the difference of areas", 1e-12)
    near(comparison["interval"]["low"], low, "its lower end", 1e-9)
    near(comparison["interval"]["high"], high, "its upper end", 1e-9)
    differences = []
    for _ in range(300):
        rows = random.integers(0, len(answers), len(answers))
        if 0 < answers[rows].sum() < len(rows):
            differences.append(roc_auc_score(answers[rows], first[rows]) - roc_auc_score(answers[rows], second[rows]))
    drawn = np.std(differences) * 2 * stats.norm.ppf((1 + CONFIDENCE) / 2)
    assert 0.8 < (high - low) / drawn < 1.25, f"the interval is {high - low} wide, that of the bootstrap {drawn}"

with check("regressions are measured by scikit-learn's errors against the mean, and missing rows are counted"):
    diabetes = datasets.load_diabetes()
    inputs, progress = diabetes.data.astype(np.float32), diabetes.target
    line = exported(LinearRegression().fit(inputs[:200], progress[:200]), "line", 10)
    part = inputs[200:].copy()
    part[[3, 8], 2] = np.nan
    uploaded("diabetes", part, np.where(np.arange(len(part)) == 20, np.nan, progress[200:]))
    deploy(target, "diabetes", line)
    change_policy(target, "diabetes", evaluation={"dataset": "diabetes", "confidence": CONFIDENCE, "metric": "mean_squared_error"})
    evaluation = evaluated("diabetes", "1", dataset="diabetes")
    used = ~np.isin(np.arange(len(part)), [3, 8, 20])
    given = np.isin(np.arange(len(part)), [20], invert=True)
    (values,) = predicted(line, inputs[200:])
    values, wanted = values[used, 0].astype(np.float64), progress[200:][used]
    near(evaluation["metrics"]["mean_absolute_error"], mean_absolute_error(wanted, values), "the absolute error")
    near(evaluation["metrics"]["mean_squared_error"], mean_squared_error(wanted, values), "the squared error")
    (comparison,) = evaluation["comparisons"]
    mean = DummyRegressor().fit(inputs[200:][given], progress[200:][given]).predict(inputs[200:][used])
    near(comparison["rival"]["value"], mean[0], "the mean", 1e-12)
    is_paired(comparison, (values - wanted) ** 2, (mean - wanted) ** 2, "of squared errors")
    assert evaluation["dataset"]["rows"] == used.sum() and len(evaluation["notes"]) == 2, evaluation["notes"]
    assert comparison["verdict"] == "better" and not evaluation["higherIsBetter"]

finish()
