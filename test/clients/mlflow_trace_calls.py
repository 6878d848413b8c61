"""What a program that is traced by MLflow's client sees, as JSON on stdout: run against two servers, both must tell the same.

Ids and times are what each server and run chose: they are told by their place, or by being there.
    mlflow_trace_calls.py URL
"""

import asyncio
import json
import os
import sys
import warnings

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.filterwarnings("ignore")

import mlflow
from mlflow.entities import AssessmentSource, Expectation, Feedback, SpanType

mlflow.set_tracking_uri(sys.argv[1])
experiment = mlflow.set_experiment("traced alike").experiment_id
client = mlflow.MlflowClient()
seen = {}
names = {}


def told(name, make):
    """Keeps what was seen, or how it failed."""
    try:
        seen[name] = make()
    except Exception as error:  # noqa: BLE001: how a call fails is compared too
        seen[name] = {"error": type(error).__name__, "code": getattr(error, "error_code", None)}


def span_of(span, spans):
    parents = {each.span_id: each.name for each in spans}
    attributes = {key: value for key, value in span.attributes.items() if key != "mlflow.traceRequestId"}
    events = [{"name": event.name, "type": event.attributes.get("exception.type"), "message": event.attributes.get("exception.message")} for event in span.events]
    return {
        "name": span.name, "parent": parents.get(span.parent_id), "type": span.span_type, "status": str(span.status.status_code), "said": span.status.description, "inputs": span.inputs, "outputs": span.outputs,
        "attributes": attributes, "events": events, "ended": span.end_time_ns is not None and span.end_time_ns >= span.start_time_ns,
    }


def trace_of(trace_id):
    trace = client.get_trace(trace_id)
    info, spans = trace.info, trace.data.spans
    own = ("mlflow.source.", "mlflow.user", "mlflow.artifactLocation", "mlflow.trace.spansLocation", "mlflow.trace.sizeBytes", "mlflow.trace.sizeStats", "mlflow.git", "mlflow.trace_schema")
    return {
        "state": str(info.state), "request": info.request_preview, "response": info.response_preview, "client": info.client_request_id, "tokens": info.token_usage,
        "tags": {key: value for key, value in info.tags.items() if not key.startswith(own)}, "metadata": {key: value for key, value in info.trace_metadata.items() if not key.startswith(own)},
        "spans": [span_of(span, spans) for span in sorted(spans, key=lambda each: (each.start_time_ns, each.name))], "timed": info.execution_duration is not None, "experiment": info.experiment_id == experiment,
    }


def kept(name):
    """Names the last trace, and shows it."""
    names[mlflow.get_last_active_trace_id()] = name
    told(f"trace {name}", lambda: trace_of(next(key for key, value in names.items() if value == name)))


@mlflow.trace
def inner(number):
    return {"twice": number * 2, "none": None, "list": [1, 2.5, "x"], "text": "é \" \n"}


@mlflow.trace(name="outer", span_type=SpanType.AGENT, attributes={"n": 1, "share": 0.5, "yes": True, "map": {"a": [1]}})
def outer(number):
    mlflow.update_current_trace(tags={"kind": "nested", "round": "1"}, metadata={"mlflow.trace.session": "s 1", "mlflow.trace.user": "ann", "custom": "é"}, client_request_id=f"req-{number}")
    with mlflow.start_span("step", span_type=SpanType.RETRIEVER) as span:
        span.set_inputs({"q": "what"})
        span.set_outputs([{"page_content": "text", "metadata": {"doc_uri": "u"}}])
        inner(number)
    return inner(number + 1)


@mlflow.trace
async def waits(number):
    await asyncio.sleep(0)
    return await asyncio.gather(counts(number), counts(number + 1))


@mlflow.trace
async def counts(number):
    return number


@mlflow.trace
def pieces(count):
    yield from (f"piece {number}" for number in range(count))


@mlflow.trace(output_reducer=lambda parts: "".join(parts))
async def pieces_later(count):
    for number in range(count):
        yield str(number)


@mlflow.trace
def fails(number):
    inner(number)
    raise ValueError(f"no {number}")


@mlflow.trace
def breaks_off():
    yield 1
    raise RuntimeError("broken off")


async def drain():
    return [part async for part in pieces_later(3)]


outer(1)
kept("nested")
outer(2)
kept("nested again")
asyncio.run(waits(1))
kept("async")
list(pieces(2))
kept("generator")
asyncio.run(drain())
kept("async generator")
for name, call in (("failed", lambda: fails(1)), ("broken", lambda: list(breaks_off()))):
    try:
        call()
    except (ValueError, RuntimeError):
        pass
    kept(name)

