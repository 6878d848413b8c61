"""The prediction log as pandas and pyarrow read it: what was sent and what was answered, row by row.

Three phases, the second word of the command line: `send` while the server runs, `read` when it has stopped, `again`
when another process serves the same data.
"""

import datetime
import pickle
import sys

import numpy as np
import pandas as pd
import pyarrow.dataset
import pyarrow.parquet
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from checks import assert_equal, change_policy, check, deploy, deploy_trained, finish, get, request, server, slipway
from graphs import columns, identity, lookup
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

target = server()
record = target.directory / "sent.pickle"
MIXED = {"price": "FP64", "weight": "FP32", "half": "FP16", "count": "INT64", "big": "UINT64", "small": "INT8", "flag": "BOOL", "word": "BYTES"}
ARROW = {"price": "double", "weight": "float", "half": "float", "count": "int64", "big": "uint64", "small": "int8", "flag": "bool", "word": "string"}


def inputs_for(module, arrays):
    return [module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array) for name, array in arrays.items()]


def texts(array):
    return np.array([value.decode() if isinstance(value, bytes) else value for value in array.ravel()], dtype=object).reshape(array.shape) if array.dtype == object else array


class Sender:
    """Sends over both doors in turn and remembers what was sent and answered."""

    def __init__(self):
        self.http, self.grpc = over_http.InferenceServerClient(target.http), over_grpc.InferenceServerClient(target.grpc)
        self.sent = []

    def infer(self, model, arrays, outputs):
        request_id = f"{model} № {len(self.sent)}"
        over_rest = len(self.sent) % 2 == 0
        client, module = (self.http, over_http) if over_rest else (self.grpc, over_grpc)
        result = client.infer(model, inputs_for(module, arrays), request_id=request_id)
        answer = result.get_response()
        prediction = answer["parameters"]["prediction_id"] if over_rest else answer.parameters["prediction_id"].string_param
        answered = {name: texts(result.as_numpy(name)) for name in outputs}
        self.sent.append({"id": prediction, "request": request_id, "model": model, "inputs": arrays, "outputs": answered})


def mixed_rows(random, rows):
    arrays = {
        "price": np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows) * 1e9),
        "weight": np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows)).astype(np.float32),
        "half": random.normal(size=rows).astype(np.float16),
        "count": random.integers(-(2**63), 2**63 - 1, rows),
        "big": random.integers(0, 2**64 - 1, rows, dtype=np.uint64),
        "small": random.integers(-128, 127, rows).astype(np.int8),
        "flag": random.random(rows) < 0.5,
        "word": random.choice(np.array(["", "plain", "Größe 🦊", 'a "b"', "line\nend", "NULL", "nan"], dtype=object), rows),
    }
    return {name: array.reshape(-1, 1) for name, array in arrays.items()}


def explained(one, by_command):
    """What `slipway why`, or the API beneath it, says is what was sent and answered."""
    answer = slipway(target, "why", one["id"]) if by_command else get(target, f"/api/predictions/{one['id']}")
    prediction = answer["prediction"]
    assert (prediction["id"], prediction["model"], prediction["version"], prediction["outcome"]) == (one["id"], one["model"], "1", "ok"), prediction
    assert prediction["requestId"] == one["request"] and answer["alias"] == "champion"
    assert prediction["timing"]["totalUs"] >= 0 and prediction["timing"]["batchRows"] >= prediction["rows"]
    for side in ("inputs", "outputs"):
        told = {tensor["name"]: tensor for tensor in prediction[side]}
        assert set(told) == set(one[side]), set(told)
        for name, want in one[side].items():
            assert told[name]["shape"] == list(want.shape), told[name]["shape"]
            got = told[name]["data"]
            if want.dtype.kind == "f":
                np.testing.assert_array_equal(np.array([np.nan if value in (None, "NaN") else value for value in got], dtype=want.dtype), want.ravel(), err_msg=name)
            else:
                # 64-bit integers beyond what a double holds come as text.
                assert [int(value) if want.dtype.kind in "iu" else value for value in got] == want.ravel().tolist(), name


