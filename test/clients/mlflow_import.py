"""Makes MLflow stores to import from, and compares a server after the import with its source, field by field, by the real client.

Stays, and does one task after the other; each is a line on its stdin, a list of words, and ends with the line {"done": true}:
    make FOLDER              a store of each kind, FOLDER/sqlite and FOLDER/mlruns, and what the client sees of them
    compare URL KIND         the server with what was seen of its source
    unchanged KIND FOLDER    the source with what was seen of it before anything was imported
"""

import json
import math
import os
import sys
import tempfile

from checks import check

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, ViewType  # noqa: E402


# Of each store, what its own client sees when it is made.
pictures = {}


def address(kind, folder):
    return f"sqlite:///{folder}/sqlite/mlflow.db" if kind == "sqlite" else f"file://{folder}/mlruns/mlruns"


def client_of(place):
    """Some of what a client does goes where MLflow itself points: not to a server of before, which may be gone, nor to a store made for it."""
    mlflow.set_tracking_uri(place)
    mlflow.set_registry_uri(place)
    return MlflowClient(place, registry_uri=place)


def source_picture(kind, folder):
    return picture(client_of(address(kind, folder)))


def make(folder):
    for kind in ("sqlite", "mlruns"):
        with check(f"a source of the kind {kind} is made"):
            os.mkdir(f"{folder}/{kind}")
            # Where MLflow puts artifacts.
            os.chdir(f"{folder}/{kind}")
            make_store(kind, folder)
            os.chdir(folder)
            pictures[kind] = source_picture(kind, folder)


def make_store(kind, folder):
    import numpy
    import pandas
    from sklearn.linear_model import LogisticRegression

    client = client_of(address(kind, folder))
    experiment = client.create_experiment("churn", tags={"a": "b"})
    with mlflow.start_run(experiment_id=experiment, run_name="parent", description="a note") as parent:
        mlflow.log_params({"depth": 3, "text": "é : \n x"})
        mlflow.log_metric("nan", math.nan, step=1)
        mlflow.log_metric("a/b", 2.5, step=-3)
        with mlflow.start_run(experiment_id=experiment, run_name="child", nested=True) as child:
            for first in (0, 1000, 2000):
                points = [Metric("loss", 1 / (i + 1), 1_700_000_000_000 + i, i) for i in range(first, first + 1000)]
                client.log_batch(child.info.run_id, metrics=points)
            mlflow.log_text("hello", "dir/a b.txt")
            mlflow.log_dict({"x": 1}, "x.json")
        frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
        mlflow.log_input(mlflow.data.from_pandas(frame, name="train", targets="y"), context="training")
        given = numpy.array([[0.0], [1.0], [2.0], [3.0]])
        model = LogisticRegression().fit(given, [0, 0, 1, 1])
        # The last says what it takes, of the others the server asks the loaded model.
        for signature in (None, None, mlflow.models.infer_signature(given, model.predict(given))):
            mlflow.sklearn.log_model(model, name="model", registered_model_name="churn-model", pip_requirements=["scikit-learn"], signature=signature)
    for i in range(120):
        run = client.create_run(experiment, run_name=f"r{i}").info.run_id
        client.log_metric(run, "m", i)
        client.log_text(run, str(i), "i.txt")
        client.set_terminated(run, "FAILED" if i % 3 == 0 else "FINISHED")
    client.delete_run(run)
    client.set_registered_model_alias("churn-model", "best", "3")
    client.delete_model_version("churn-model", "2")
    client.update_registered_model("churn-model", "the model")
    client.set_registered_model_tag("churn-model", "k", "v")
    client.set_model_version_tag("churn-model", "1", "vk", "vv")
    gone = client.create_experiment("gone")
    client.create_run(gone, run_name="g")
    client.delete_experiment(gone)


def files_below(client, run, path=None):
    for entry in client.list_artifacts(run, path):
        if entry.is_dir:
            yield from files_below(client, run, entry.path)
        else:
            yield entry.path, entry.file_size


