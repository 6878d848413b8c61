"""MLflow's scoring client, and every body that its documentation has for /invocations, against scikit-learn's answers.

The server has one model, as a container of MLflow has: nobody names it. The second word of the command line says which.
"""

import json
import re
import sys

import numpy as np
import pandas as pd
import requests
from checks import assert_equal, check, deploy_trained, finish, load_arrays, server
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

target = server()
model = sys.argv[2]
deploy_trained(target, model)
inputs, expected = load_arrays(target.directory / f"{model}.npz")
frame = pd.read_parquet(target.directory / f"{model}.parquet").drop(columns="target")
client = ScoringServerClient(*target.http.split(":"))
SOME = np.r_[0:5, 60:65, 120:149]
sample = frame.iloc[SOME].reset_index(drop=True)
vector = len(inputs) == 1


def invoke(body, content_type="application/json"):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return requests.post(f"{target.url}/invocations", data=data.encode() if isinstance(data, str) else data, headers={"Content-Type": content_type}, timeout=60)


def assert_predictions(predictions, rows=SOME):
    """Values where the model has one output, records by output where it has several."""
    assert len(predictions) == len(rows), f"{len(predictions)} predictions for {len(rows)} rows"
    for name, want in expected.items():
        values = predictions if len(expected) == 1 else [one[name] for one in predictions]
        want = want[rows]
        got = np.array(values, dtype=object if want.dtype == object else None)
        assert_equal(got, want.reshape(got.shape) if want.ndim == 2 and want.shape[1] == 1 else want, name)


def assert_answered(answer, rows=SOME):
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["X-Slipway-Prediction-Id"].startswith("prd_")
    assert_predictions(answer.json()["predictions"], rows)


with check(f"{model}: MLflow's client is told that the server is there"):
    client.ping()
    client.wait_server_ready(timeout=10)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", client.get_version().strip()), client.get_version()

with check(f"{model}: MLflow's client with a DataFrame"):
    answer = client.invoke(sample)
    assert_predictions(answer["predictions"])
    predictions = answer.get_predictions()
    assert isinstance(predictions, pd.DataFrame) and len(predictions) == len(SOME)
    if len(expected) > 1:
        assert list(predictions.columns) == list(expected), predictions.columns

with check(f"{model}: MLflow's client with columns in another order, and with one that the model does not know"):
    shuffled = sample[list(reversed(sample.columns))].assign(comment="not a feature")
    assert_predictions(client.invoke(shuffled)["predictions"])

with check(f"{model}: parameters of the call, which no ONNX model has, change nothing"):
    assert_predictions(client.invoke(sample, params={"temperature": 0.5, "names": ["a", "b"]})["predictions"])

with check(f"{model}: missing values are refused by row and column"):
    gap = sample.copy()
    gap.loc[2, sample.select_dtypes("floating").columns[0]] = np.nan
    for answer in (invoke({"dataframe_split": gap.to_dict(orient="split")}), invoke(f'{{"dataframe_split": {gap.to_json(orient="split")}}}'), invoke(gap.to_csv(index=False), "text/csv")):
        assert answer.status_code == 400 and "[2]" in answer.json()["error"] and str(sample.select_dtypes("floating").columns[0]) in answer.json()["error"], answer.text

if vector:
    with check(f"{model}: MLflow's client with an array"):
        assert_predictions(client.invoke(inputs["X"][SOME])["predictions"])

with check(f"{model}: MLflow's client with a list of records"):
    assert_predictions(client.invoke(json.loads(sample.to_json(orient="records")))["predictions"])

with check(f"{model}: dataframe_split as pandas writes it"):
    assert_answered(invoke({"dataframe_split": sample.to_dict(orient="split")}))
    assert_answered(invoke(f'{{"dataframe_split": {sample.to_json(orient="split", double_precision=15)}}}'))
    assert_answered(invoke({"dataframe_split": {key: value for key, value in sample.to_dict(orient="split").items() if key != "index"}}))
    assert_answered(invoke(f'{{"dataframe_split": {frame.iloc[[7]].to_json(orient="split", double_precision=15)}}}'), [7])

with check(f"{model}: dataframe_records"):
    assert_answered(invoke({"dataframe_records": sample.to_dict(orient="records")}))
    assert_answered(invoke({"dataframe_records": frame.iloc[[3]].to_dict(orient="records")}), [3])

with check(f"{model}: instances, as TF Serving has them"):
    if vector:
        assert_answered(invoke({"instances": inputs["X"][SOME].tolist()}))
    assert_answered(invoke({"instances": sample.to_dict(orient="records")}))

with check(f"{model}: inputs, a tensor or tensors by name"):
    assert_answered(invoke({"inputs": {name: array[SOME].tolist() for name, array in inputs.items()}}))
    if vector:
        assert_answered(invoke({"inputs": inputs["X"][SOME].tolist()}))
    else:
        assert_answered(invoke({"inputs": {name: array[SOME].ravel().tolist() for name, array in inputs.items()}}))
    assert_answered(invoke({"inputs": sample.to_dict(orient="list")}))

with check(f"{model}: text/csv as pandas writes it, with and without its index"):
    for content_type in ("text/csv", "text/csv; charset=utf-8"):
        for index in (False, True):
            assert_answered(invoke(sample.to_csv(index=index), content_type))
    assert_answered(invoke(sample.to_csv(index=False, quoting=1, lineterminator="\r\n"), "text/csv"))

with check(f"{model}: what MLflow refuses is refused with a reason"):
    lacking = str(sample.columns[-1])
    for body, content_type, status, word in (
        ({"dataframe_split": sample.drop(columns=lacking).to_dict(orient="split")}, "application/json", 400, lacking),
        (sample.drop(columns=lacking).to_csv(index=False), "text/csv", 400, lacking),
        ({"rows": []}, "application/json", 400, "dataframe_split"),
        ({"dataframe_split": sample.to_dict(orient="split"), "instances": []}, "application/json", 400, "exactly one"),
        ('{"dataframe_split": {"columns": ["a"], "data": [[1', "application/json", 400, "JSON"),
        ("<xml/>", "application/xml", 415, "application/xml"),
    ):
        answer = invoke(body, content_type)
        assert answer.status_code == status and word in answer.json()["error"], f"{answer.status_code}: {answer.text}"

finish()