run = mlflow.start_run(run_name="with traces")
inner(7)
names[mlflow.get_last_active_trace_id()] = "of a run"
mlflow.end_run()
told("run of the trace", lambda: mlflow.get_trace(mlflow.get_last_active_trace_id()).info.trace_metadata["mlflow.sourceRun"] == run.info.run_id)

by_name = {value: key for key, value in names.items()}


def search(**asked):
    return [names.get(trace.info.trace_id, "?") for trace in client.search_traces(locations=[experiment], **asked)]


nested = by_name["nested"]
client.set_trace_tag(nested, "with space", "x y")
times = {name: client.get_trace(key).info.timestamp_ms for name, key in by_name.items()}
for filter_string in (
    "trace.status = 'OK'", "trace.status = 'ERROR'", "attributes.status != 'OK'", "status = 'error'", "status IN ('OK', 'ERROR')", "trace.name = 'outer'", "name != 'outer'", "name LIKE 'out%'", "name ILIKE '%UTE%'", "attributes.name = 'none'",
    "tag.kind = 'nested'", "tags.kind != 'nested'", "tags.kind LIKE 'nes%'", "tags.`with space` = 'x y'", "tags.kind = 'nested' AND tags.round = '1'", "tags.mlflow.traceName = 'outer'", "tags.absent = 'x'", "tags.kind IS NULL", "tags.kind IS NOT NULL",
    "metadata.`mlflow.trace.session` = 's 1'", "metadata.custom = 'é'", "request_metadata.custom != 'é'", "metadata.custom LIKE '%é%'", f"timestamp_ms >= {times['nested again']}", f"timestamp < {times['async']}", f"timestamp_ms = {times['nested']}", "execution_time_ms >= 0",
    "execution_time > 100000", "execution_time_ms < 100000", f"run_id = '{run.info.run_id}'", f"metadata.`mlflow.sourceRun` = '{run.info.run_id}'", "client_request_id = 'req-1'", "request_id = 'none'", f"trace.trace_id = '{nested}'", f"request_id IN ('{nested}')",
    "trace.text LIKE '%piece 1%'", "trace.text ILIKE '%PIECE 1%'", "span.name = 'step'", "span.type = 'RETRIEVER'", "span.name LIKE 'st%'", "span.status = 'ERROR'", "span.attributes.share = '0.5'", "span.attributes.n LIKE '%1%'", "span.content LIKE '%page_content%'", "feedback.good = 'true'", "expectation.answer = 'x'", "trace.end_time > 0", "user_id = 'ann'",
    "nonsense", "status ~ 'OK'", "nothing.x = 'y'", "trace.nothing = 'y'", "name = 5", "timestamp_ms > 'x'", "status = 'OK' OR status = 'ERROR'",
):
    shown = filter_string.replace(run.info.run_id, "RUN").replace(nested, "TRACE")
    for name, value in times.items():
        shown = shown.replace(str(value), f"TIME of {name}")
    told(f"search {shown}", lambda: sorted(search(filter_string=filter_string)))
for order in (["timestamp_ms ASC"], ["timestamp DESC"], ["timestamp_ms"], ["attributes.timestamp_ms DESC"], ["status ASC", "timestamp_ms ASC"], ["name DESC", "timestamp_ms ASC"], ["tags.kind ASC", "timestamp_ms ASC"], ["nonsense ASC"], ["timestamp_ms UP"]):
    told(f"order {order}", lambda: search(order_by=order))


def pages(size, **more):
    found, token = [], None
    for _ in range(20):
        page = client.search_traces(locations=[experiment], max_results=size, page_token=token, order_by=["timestamp_ms ASC"], **more)
        found.append([names[trace.info.trace_id] for trace in page])
        token = page.token
        if not token:
            return found
    raise RuntimeError("pages without an end")


told("pages of three", lambda: pages(3))
told("pages of a filter", lambda: pages(1, filter_string="tags.kind = 'nested'"))
told("pages of none", lambda: pages(0))
told("pages of too many", lambda: pages(100_000))
told("a wrong token", lambda: len(client.search_traces(locations=[experiment], page_token="nonsense")))
told("no such experiment", lambda: len(client.search_traces(locations=["424242"])))
told("no locations", lambda: len(client.search_traces(locations=[])))


def assessment_of(each):
    value = each.feedback.value if each.feedback is not None else each.expectation.value
    error = each.feedback.error if each.feedback is not None else None
    return {
        "name": each.name, "value": value, "kind": "feedback" if each.feedback is not None else "expectation", "source": [each.source.source_type, each.source.source_id], "rationale": each.rationale, "metadata": each.metadata, "span": each.span_id is not None,
        "valid": each.valid, "overrides": each.overrides is not None, "error": None if error is None else [error.error_code, error.error_message],
    }