def send():
    random = np.random.default_rng(11)
    sender = Sender()
    with check("models of every kind are deployed and answer"):
        deploy(target, "mixed", columns(target.directory / "mixed.onnx", MIXED), "--allow-missing")
        _, (features, answers) = deploy_trained(target, "tumours", "logistic-plain")
        deploy(target, "matrix", identity(target.directory / "matrix.onnx", ["FP32"], ["rows", "width"]))
        deploy(target, "secret", target.directory / "logistic-plain.onnx", "--reference", str(target.directory / "logistic-plain.parquet"), "--target", "target")
        change_policy(target, "secret", log={"redact": ["mean radius", "probabilities"]})
        deploy(target, "halves", lookup(target.directory / "halves.onnx"))
        for rows in (1, 3, 40, 1, 7):
            sender.infer("mixed", mixed_rows(random, rows), [f"out_{name}" for name in MIXED])
        for rows in (1, 25):
            sender.infer("tumours", {"X": features["X"][random.integers(0, 569, rows)]}, answers)
            sender.infer("secret", {"X": features["X"][random.integers(0, 569, rows)]}, answers)
        for shape in ((1, 4), (3, 2), (2, 9)):
            sender.infer("matrix", {"X_fp32": random.normal(size=shape).astype(np.float32)}, ["Y_fp32"])
        sender.infer("halves", {"X": np.array([[3], [5]], dtype=np.int64)}, ["Y"])
        try:
            sender.http.infer("halves", inputs_for(over_http, {"X": np.array([[77]], dtype=np.int64)}), request_id="refused")
        except InferenceServerException as error:
            assert error.status() == "400", error
        else:
            raise AssertionError("the model took a value that it refuses")
        record.write_bytes(pickle.dumps(sender.sent))
    with check("slipway why tells what was sent and answered, at once"):
        for number, one in enumerate(sender.sent):
            if one["model"] != "secret":
                explained(one, by_command=number % 4 == 2)
    with check("truth belongs to its prediction and row"):
        one = next(one for one in sender.sent if one["model"] == "tumours" and len(one["inputs"]["X"]) == 25)
        status, _, body = request(target, "POST", "/api/truth", {"records": [{"predictionId": one["id"], "row": 24, "value": 1}, {"predictionId": one["id"], "value": "benign"}]})
        assert (status, body) == (200, {"added": 2, "corrected": 0, "unchanged": 0}), body
        assert [(truth["row"], truth["value"]) for truth in slipway(target, "why", one["id"])["truth"]] == [(0, "benign"), (24, 1)]


def frame_of(model):
    return pd.read_parquet(target.data / "predictions" / f"model={model}" / "version=1").sort_values(["prediction_id", "row"], ignore_index=True)