def value_of(number):
    return "NaN" if math.isnan(number) else number


def picture(client):
    """All that a client can see of a store, but for ids of experiments and places of artifacts, which are the server's own."""
    seen = {}
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        if experiment.name == "Default":
            continue
        runs = {}
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=1000):
            info = run.info
            history = {
                key: sorted((str(value_of(point.value)), point.timestamp, point.step) for point in client.get_metric_history(info.run_id, key))
                for key in run.data.metrics
            }
            tags = {key: value for key, value in run.data.tags.items() if key != "mlflow.log-model.history"}
            runs[info.run_id] = {
                "name": info.run_name, "status": info.status, "user": info.user_id, "start": info.start_time, "end": info.end_time,
                "stage": info.lifecycle_stage, "params": run.data.params, "tags": tags, "history": history,
                "latest": {key: str(value_of(value)) for key, value in run.data.metrics.items()},
                "files": sorted(files_below(client, info.run_id)) if info.lifecycle_stage == "active" else [],
                "datasets": [
                    [each.dataset.name, each.dataset.digest, each.dataset.source_type, each.dataset.source, each.dataset.schema, each.dataset.profile,
                     sorted((tag.key, tag.value) for tag in each.tags)]
                    for each in run.inputs.dataset_inputs
                ],
                "made": sorted(each.model_id for each in run.outputs.model_outputs),
            }
        models = {}
        if experiment.lifecycle_stage == "active":
            for model in client.search_logged_models([experiment.experiment_id]):
                models[model.model_id] = [
                    model.name, str(model.status), model.source_run_id, model.creation_timestamp, model.last_updated_timestamp, model.params,
                    sorted(model.tags.items()), sorted((m.key, m.value, m.step, m.run_id) for m in model.metrics or []),
                ]
        seen[experiment.name] = [experiment.lifecycle_stage, experiment.creation_time, experiment.tags, runs, models]
    registry = {}
    for model in client.search_registered_models():
        full = client.get_registered_model(model.name)
        registry[model.name] = [full.description, full.tags, {name: str(version) for name, version in full.aliases.items()}, full.creation_timestamp] + [
            [str(v.version), v.run_id, v.source, v.description or "", v.tags, v.current_stage, v.creation_timestamp]
            for v in sorted(client.search_model_versions(f"name='{model.name}'"), key=lambda v: int(v.version))
        ]
    return json.loads(json.dumps([seen, registry]))


def differences(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(set(left) | set(right)):
            yield from differences(left.get(key, "(none)"), right.get(key, "(none)"), f"{path}/{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right)):
            yield from differences(one, other, f"{path}/{index}")
    elif left != right:
        yield f"{path}: {str(left)[:200]} became {str(right)[:200]}"


def assert_same(there, here):
    different = list(differences(there, here))
    assert not different, "\n".join(different[:20])


def compare(url, kind):
    client = client_of(url)
    here = picture(client)
    with check("every field of every object is as in the source"):
        assert_same(pictures[kind], here)
    with check("artifacts have their content"), tempfile.TemporaryDirectory() as scratch:
        child = next(run for run, facts in here[0]["churn"][3].items() if facts["name"] == "child")
        with open(client.download_artifacts(child, "dir/a b.txt", scratch), encoding="utf-8") as file:
            assert file.read() == "hello"
    with check("a registered model loads"):
        loaded = mlflow.sklearn.load_model("models:/churn-model@best")
        assert list(loaded.predict([[0.0], [3.0]])) == [0, 1]


def unchanged(kind, folder):
    with check("the source is as it was before"):
        assert_same(pictures[kind], source_picture(kind, folder))


TASKS = {"make": make, "compare": compare, "unchanged": unchanged}

if __name__ == "__main__":
    for line in sys.stdin:
        task, *words = json.loads(line)
        try:
            TASKS[task](*words)
        except Exception:  # noqa: BLE001: whatever a client throws is a finding
            with check(f"the task {task} comes to its end"):
                raise
        print(json.dumps({"done": True}), flush=True)