human = AssessmentSource(source_type="HUMAN", source_id="ann")
root = client.get_trace(nested).data.spans[0].span_id
logged = {}
for name, value in (("good", True), ("score", 0.5), ("count", 3), ("words", "fine"), ("many", ["a", 1]), ("map", {"a": {"b": 1}}), ("nothing", None)):
    told(f"feedback {name}", lambda: assessment_of(logged.setdefault(name, mlflow.log_feedback(trace_id=nested, name=name, value=value, source=human, rationale="why", metadata={"k": "v"}))))
told("feedback of a span", lambda: assessment_of(mlflow.log_feedback(trace_id=nested, name="span", value=1, span_id=root)))
told("feedback of a judge that failed", lambda: assessment_of(mlflow.log_feedback(trace_id=nested, name="judge", error=ValueError("bad"), source=AssessmentSource(source_type="LLM_JUDGE", source_id="m"))))
told("feedback without a name or a trace", lambda: assessment_of(mlflow.log_feedback(trace_id="tr-" + "0" * 31 + "1", name="x", value=1)))
for name, value in (("answer", "x"), ("facts", ["a", "b"]), ("document", {"a": 1}), ("number", 4)):
    told(f"expectation {name}", lambda: assessment_of(logged.setdefault(name, mlflow.log_expectation(trace_id=nested, name=name, value=value, source=human))))
told("assessments", lambda: sorted((assessment_of(each) for each in client.get_trace(nested).info.assessments), key=lambda each: each["name"]))
told("update", lambda: assessment_of(mlflow.update_assessment(trace_id=nested, assessment_id=logged["good"].assessment_id, assessment=Feedback(name="good", value=False, rationale="other"))))
told("updated expectation", lambda: assessment_of(mlflow.update_assessment(trace_id=nested, assessment_id=logged["answer"].assessment_id, assessment=Expectation(name="answer", value="y"))))
told("override", lambda: assessment_of(mlflow.override_feedback(trace_id=nested, assessment_id=logged["score"].assessment_id, value=0.9, source=human)))
told("overridden", lambda: assessment_of(client.get_assessment(nested, logged["score"].assessment_id) if hasattr(client, "get_assessment") else mlflow.get_assessment(nested, logged["score"].assessment_id)))
told("deleted", lambda: mlflow.delete_assessment(nested, logged["count"].assessment_id))
told("read a deleted one", lambda: assessment_of(mlflow.get_assessment(nested, logged["count"].assessment_id)))
told("delete again", lambda: mlflow.delete_assessment(nested, logged["count"].assessment_id))
told("assessments after", lambda: sorted((assessment_of(each) for each in client.get_trace(nested).info.assessments), key=lambda each: (each["name"], str(each["value"]))))
for filter_string in ("feedback.words = 'fine'", "feedback.good = 'false'", "feedback.score = '0.9'", "expectation.answer = 'y'", "feedback.words = 'other'", "feedback.words != 'other'", "feedback.words LIKE 'fi%'", "feedback.absent = 'x'", "feedback.words IS NOT NULL"):
    told(f"search {filter_string} with assessments", lambda: sorted(search(filter_string=filter_string)))

told("tags", lambda: [client.set_trace_tag(nested, "a.b/c", "1"), client.get_trace(nested).info.tags.get("a.b/c"), client.delete_trace_tag(nested, "a.b/c"), client.get_trace(nested).info.tags.get("a.b/c")])
told("delete a tag that is not there", lambda: client.delete_trace_tag(nested, "absent"))
told("tag of no trace", lambda: client.set_trace_tag("tr-" + "0" * 31 + "1", "k", "v"))
told("no such trace", lambda: client.get_trace("tr-" + "0" * 31 + "1"))
told("an id that is none", lambda: client.get_trace("nonsense"))
told("frame", lambda: sorted(mlflow.search_traces(locations=[experiment], max_results=2).columns))

failed = by_name["failed"]
told("delete by id", lambda: client.delete_traces(experiment_id=experiment, trace_ids=[failed, "tr-" + "0" * 31 + "1"]))
told("deleted trace", lambda: client.get_trace(failed))
told("delete by age", lambda: client.delete_traces(experiment_id=experiment, max_timestamp_millis=times["nested again"], max_traces=1))
told("what is left", lambda: sorted(search()))
told("delete of both kinds", lambda: client.delete_traces(experiment_id=experiment, max_timestamp_millis=1, trace_ids=[nested]))
told("delete of nothing", lambda: client.delete_traces(experiment_id=experiment))
told("delete in no experiment", lambda: client.delete_traces(experiment_id="424242", trace_ids=[nested]))

print(json.dumps(seen))
sys.stdout.flush()
os._exit(0)