def read():
    sent = pickle.loads(record.read_bytes())

    with check("there is a row for each row, in the order of the predictions"):
        for model in ("mixed", "tumours", "matrix", "secret", "halves"):
            mine = [one for one in sent if one["model"] == model]
            frame = frame_of(model)
            told = [(one["id"], row, one["request"]) for one in mine for row in range(len(next(iter(one["inputs"].values()))))]
            answered = frame[frame["outcome"] == "ok"]
            assert list(zip(answered["prediction_id"], answered["row"], answered["request_id"], strict=True)) == told, model
            assert list(frame["prediction_id"]) == sorted(frame["prediction_id"]), "ids sort by time"

    with check("times, timings and the batch"):
        frame = frame_of("mixed")
        age = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - frame["time"].max()
        assert frame["time"].dtype.kind == "M" and datetime.timedelta(0) < age < datetime.timedelta(hours=1), age
        assert (frame["total_us"] >= frame["run_us"]).all() and (frame["queue_us"] >= 0).all() and (frame["batch_rows"] >= 1).all()

    with check("scalar columns hold every value in its own type"):
        frame = frame_of("mixed")
        mine = [one for one in sent if one["model"] == "mixed"]
        (file, *_) = (target.data / "predictions" / "model=mixed" / "version=1").glob("*.parquet")
        schema = pyarrow.parquet.read_schema(file)
        for name in MIXED:
            for side, key in (("inputs", name), ("outputs", f"out_{name}")):
                column = f"in_{key}" if side == "inputs" else f"out_{key}"
                assert str(schema.field(column).type) == ARROW[name], f"{column} is {schema.field(column).type}"
                want = np.concatenate([one[side][key].ravel() for one in mine])
                got = frame[column].to_numpy()
                if want.dtype.kind == "f":
                    assert_equal(got.astype(np.float64), want.astype(np.float64), column)
                    np.testing.assert_array_equal(got.astype(want.dtype), want, err_msg=column)
                else:
                    assert got.tolist() == want.tolist(), column

    with check("a vector with names is a column for each"):
        frame = frame_of("tumours")
        mine = [one for one in sent if one["model"] == "tumours"]
        features = np.concatenate([one["inputs"]["X"] for one in mine])
        reference = pd.read_parquet(target.directory / "logistic-plain.parquet").drop(columns="target")
        np.testing.assert_array_equal(frame[[f"in_{name}" for name in reference.columns]].to_numpy(dtype=np.float32), features)
        assert frame["out_label"].tolist() == np.concatenate([one["outputs"]["label"] for one in mine]).tolist()
        np.testing.assert_array_equal(np.stack(frame["out_probabilities"].to_list()), np.concatenate([one["outputs"]["probabilities"] for one in mine]))

    with check("a vector without names is a list"):
        frame = frame_of("matrix")
        rows = [row for one in sent if one["model"] == "matrix" for row in one["inputs"]["X_fp32"]]
        for got, answer, want in zip(frame["in_X_fp32"], frame["out_Y_fp32"], rows, strict=True):
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(answer, want)

    with check("redacted values are in no file"):
        frame = frame_of("secret")
        mine = [one for one in sent if one["model"] == "secret"]
        assert frame["in_mean radius"].isna().all() and frame["out_probabilities"].isna().all()
        np.testing.assert_array_equal(frame["in_mean texture"].to_numpy(dtype=np.float32), np.concatenate([one["inputs"]["X"][:, 1] for one in mine]))
        assert frame["out_label"].tolist() == np.concatenate([one["outputs"]["label"] for one in mine]).tolist()

    with check("a prediction that failed is there, with its inputs and without an answer"):
        failed = frame_of("halves").query("outcome != 'ok'")
        assert failed["outcome"].tolist() == ["MODEL_RUN_FAILED"] and failed["in_X"].tolist() == [77] and failed["request_id"].tolist() == ["refused"]
        assert failed["out_Y"].isna().all()

    with check("pyarrow filters by partition and by column, over all models"):
        everything = pyarrow.dataset.dataset(target.data / "predictions", partitioning="hive", format="parquet")
        assert {"model", "version", "prediction_id"} <= set(everything.schema.names)
        table = everything.to_table(columns=["prediction_id", "model", "row"], filter=pyarrow.dataset.field("model") == "tumours")
        assert table.num_rows == 26 and set(table["model"].to_pylist()) == {"tumours"}
        counted = everything.to_table(columns=["model", "prediction_id"]).group_by("model").aggregate([("prediction_id", "count_distinct")]).to_pylist()
        assert {entry["model"]: entry["prediction_id_count_distinct"] for entry in counted} == {"mixed": 5, "tumours": 2, "secret": 2, "matrix": 3, "halves": 2}, counted


def again():
    sent = pickle.loads(record.read_bytes())
    with check("slipway why tells the same from the files"):
        for number, one in enumerate(sent):
            if one["model"] != "secret":
                explained(one, by_command=number % 4 == 2)
    with check("slipway why tells that values were withheld, and why"):
        for one in sent:
            if one["model"] == "secret":
                prediction = get(target, f"/api/predictions/{one['id']}")["prediction"]
                outputs = {tensor["name"]: tensor for tensor in prediction["outputs"]}
                assert outputs["probabilities"]["data"] is None and outputs["probabilities"]["redacted"] is True, outputs
                assert outputs["label"]["data"] == one["outputs"]["label"].tolist()
    with check("slipway predictions lists them, newest first, also by outcome"):
        listed = slipway(target, "predictions", "mixed", "--limit", "3")["predictions"]
        assert [entry["id"] for entry in listed] == [one["id"] for one in reversed(sent) if one["model"] == "mixed"][:3]
        (failed,) = slipway(target, "predictions", "halves", "--outcome", "error")["predictions"]
        assert failed["outcome"] == "MODEL_RUN_FAILED" and failed["inputs"][0]["data"] == [77] and failed["outputs"] == []


{"send": send, "read": read, "again": again}[sys.argv[2]]()
finish()
