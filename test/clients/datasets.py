"""Datasets are read as pandas wrote them, and a version registered with MLflow's client is profiled on the data that its run logged."""

import contextlib
import datetime
import json
import sys
import urllib.request

import mlflow
import numpy as np
import pandas as pd
from checks import check, finish, get, server, slipway
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
from onnx import TensorProto, helper

target = server()
mlflow.set_tracking_uri(target.url)
client = MlflowClient(target.url)
random = np.random.default_rng(20130101)

ROWS = 60
TABLE = pd.DataFrame(
    {
        "whole": random.integers(-5, 5, ROWS),
        "huge": random.integers(2**53, 2**63 - 1, ROWS),
        "fraction": np.where(np.arange(ROWS) % 7 == 0, np.nan, random.normal(size=ROWS)),
        "endless": np.where(np.arange(ROWS) % 9 == 0, np.inf, random.normal(size=ROWS)),
        "truth": random.random(ROWS) < 0.5,
        "word": [[None, 'a "quoted", word', "wört 😀", "two\nlines", "x;y|z"][index % 5] for index in range(ROWS)],
        "at": pd.Series(pd.date_range("2013-01-01", periods=ROWS, freq="37min19s")).astype("datetime64[us]"),
        "day": [datetime.date(2013, 1, 1) + datetime.timedelta(days=index) for index in range(ROWS)],
    }
)


def cells_of(frame, is_csv):
    """What the preview shows of the frame: missing is null; what JSON cannot say is text. A NaN that pandas writes is missing in CSV, and in Parquet too."""
    def shown(value):
        if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
            return None
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        if isinstance(value, (int, np.integer)):
            return int(value) if abs(int(value)) < 2**53 else str(int(value))
        if isinstance(value, float):
            return value if np.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
        if isinstance(value, (pd.Timestamp, datetime.date)):
            return value.isoformat()
        return value

    return [[shown(value) for value in row] for row in frame.itertuples(index=False, name=None)]


def rows_of(name, version, total):
    rows = []
    while len(rows) < total:
        rows += get(target, f"/api/datasets/{name}/versions/{version}/rows?offset={len(rows)}&limit=25")["rows"]
    return rows


with check("rows of CSV and of Parquet are those that pandas wrote, integers beyond 2^53 and texts of all kinds too"):
    TABLE.to_csv(target.directory / "table.csv", index=False)
    TABLE.to_parquet(target.directory / "table.parquet", index=False)
    for version, name in enumerate(["table.csv", "table.parquet"], start=1):
        added = slipway(target, "datasets", "add", str(target.directory / name), "--name", "table", "--target", "truth")
        assert (added["created"], added["version"]["version"], added["version"]["rows"]) == (True, version, ROWS), added
        kinds = {column["name"]: column["kind"] for column in added["version"]["columns"]}
        assert kinds == {
            "whole": "integer", "huge": "integer", "fraction": "float", "endless": "float", "truth": "boolean", "word": "text", "at": "timestamp", "day": "timestamp",
        }, kinds
        got, want = rows_of("table", version, ROWS), cells_of(TABLE, name.endswith("csv"))
        for index, (one, other) in enumerate(zip(got, want, strict=True)):
            assert one == other, f"{name}, row {index}: {one} is not {other}"

with check("the file comes back byte for byte"):
    with urllib.request.urlopen(f"{target.url}/api/datasets/table/versions/2/content") as answer:
        assert answer.read() == (target.directory / "table.parquet").read_bytes()


