"""What programs do with MLflow's tracing: decorated functions, spans, searches, tags, assessments, and autolog of OpenAI's client."""

import json
import os
import urllib.request

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

import mlflow
from mlflow.entities import AssessmentSource, SpanType

from checks import check, finish, server

target = server()
mlflow.set_tracking_uri(target.url)
experiment = mlflow.set_experiment("traced").experiment_id

@mlflow.trace(span_type=SpanType.TOOL)
def add(left, right):
    return left + right

@mlflow.trace(span_type=SpanType.CHAIN, attributes={"team": "blue"})
def work(question, numbers):
    mlflow.update_current_trace(tags={"kind": "sum"}, metadata={"mlflow.trace.session": "session-1", "mlflow.trace.user": "ann"})
    with mlflow.start_span("think", span_type=SpanType.CHAT_MODEL) as span:
        span.set_inputs({"messages": [{"role": "user", "content": question}]})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}]})
        span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7})
    return {"sum": add(*numbers)}

@mlflow.trace
def fail():
    raise ValueError("on purpose")

with check("a decorated function becomes a trace with its spans, inputs and outputs"):
    assert work("What is two and two?", [2, 2]) == {"sum": 4}
    trace_id = mlflow.get_last_active_trace_id()
    trace = mlflow.get_trace(trace_id)
    assert [span.name for span in trace.data.spans] == ["work", "think", "add"], [span.name for span in trace.data.spans]
    root, think, tool = trace.data.spans
    assert root.inputs == {"question": "What is two and two?", "numbers": [2, 2]}, root.inputs
    assert root.outputs == {"sum": 4} and root.parent_id is None and think.parent_id == root.span_id
    assert tool.inputs == {"left": 2, "right": 2} and tool.outputs == 4, (tool.inputs, tool.outputs)
    assert tool.span_type == "TOOL" and root.get_attribute("team") == "blue"
    assert think.get_attribute("mlflow.chat.tokenUsage")["total_tokens"] == 7
    assert trace.info.state == "OK" and trace.info.tags["kind"] == "sum", (trace.info.state, trace.info.tags)
    assert trace.info.token_usage["input_tokens"] == 5, trace.info.token_usage
    assert trace.info.trace_metadata["mlflow.trace.session"] == "session-1"

with check("a failure is kept as one, with its exception"):
    try:
        fail()
    except ValueError:
        pass
    failed = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert failed.info.state == "ERROR" and failed.data.spans[0].events[0].name == "exception"

with check("traces are searched by tag, status, name and text, and ordered by time"):
    def ids(**asked):
        return [trace.info.trace_id for trace in mlflow.search_traces(locations=[experiment], return_type="list", **asked)]
    assert len(ids()) == 2
    assert ids(filter_string="tags.kind = 'sum'") == [trace_id]
    assert ids(filter_string="trace.status = 'ERROR'") == [failed.info.trace_id]
    assert ids(filter_string="trace.name = 'work' AND timestamp > 0") == [trace_id]
    assert ids(filter_string="metadata.`mlflow.trace.session` = 'session-1'") == [trace_id]
    assert ids(order_by=["timestamp_ms ASC"]) == [trace_id, failed.info.trace_id]
    assert len(ids(max_results=1)) == 1
    frame = mlflow.search_traces(locations=[experiment])
    assert len(frame) == 2 and "trace_id" in frame.columns

with check("tags are set and removed"):
    mlflow.set_trace_tag(trace_id, "reviewed", "yes")
    assert mlflow.get_trace(trace_id).info.tags["reviewed"] == "yes"
    mlflow.delete_trace_tag(trace_id, "reviewed")
    assert "reviewed" not in mlflow.get_trace(trace_id).info.tags

with check("feedback and expectations are logged, read, changed and removed"):
    feedback = mlflow.log_feedback(trace_id=trace_id, name="correct", value=True, rationale="It is.", source=AssessmentSource(source_type="HUMAN", source_id="ann"), metadata={"round": "1"})
    mlflow.log_feedback(trace_id=trace_id, name="quality", value=0.5, source=AssessmentSource(source_type="LLM_JUDGE", source_id="judge"), span_id=trace.data.spans[1].span_id)
    mlflow.log_expectation(trace_id=trace_id, name="answer", value={"sum": 4})
    found = {each.name: each for each in mlflow.get_trace(trace_id).info.assessments}
    assert found["correct"].feedback.value is True and found["correct"].rationale == "It is." and found["correct"].metadata["round"] == "1"
    assert found["quality"].feedback.value == 0.5 and found["quality"].source.source_type == "LLM_JUDGE"
    assert found["answer"].expectation.value == {"sum": 4}
    mlflow.update_assessment(trace_id=trace_id, assessment_id=feedback.assessment_id, assessment=mlflow.entities.Feedback(name="correct", value=False))
    assert mlflow.get_assessment(trace_id, feedback.assessment_id).feedback.value is False
    mlflow.delete_assessment(trace_id, feedback.assessment_id)
    assert "correct" not in {each.name for each in mlflow.get_trace(trace_id).info.assessments}

with check("the trace is read with its messages, tokens and session by everybody else"):
    with urllib.request.urlopen(f"{target.url}/api/traces/{trace_id.removeprefix('tr-')}") as answer:
        view = json.load(answer)
    assert view["trace"]["session"] == "session-1" and view["trace"]["user"] == "ann" and view["trace"]["inputTokens"] == 5
    think = next(span for span in view["spans"] if span["name"] == "think")
    assert think["operation"] == "chat" and think["inputMessages"][0]["parts"][0]["content"] == "What is two and two?", think
    assert think["outputMessages"][0]["parts"][0]["content"] == "four" and think["outputMessages"][0]["finishReason"] == "stop"

with check("traces are removed, and are then missing"):
    assert mlflow.MlflowClient().delete_traces(experiment_id=experiment, trace_ids=[failed.info.trace_id]) == 1
    assert len(ids()) == 1

finish()
