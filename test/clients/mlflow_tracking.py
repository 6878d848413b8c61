"""What training scripts do with MLflow: autolog, nested runs, metrics that are no numbers, batches, datasets, searches, artifacts, logged models."""

import contextlib
import io
import math
import os
import pathlib
import urllib.parse
import urllib.request

# A mistake of the server must fail a check at once and not after minutes of repeating.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

# Before all that is large: it takes the collector from the imports.
from checks import check, finish, request, server

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

# It would start a process that loads the model, to see what that imports: a file among the artifacts would say it, and nothing else here.
mlflow.models.infer_pip_requirements = lambda model_uri, flavor, fallback=None, **options: fallback

target = server()
mlflow.set_tracking_uri(target.url)
client = MlflowClient()
is_current = int(mlflow.__version__.split(".")[0]) >= 3


@contextlib.contextmanager
def refused(code):
    try:
        yield
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code}: {error}"
    else:
        raise AssertionError(f"it was not refused with {code}")


@contextlib.contextmanager
def quiet():
    """Clients print links to runs on stdout, which belongs to the checks."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


with check("knows the server"):
    with urllib.request.urlopen(f"{target.url}/health", timeout=30) as answer:
        assert answer.read() == b"OK"
    assert client.get_experiment("0").name == "Default"
    assert mlflow.get_experiment_by_name("nobody made this") is None

with check("makes, renames, tags, deletes and restores experiments"):
    made = client.create_experiment("harbours", tags={"team": "pilots"})
    experiment = client.get_experiment(made)
    assert (experiment.name, experiment.tags, experiment.lifecycle_stage) == ("harbours", {"team": "pilots"}, "active")
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment("harbours")
    client.rename_experiment(made, "ports")
    client.set_experiment_tag(made, "sea", "north")
    run = client.create_run(made)
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_metric(run.info.run_id, "depth", 1)
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment("ports")
    assert [found.name for found in client.search_experiments(ViewType.DELETED_ONLY)] == ["ports"]
    client.restore_experiment(made)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    assert client.get_experiment(made).tags == {"team": "pilots", "sea": "north"}

with check("searches experiments by name, tag and page"):
    for name in ("tide-a", "tide-b", "Tide-c"):
        client.create_experiment(name, tags={"kind": name[-1]})
    assert [found.name for found in client.search_experiments(filter_string="name LIKE 'tide%'", order_by=["name DESC"])] == ["tide-b", "tide-a"]
    assert [found.name for found in client.search_experiments(filter_string="name ILIKE 'tide%' AND tags.kind != 'b'", order_by=["name"])] == ["Tide-c", "tide-a"]
    first = client.search_experiments(filter_string="name ILIKE 'tide%'", max_results=2, order_by=["name"])
    second = client.search_experiments(filter_string="name ILIKE 'tide%'", max_results=2, order_by=["name"], page_token=first.token)
    assert [found.name for found in [*first, *second]] == ["Tide-c", "tide-a", "tide-b"] and not second.token

with check("nests runs, each with its params, metrics and tags"):
    mlflow.set_experiment("training")
    with quiet(), mlflow.start_run(run_name="outer") as outer:
        mlflow.log_params({"depth": 3, "model": "tree"})
        mlflow.set_tag("team", "pilots")
        with mlflow.start_run(nested=True) as inner:
            mlflow.log_metric("loss", 0.5)
    found = client.get_run(outer.info.run_id)
    assert (found.info.run_name, found.info.status, found.data.params) == ("outer", "FINISHED", {"depth": "3", "model": "tree"})
    assert found.data.tags["team"] == "pilots" and found.data.tags["mlflow.runName"] == "outer"
    child = client.get_run(inner.info.run_id)
    assert child.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert child.info.run_name.count("-") == 2, child.info.run_name
    assert found.info.end_time >= found.info.start_time > 0

with check("keeps metrics that are no numbers, and the history of each"):
    with quiet(), mlflow.start_run() as run:
        for step, value in enumerate([1.0, float("nan"), float("inf"), -float("inf"), 0.25]):
            mlflow.log_metric("odd", value, step=step)
        mlflow.log_metric("last", float("nan"))
    history = client.get_metric_history(run.info.run_id, "odd")
    assert [point.step for point in history] == [0, 1, 2, 3, 4]
    assert math.isnan(history[1].value) and history[2].value == math.inf and history[3].value == -math.inf
    assert client.get_run(run.info.run_id).data.metrics["odd"] == 0.25
    assert math.isnan(client.get_run(run.info.run_id).data.metrics["last"])
    assert client.get_metric_history(run.info.run_id, "never logged") == []

with check("logs batches, of which a thousand metrics are the most"):
    run = client.create_run("0")
    run_id = run.info.run_id
    client.log_batch(run_id, metrics=[Metric("m", step / 10, 1000 + step, step) for step in range(1000)])
    client.log_batch(run_id, params=[Param("a", "1"), Param("b", "")], tags=[RunTag("t", "x")])
    assert len(client.get_metric_history(run_id, "m")) == 1000
    assert client.get_run(run_id).data.params == {"a": "1", "b": ""}
    # The client itself would split it.
    status, _, body = request(target, "POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": run_id, "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": step} for step in range(1001)]})
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), body
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_param(run_id, "a", "2")
    client.log_param(run_id, "a", "1")
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_metric(run_id, "../up", 1)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.log_metric("0" * 32, "m", 1)
    client.log_param(run_id, "long", "x" * 7000)
    assert len(client.get_run(run_id).data.params["long"]) == 6000
    client.set_tag(run_id, "mlflow.runName", "renamed")
    assert client.get_run(run_id).info.run_name == "renamed"
    client.delete_tag(run_id, "t")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_tag(run_id, "t")

with check("searches runs with filters and orders, by pages"):
    experiment_id = client.create_experiment("search")
    ids = []
    for index in range(10):
        run = client.create_run(experiment_id, start_time=1000 + index)
        ids.append(run.info.run_id)
        client.log_batch(run.info.run_id, metrics=[Metric("loss", math.nan if index == 3 else index / 10, 1, 0)], params=[Param("odd key", str(index % 2))], tags=[RunTag("fold", f"f{index}")])
    client.create_run(experiment_id, start_time=5000)

    def search(text="", **more):
        return [run.info.run_id for run in client.search_runs([experiment_id], text, **more)]

    assert search("metrics.loss < 0.3") == [ids[2], ids[1], ids[0]]
    assert search("params.`odd key` = '1' AND metrics.loss > 0.5", order_by=["metrics.loss ASC"]) == [ids[7], ids[9]]
    assert search("tags.fold LIKE 'f_' AND attributes.start_time >= 1008") == [ids[9], ids[8]]
    assert search(f"run_id IN ('{ids[4]}', '{ids[5]}')") == [ids[5], ids[4]]
    ordered = search(order_by=["metrics.loss DESC"])
    assert ordered[:9] == [ids[index] for index in (9, 8, 7, 6, 5, 4, 2, 1, 0)] and ordered[9] == ids[3] and len(ordered) == 11
    paged, token = [], None
    while True:
        page = client.search_runs([experiment_id], order_by=["metrics.loss"], max_results=4, page_token=token)
        paged += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
    assert paged == search(order_by=["metrics.loss"]), paged
    frame = mlflow.search_runs([experiment_id], "metrics.loss <= 0.1")
    assert list(frame["metrics.loss"]) == [0.1, 0.0]
    for wrong in ("metrics.loss = 'x'", "loss", "params.a = 1", "metrics.loss > 1 OR metrics.loss < 2"):
        with refused("INVALID_PARAMETER_VALUE"):
            search(wrong)
    with refused("INVALID_PARAMETER_VALUE"):
        search(max_results=1_000_000)

with check("says what is wrong in MLflow's words, before it looks anything up"):
    for path in ("/api/2.0/mlflow/artifacts/list?run_id=none&", "/get-artifact?run_uuid=none&", "/model-versions/get-artifact?name=none&version=1&", "//model-versions/get-artifact?name=none&version=1&"):
        for place in ("../x", "a/../../x", "/etc/passwd", "a\\..\\x"):
            status, _, answer = request(target, "GET", path + urllib.parse.urlencode({"path": place}))
            assert (status, answer) == (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid path"}), (path, place, answer)
    for body, words in ((b'{"name": 9.0}', "Invalid value 9.0 for parameter 'name'"), (b'{"name": "x", "artifact_location": 1e2}', "Invalid value 1e2 for"), (b'{"name": 9, "tags": 1.50}', "Invalid value 9 for parameter 'name'")):
        status, _, answer = request(target, "POST", "/api/2.0/mlflow/experiments/create", body)
        assert status == 400 and words in answer["message"], (body, answer)

with check("deletes and restores runs"):
    client.delete_run(ids[0])
    assert ids[0] not in search() and search(run_view_type=ViewType.DELETED_ONLY) == [ids[0]]
    with refused("INVALID_PARAMETER_VALUE"):
        client.set_tag(ids[0], "a", "b")
    client.restore_run(ids[0])
    assert ids[0] in search()

with check("names the datasets that a run reads"):
    data = mlflow.data.from_pandas(pd.DataFrame({"height": [1.5, 2.5], "port": ["a", "b"]}), name="tides")
    with quiet(), mlflow.start_run() as run:
        mlflow.log_input(data, context="training")
        mlflow.log_input(data, context="training")
    [given] = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest, [tag.value for tag in given.tags]) == ("tides", data.digest, ["training"])
    assert "height" in given.dataset.schema
    assert [found.info.run_id for found in client.search_runs([run.info.experiment_id], "dataset.name = 'tides' AND dataset.context = 'training'")] == [run.info.run_id]

with check("stores, lists and brings back artifacts"):
    source = pathlib.Path(target.directory, f"artifacts-{mlflow.__version__}")
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "bytes.bin").write_bytes(bytes(range(256)) * 5000)
    with quiet(), mlflow.start_run() as run:
        mlflow.log_artifacts(str(source), "given")
        mlflow.log_dict({"a": 1}, "facts.json")
    assert [entry.path for entry in client.list_artifacts(run.info.run_id)] == ["facts.json", "given"]
    [entry] = client.list_artifacts(run.info.run_id, "given/deep")
    assert (entry.path, entry.file_size, entry.is_dir) == ("given/deep/bytes.bin", 1_280_000, False)
    local = client.download_artifacts(run.info.run_id, "given", str(source))
    assert pathlib.Path(local, "deep", "bytes.bin").read_bytes() == (source / "deep" / "bytes.bin").read_bytes()
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/facts.json") == {"a": 1}

with check("autologs a scikit-learn model, and loads it again"):
    features, labels = load_iris(return_X_y=True, as_frame=True)
    mlflow.set_experiment("autolog")
    with quiet():
        mlflow.sklearn.autolog(log_datasets=True, silent=True)
        with mlflow.start_run() as run:
            fitted = LogisticRegression(max_iter=300).fit(features, labels)
        mlflow.sklearn.autolog(disable=True)
    found = mlflow.get_run(run.info.run_id)
    assert found.data.params["max_iter"] == "300" and found.data.metrics["training_score"] > 0.9, found.data
    assert [given.dataset.name for given in found.inputs.dataset_inputs] == ["dataset"]
    uri = f"models:/{found.outputs.model_outputs[0].model_id}" if is_current else f"runs:/{run.info.run_id}/model"
    np.testing.assert_array_equal(mlflow.sklearn.load_model(uri).predict(features), fitted.predict(features))

with check("autologs an XGBoost model"):
    try:
        import xgboost
    except ImportError:
        xgboost = None  # an environment without it still tests the rest
    if xgboost is not None:
        with quiet():
            mlflow.xgboost.autolog(silent=True)
            with mlflow.start_run() as run:
                matrix = xgboost.DMatrix(features, label=labels)
                xgboost.train({"objective": "multi:softprob", "num_class": 3}, matrix, num_boost_round=4, evals=[(matrix, "train")], verbose_eval=False)
            mlflow.xgboost.autolog(disable=True)
        assert [point.step for point in client.get_metric_history(run.info.run_id, "train-mlogloss")] == [0, 1, 2, 3]

if is_current:
    with check("follows logged models from their beginning to their metrics"):
        experiment_id = client.create_experiment("models")
        run = client.create_run(experiment_id)
        one = client.create_logged_model(experiment_id, name="one", source_run_id=run.info.run_id, params={"depth": "3"}, tags={"a": "b"})
        assert (one.status, one.params, one.tags) == ("PENDING", {"depth": "3"}, {"a": "b"})
        other = client.create_logged_model(experiment_id, name="other")
        client.finalize_logged_model(one.model_id, "READY")
        client.log_metric(run.info.run_id, "accuracy", 0.9, model_id=one.model_id, dataset_name="tides", dataset_digest="d1")
        client.set_logged_model_tags(one.model_id, {"c": "d"})
        client.delete_logged_model_tag(one.model_id, "a")
        found = client.get_logged_model(one.model_id)
        assert (found.status, found.tags, [(metric.key, metric.value, metric.dataset_name) for metric in found.metrics]) == ("READY", {"c": "d"}, [("accuracy", 0.9, "tides")])

        def names(**more):
            return [model.name for model in client.search_logged_models([experiment_id], **more)]

        assert names() == ["other", "one"]
        assert names(filter_string="metrics.accuracy > 0.5 AND params.depth = '3'") == ["one"]
        assert names(datasets=[{"dataset_name": "tides"}]) == ["one"]
        assert names(order_by=[{"field_name": "metrics.accuracy", "ascending": False}]) == ["one", "other"]
        client.delete_logged_model(other.model_id)
        assert names() == ["one"]
        with refused("RESOURCE_DOES_NOT_EXIST"):
            client.get_logged_model(other.model_id)

with check("lets code that is traced run"):

    @mlflow.trace
    def doubled(value):
        return 2 * value

    assert doubled(4) == 8
    if is_current:
        mlflow.flush_trace_async_logging()

finish()
