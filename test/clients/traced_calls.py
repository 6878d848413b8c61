"""Programs that are traced by MLflow's autolog and by OpenTelemetry's SDK, while they call language models and served models here."""

import json
import os
import sys
import urllib.request

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
os.environ["OPENAI_API_KEY"] = "none"

import mlflow
import numpy
import openai
import tritonclient.grpc
import tritonclient.http
from opentelemetry import propagate, trace as otel
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from checks import check, finish, server

target = server()
# What 1000 tokens of input and 100 of output cost with gpt-4o, in billionths of a dollar.
chat_cost = 1000 * 2500 + 100 * 10000


def get(path):
    with urllib.request.urlopen(f"{target.url}{path}") as answer:
        return json.load(answer)


def costs_by_source():
    return {row["group"]["source"]: (row["calls"], row["cost"]) for row in get("/api/costs?by=source")["rows"]}


def root_of(view):
    """The client's own span: the gateway's may seem to begin a fraction of a millisecond before it."""
    return next(span for span in view["spans"] if span["parentSpanId"] is None)


def chat(client, model, **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "What is new?"}], **more)


mlflow.set_tracking_uri(target.url)
mlflow.set_experiment("autologged")
mlflow.openai.autolog()
through_gateway = openai.OpenAI(base_url=f"{target.url}/v1", max_retries=0)
direct = openai.OpenAI(base_url=f"{sys.argv[2]}/v1", max_retries=0)

with check("a call through the gateway is traced by autolog with messages, tokens and cost, and is in the ledger once"):
    assert chat(through_gateway, "guarded").choices[0].message.content == "fine"
    trace_id = mlflow.get_last_active_trace_id()
    trace = mlflow.get_trace(trace_id)
    assert trace.info.token_usage["input_tokens"] == 1000 and trace.info.token_usage["output_tokens"] == 100, trace.info.token_usage
    view = get(f"/api/traces/{trace_id.removeprefix('tr-')}")
    span = root_of(view)
    assert span["inputMessages"][0]["parts"][0]["content"] == "What is new?" and span["outputMessages"][0]["parts"][0]["content"] == "fine", span
    assert (span["inputTokens"], span["outputTokens"], span["cost"], view["trace"]["cost"]) == (1000, 100, chat_cost, chat_cost), span
    assert costs_by_source() == {"gateway": (1, chat_cost)}, costs_by_source()

with check("a stream too"):
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chat(through_gateway, "guarded", stream=True, stream_options={"include_usage": True}) if chunk.choices)
    assert text == "fine", text
    view = get(f"/api/traces/{mlflow.get_last_active_trace_id().removeprefix('tr-')}")
    assert root_of(view)["outputTokens"] == 100 and root_of(view)["cost"] == chat_cost, root_of(view)
    assert costs_by_source() == {"gateway": (2, 2 * chat_cost)}, costs_by_source()

with check("a call past the gateway is priced, and in the ledger as what a trace tells of"):
    chat(direct, "gpt-4o")
    view = get(f"/api/traces/{mlflow.get_last_active_trace_id().removeprefix('tr-')}")
    assert root_of(view)["cost"] == chat_cost, root_of(view)
    assert costs_by_source() == {"gateway": (2, 2 * chat_cost), "trace": (1, chat_cost)}, costs_by_source()
    entry = get("/api/costs/entries?source=trace")["entries"][0]
    assert entry["attribution"]["traceId"] == view["trace"]["traceId"] and entry["model"].startswith("gpt-4o"), entry


class OtlpExporter(SpanExporter):
    """OTLP over HTTP as protobuf, with the classes of the protocol itself."""

    def export(self, spans):
        request = ExportTraceServiceRequest()
        for span in spans:
            scope = request.resource_spans.add()
            scope.resource.attributes.add(key="service.name").value.string_value = "otel-program"
            made = scope.scope_spans.add().spans.add()
            made.trace_id, made.span_id = span.context.trace_id.to_bytes(16, "big"), span.context.span_id.to_bytes(8, "big")
            made.parent_span_id = b"" if span.parent is None else span.parent.span_id.to_bytes(8, "big")
            made.name, made.start_time_unix_nano, made.end_time_unix_nano = span.name, span.start_time, span.end_time
        body = urllib.request.Request(f"{target.url}/v1/traces", request.SerializeToString(), {"Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(body) as answer:
            return SpanExportResult.SUCCESS if answer.status == 200 else SpanExportResult.FAILURE


provider = TracerProvider(resource=Resource.create({"service.name": "otel-program"}))
provider.add_span_processor(SimpleSpanProcessor(OtlpExporter()))
tracer = provider.get_tracer("program")

with check("a trace of OpenTelemetry's SDK goes on through predictions by REST and gRPC, and through the gateway"):
    with tracer.start_as_current_span("work") as work:
        headers = {}
        propagate.inject(headers)
        row = numpy.array([[1, 2]], dtype=numpy.float32)
        for client, module in ((tritonclient.http.InferenceServerClient(target.http), tritonclient.http), (tritonclient.grpc.InferenceServerClient(target.grpc), tritonclient.grpc)):
            given = module.InferInput("features", row.shape, "FP32")
            given.set_data_from_numpy(row)
            client.infer("m", [given], headers=dict(headers))  # the client writes into what it is given
            client.close()
        chat(through_gateway, "guarded", extra_headers=headers)
        context = work.get_span_context()
    view = get(f"/api/traces/{context.trace_id:032x}")
    spans = {span["name"]: span for span in view["spans"]}
    predicted = [span for span in view["spans"] if span["name"] == "slipway.predict m"]
    # The client of OpenAI passes the trace on by itself where it is traced: its own span of the call is there too.
    assert sorted(span["attributes"]["slipway.door"] for span in predicted) == ["grpc", "rest"], [span["name"] for span in view["spans"]]
    assert {span["parentSpanId"] for span in predicted} | {spans["chat guarded"]["parentSpanId"]} == {f"{context.span_id:016x}"}
    assert view["trace"]["name"] == "work" and view["trace"]["cost"] == chat_cost, view["trace"]

finish()
