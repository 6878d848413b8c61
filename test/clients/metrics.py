"""prometheus_client reads /metrics, and the counters say what was sent."""

import math
import time

import numpy as np
import pandas as pd
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from checks import change_policy, check, deploy, finish, get, request, server
from graphs import identity, lookup
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

target = server()
http = over_http.InferenceServerClient(target.http)
grpc = over_grpc.InferenceServerClient(target.grpc)


def scrape():
    """`(families by name, values by (sample name, labels))`."""
    status, headers, text = request(target, "GET", "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"})
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", headers["Content-Type"]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    values = {}
    for family in families.values():
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in values, f"{sample} is there twice"
            values[key] = sample.value
    return families, values


def value(values, name, **labels):
    return values.get((name, frozenset(labels.items())), 0)


def http_input(array):
    return [over_http.InferInput("X", list(array.shape), "INT64").set_data_from_numpy(array)]


def grpc_input(array):
    return [over_grpc.InferInput("X", list(array.shape), "INT64").set_data_from_numpy(array)]


def rows(count, of=2):
    return np.full((count, 1), of, dtype=np.int64)


def fails(call):
    try:
        call()
    except InferenceServerException:
        return
    raise AssertionError("it was answered")


deploy(target, "counted", lookup(target.directory / "counted.onnx"))
before = scrape()[1]

with check("requests are counted by outcome, rows by number, and refusals apart"):
    for count in (1, 2, 3):
        http.infer("counted", http_input(rows(count)))
    for count in (4, 5):
        grpc.infer("counted", grpc_input(rows(count)))
    status, _, _ = request(target, "POST", "/v1/models/counted:predict", {"instances": [[1]] * 6})
    assert status == 200
    fails(lambda: http.infer("counted", http_input(rows(1, of=99))))
    fails(lambda: grpc.infer("counted", grpc_input(rows(1, of=-99))))
    fails(lambda: http.infer("counted", http_input(np.zeros((1, 2), dtype=np.int64))))
    fails(lambda: grpc.infer("counted", grpc_input(np.zeros((1, 2), dtype=np.int64))))
    status, _, _ = request(target, "POST", "/v1/models/counted:predict", {"instances": [["seven"]]})
    assert status == 400
    fails(lambda: http.infer("name-of-nobody", http_input(rows(1))))
    families, values = scrape()
    labels = {"model": "counted", "version": "1"}
    assert value(values, "slipway_requests_total", outcome="ok", **labels) == 6
    assert value(values, "slipway_requests_total", outcome="MODEL_RUN_FAILED", **labels) == 2
    assert value(values, "slipway_rows_total", **labels) == 1 + 2 + 3 + 4 + 5 + 6 + 1 + 1
    assert value(values, "slipway_requests_refused_total", model="counted", code="INVALID_INPUT") == 3
    assert value(values, "slipway_batch_rows_total", **labels) == 21 and value(values, "slipway_batches_total", **labels) == 6
    assert value(values, "slipway_predictions_unlogged_total", **labels) == 0
    # What callers make up must not become a series each.
    assert not any("name-of-nobody" in dict(key[1]).values() for key in values)

with check("the duration histogram is cumulative and complete"):
    _, values = scrape()
    buckets = sorted((float(dict(key[1])["le"]), count) for key, count in values.items() if key[0] == "slipway_request_duration_seconds_bucket" and dict(key[1])["model"] == "counted")
    counts = [count for _, count in buckets]
    assert counts == sorted(counts) and buckets[-1] == (math.inf, 8), buckets
    assert value(values, "slipway_request_duration_seconds_count", model="counted", version="1") == 8
    assert 0 < value(values, "slipway_request_duration_seconds_sum", model="counted", version="1") < 60
    quantiles = [value(values, "slipway_request_latency_seconds", model="counted", version="1", quantile=quantile) for quantile in ("0.5", "0.95", "0.99")]
    assert 0 < quantiles[0] <= quantiles[1] <= quantiles[2] < 60, quantiles

with check("answers from the cache are an outcome of their own"):
    change_policy(target, "counted", cache={"enabled": True})
    for _ in range(3):
        http.infer("counted", http_input(rows(7, of=5)))
    _, values = scrape()
    assert value(values, "slipway_requests_total", model="counted", version="1", outcome="cached") == 2
    assert value(values, "slipway_requests_total", model="counted", version="1", outcome="ok") == 7
    assert value(values, "slipway_batch_rows_total", model="counted", version="1") == 28, "rows from the cache are in no batch"

with check("gauges of versions and of the process"):
    families, values = scrape()
    assert value(values, "slipway_version_ready", model="counted", version="1") == 1
    assert value(values, "slipway_runners", model="counted", version="1") >= 1
    assert value(values, "slipway_queue_rows", model="counted", version="1") == 0
    assert families["slipway_prediction_log_backlog_bytes"].type == "gauge" and value(values, "slipway_prediction_log_backlog_bytes") >= 0
    assert 20e6 < value(values, "process_resident_memory_bytes") < 8e9
    assert abs(time.time() - value(values, "process_start_time_seconds")) < 3600
    assert value(values, "process_cpu_seconds_total") > 0

with check("every family is described, and counters only grow"):
    families, after = scrape()
    for family in families.values():
        assert family.documentation.endswith(".") and family.type in ("counter", "gauge", "histogram", "summary"), family
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples), family
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert after[key] >= before.get(key, 0) and after[key] >= values.get(key, 0), f"{sample} shrank"

with check("a version that is unloaded is no longer ready"):
    http.unload_model("counted")
    assert value(scrape()[1], "slipway_version_ready", model="counted", version="1") == 0

with check("labels keep quotes, backslashes and line ends, and drift is that of the report"):
    names = ['the "first"', "line\nend", "back\\slash", "größe 🦊, {x=\"1\"} #"]
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(500, 4)), columns=names)
    frame.to_parquet(target.directory / "labels.parquet", index=False)
    identity(target.directory / "labels.onnx", ["FP64"], ["rows", 4])
    deploy(target, "labels", target.directory / "labels.onnx", "--reference", str(target.directory / "labels.parquet"))
    array = frame.to_numpy()[:200] + 0.5
    http.infer("labels", [over_http.InferInput("X_fp64", [200, 4], "FP64").set_data_from_numpy(array)])
    _, values = scrape()
    report = {column["column"]: column["psi"] for column in get(target, "/api/models/labels/drift")["columns"]}
    assert list(report) == names, report
    for name, psi in report.items():
        got = value(values, "slipway_drift_psi", model="labels", version="1", column=name)
        assert psi > 0.1 and math.isclose(got, psi, rel_tol=1e-12), (name, got, psi)

finish()