def linear_model(features):
    inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in features]
    nodes = [helper.make_node("Sum", features, ["y"])]
    graph = helper.make_graph(nodes, "linear", inputs, [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


FEATURES = ["first", "second"]
TRAINING = pd.DataFrame({"first": random.normal(3, 2, 400), "second": np.where(random.random(400) < 0.1, np.nan, random.gamma(2, size=400)), "label": random.integers(0, 2, 400)})
OTHER = TRAINING * 100


def contract_of(name, version):
    return get(target, f"/api/models/{name}/versions/{version}")["contract"]


def assert_profile(contract, frame, label):
    profile = contract["referenceProfile"]
    assert profile is not None, contract["runtime"]["notes"]
    assert (profile["rows"], profile.get("target")) == (len(frame), label), profile
    columns = {column["name"]: column for column in profile["columns"]}
    assert set(columns) == set(FEATURES), set(columns)
    for name, column in columns.items():
        values = frame[name]
        want = {"count": len(values), "missing": int(values.isna().sum()), "mean": values.mean(), "standardDeviation": values.std(ddof=0), "min": values.min(), "max": values.max()}
        for fact, value in want.items():
            assert np.isclose(column[fact], value, rtol=1e-9), f"{name}.{fact}: {column[fact]} is not {value}"
        finite = values.dropna()
        assert np.allclose(column["edges"], np.quantile(finite, np.arange(1, 10) / 10)), column["edges"]
        counts, _ = np.histogram(finite, [-np.inf, *column["edges"], np.inf])
        assert sum(column["counts"]) == counts.sum(), column["counts"]


def registered(name, log):
    """Logs a model in a run in which `log` logs its data, and registers it."""
    # The client greets on stdout, where the checks are.
    with contextlib.redirect_stdout(sys.stderr):
        with mlflow.start_run() as run:
            log(run)
            logged = mlflow.onnx.log_model(linear_model(FEATURES), name="model", pip_requirements=["onnx"])
        made = mlflow.register_model(logged.model_uri, name)
    return contract_of(name, made.version)


def log_dataset(run, name, source, digest="d", source_type="mlflow-artifacts", context="training"):
    dataset = Dataset(name, digest, source_type, json.dumps({"uri": source}))
    client.log_inputs(run.info.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])


with check("a pandas dataset whose file the run logged too is the reference profile, and data for evaluation is not"):
    training, other = target.directory / "training.parquet", target.directory / "other.parquet"
    TRAINING.to_parquet(training, index=False)
    OTHER.to_parquet(other, index=False)

    def log(run):
        mlflow.log_artifact(str(other))
        mlflow.log_artifact(str(training))
        mlflow.log_input(mlflow.data.from_pandas(OTHER, source=str(other), name="other"), context="eval")
        mlflow.log_input(mlflow.data.from_pandas(TRAINING, source=str(training), name="train"), context="training")
        mlflow.set_tag("slipway.target", "label")

    assert_profile(registered("by_file", log), TRAINING, "label")
    logged = get(target, "/api/logged-datasets?name=train")["datasets"]
    assert [(one["sourceType"], one["runs"], one["contexts"]) for one in logged] == [("local", 1, ["training"])], logged

with check("an address of an artifact is one too, below any folder, as CSV"):
    TRAINING.to_csv(target.directory / "t.csv", index=False)

    def log(run):
        mlflow.log_artifact(str(target.directory / "t.csv"), "deep/er")
        log_dataset(run, "by address", mlflow.get_artifact_uri("deep/er/t.csv"))

    contract = registered("by_address", log)
    assert_profile(contract, TRAINING, None)
    assert contract["referenceProfile"]["ignoredColumns"] == ["label"], contract["referenceProfile"]["ignoredColumns"]

with check("a dataset of Slipway is named in the lineage, and its target holds"):
    added = slipway(target, "datasets", "add", str(training), "--name", "flights", "--target", "label")
    digest = added["version"]["digest"]
    for name, log in {
        "by_name": lambda run: log_dataset(run, "any", "slipway:/datasets/flights/1", source_type="slipway"),
        "by_digest": lambda run: log_dataset(run, "flights", "nowhere", digest=digest.removeprefix("sha256:")[:16]),
    }.items():
        contract = registered(name, log)
        assert_profile(contract, TRAINING, "label")
        assert contract["lineage"]["datasets"] == [{"name": "flights@1", "digest": digest}], contract["lineage"]
    use = get(target, "/api/datasets/flights/versions/1/use")
    assert {(one["model"], one["version"]) for one in use["models"]} >= {("by_name", "1"), ("by_digest", "1")}, use

with check("reference.parquet or reference.csv of the run is one where no dataset is, and what cannot be used is said"):
    TRAINING.to_csv(target.directory / "reference.csv", index=False)

    def log(run):
        mlflow.log_input(mlflow.data.from_pandas(TRAINING, name="in memory"), context="train")
        mlflow.log_artifact(str(target.directory / "reference.csv"), "data")

    assert_profile(registered("by_name_of_file", log), TRAINING, None)
    contract = registered("by_nothing", lambda run: log_dataset(run, "gone", "s3://bucket/training.parquet"))
    assert contract["referenceProfile"] is None
    assert any("gone" in note and "not kept here" in note for note in contract["runtime"]["notes"]), contract["runtime"]["notes"]

    def log_broken(run):
        mlflow.log_text("PAR1 no table PAR1", "reference.parquet")

    contract = registered("by_broken", log_broken)
    assert contract["referenceProfile"] is None
    assert any("not profiled" in note for note in contract["runtime"]["notes"]), contract["runtime"]["notes"]

finish()
