"""Traces of MLflow's clients before 3.0, which upload their spans as a file."""

import json
import os
import time
import urllib.request

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow
from mlflow.tracing.processor.mlflow import MlflowSpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from checks import check, finish, server

# The OpenTelemetry of this environment is newer than this client, whose processor passes over the constructor of the one that it is made from.
construct = MlflowSpanProcessor.__init__


def construct_wholly(self, span_exporter, *given, **named):
    SimpleSpanProcessor.__init__(self, span_exporter)
    construct(self, span_exporter, *given, **named)


MlflowSpanProcessor.__init__ = construct_wholly

target = server()
mlflow.set_tracking_uri(target.url)
experiment = mlflow.set_experiment("old-traces").experiment_id


@mlflow.trace(span_type="TOOL")
def add(left, right):
    return left + right


@mlflow.trace(span_type="CHAIN", attributes={"team": "blue"})
def work(question, fails=False):
    with mlflow.start_span("think", span_type="CHAT_MODEL") as span:
        span.set_inputs({"messages": [{"role": "user", "content": question}]})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}]})
    if fails:
        raise ValueError("on purpose")
    return add(2, 2)


def view(trace_id):
    with urllib.request.urlopen(f"{target.url}/api/traces/{trace_id.removeprefix('tr-')}") as answer:
        return json.load(answer)


with check("a trace of an old client is shown with its spans, messages and times"):
    assert work("What is two and two?") == 4
    trace = mlflow.get_last_active_trace()
    shown = view(trace.info.request_id)
    spans = {span["name"]: span for span in shown["spans"]}
    assert sorted(spans) == ["add", "think", "work"], sorted(spans)
    assert spans["work"]["parentSpanId"] is None and spans["think"]["parentSpanId"] == spans["work"]["spanId"] == spans["add"]["parentSpanId"]
    assert spans["think"]["operation"] == "chat" and spans["think"]["inputMessages"][0]["parts"][0]["content"] == "What is two and two?", spans["think"]
    assert spans["think"]["outputMessages"][0]["parts"][0]["content"] == "four"
    assert shown["trace"]["name"] == "work" and shown["trace"]["status"] == "ok" and shown["trace"]["spans"] == 3, shown["trace"]
    assert abs(shown["trace"]["start"] - trace.info.timestamp_ms) < 1000 and shown["trace"]["experiment"] == experiment

with check("the old client reads it back, and finds it"):
    again = mlflow.MlflowClient().get_trace(trace.info.request_id)
    assert [span.name for span in again.data.spans] == [span.name for span in trace.data.spans] and again.info.status == "OK"
    assert again.data.spans[0].outputs == 4 and again.info.tags["mlflow.traceName"] == "work"
    found = mlflow.search_traces(experiment_ids=[experiment])
    assert list(found["request_id"]) == [trace.info.request_id], found

with check("a failure is one"):
    try:
        work("And now?", fails=True)
    except ValueError:
        pass
    failed = mlflow.get_last_active_trace()
    shown = view(failed.info.request_id)
    assert shown["trace"]["status"] == "error" and shown["trace"]["errors"] == 1 and failed.info.request_id != trace.info.request_id, shown["trace"]

with check("tags are set by old clients too"):
    mlflow.MlflowClient().set_trace_tag(trace.info.request_id, "kind", "sum")
    assert mlflow.MlflowClient().get_trace(trace.info.request_id).info.tags["kind"] == "sum"

with check("traces whose spans came otherwise are found and read too"):
    now = time.time_ns()
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "foreign", "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 10**6),
            "attributes": [{"key": "input.value", "value": {"stringValue": "What is it?"}}, {"key": "count", "value": {"intValue": "7"}}], "events": [{"name": "seen", "timeUnixNano": str(now), "attributes": []}]}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    asked = urllib.request.Request(f"{target.url}/v1/traces", body, {"Content-Type": "application/json", "x-mlflow-experiment-id": experiment})
    assert urllib.request.urlopen(asked).status == 200
    assert view("5b8efff798038103d269b633813fc60c")["trace"]["experiment"] == experiment
    assert len(mlflow.search_traces(experiment_ids=[experiment])) == 3
    foreign = mlflow.MlflowClient().get_trace("tr-5b8efff798038103d269b633813fc60c").data
    assert [(each.name, each.start_time_ns, each.inputs, each.get_attribute("count"), [event.name for event in each.events]) for each in foreign.spans] == [("foreign", now, "What is it?", 7, ["seen"])], foreign
    assert foreign.request == '"What is it?"', foreign.request

finish()
