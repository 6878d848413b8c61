"""What applications of LangChain and LangSmith's SDK do, with nothing set but the environment."""

import datetime
import json
import logging
import os
import urllib.request
import uuid

from checks import check, finish, request, server

target = server()
os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": f"{target.url}/langsmith", "LANGSMITH_API_KEY": "none", "LANGSMITH_PROJECT": "the app"}

from langchain_core.language_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langsmith import Client, traceable
from langsmith._exceptions import APIStatusError
from langsmith.utils import LangSmithError, LangSmithNotFoundError
from langsmith.run_helpers import get_current_run_tree
from langsmith.run_trees import get_cached_client

warnings = []
listener = logging.Handler()
listener.emit = lambda record: warnings.append(record.getMessage())
logging.getLogger("langsmith").addHandler(listener)
client = Client(auto_batch_tracing=True)


def get(path):
    with urllib.request.urlopen(f"{target.url}{path}") as answer:
        return json.load(answer)


def trace_of(run_id):
    client.flush()
    return get(f"/api/traces/{str(run_id).replace('-', '')}")


def stamp(second):
    return datetime.datetime(2026, 1, 2, 3, 4, second, 500, tzinfo=datetime.timezone.utc)


def run_named(name, second=5):
    """The fields of a run of its own, with the order by which LangSmith sorts."""
    identity = uuid.uuid4()
    return {"id": identity, "trace_id": identity, "dotted_order": f"{stamp(second):%Y%m%dT%H%M%S%fZ}{identity}", "name": name, "run_type": "chain", "start_time": stamp(second).isoformat(), "session_name": "the app"}


@tool
def double(number: int) -> int:
    """Twice the number."""
    return number * 2


with check("a chain of LangChain is a trace with its model, its tool and its session, with nothing changed"):
    chain = ChatPromptTemplate.from_messages([("user", "What is {topic}?")]) | FakeListChatModel(responses=["It is fine."]) | RunnableLambda(lambda message: [message.content, double.invoke({"number": 2})])
    identity = uuid.uuid4()
    assert chain.invoke({"topic": "new"}, {"run_id": identity, "metadata": {"session_id": "s1", "user_id": "ann"}, "tags": ["blue"]}) == ["It is fine.", 4]
    from langchain_core.tracers.langchain import wait_for_all_tracers

    wait_for_all_tracers()
    view = trace_of(identity)
    spans = {span["name"]: span for span in view["spans"]}
    assert set(spans) == {"RunnableSequence", "ChatPromptTemplate", "FakeListChatModel", "RunnableLambda", "double"}, sorted(spans)
    chat = spans["FakeListChatModel"]
    assert chat["operation"] == "chat" and chat["inputMessages"][0]["parts"][0]["content"] == "What is new?" and chat["outputMessages"][0]["parts"][0]["content"] == "It is fine.", chat
    assert spans["double"]["operation"] == "execute_tool" and spans["double"]["parentSpanId"] == spans["RunnableLambda"]["spanId"]
    assert (view["trace"]["session"], view["trace"]["user"], view["trace"]["service"], view["trace"]["status"], view["trace"]["spans"]) == ("s1", "ann", "the app", "ok", 5), view["trace"]

with check("runs come compressed, and the client has nothing to complain of"):
    assert client.compressed_traces is not None and client.info.instance_flags["zstd_compression_enabled"] is True
    assert warnings == [], warnings

with check("functions with @traceable are traced, with what they threw"):
    seen = []

    @traceable(run_type="tool", client=client)
    def breaks(word):
        raise ValueError(f"no {word}")

    @traceable(name="app", client=client, metadata={"thread_id": "t1"})
    def app(word):
        seen.append(get_current_run_tree().id)
        breaks(word)

    try:
        app("way")
    except ValueError:
        pass
    view = trace_of(seen[0])
    assert [(span["name"], span["status"]["code"]) for span in view["spans"]] == [("app", "error"), ("breaks", "error")], view["spans"]
    assert "no way" in view["spans"][1]["status"]["message"] and view["trace"]["session"] == "t1"

with check("what changed of a run may come before the run itself, alone or in a batch, and takes nothing from its neighbours"):
    late, beside = run_named("late"), run_named("beside")
    change = {"id": str(late["id"]), "end_time": stamp(9).isoformat(), "outputs": {"answer": "four"}}
    status, _, _ = request(target, "POST", "/langsmith/runs/batch", json.loads(json.dumps({"post": [beside], "patch": [change]}, default=str)))
    assert status == 202, status
    assert trace_of(beside["id"])["trace"]["name"] == "beside"
    late_post = {**late, "inputs": {"question": "two and two"}, "outputs": None}
    assert request(target, "POST", "/langsmith/runs", json.loads(json.dumps(late_post, default=str)))[0] == 202
    view = trace_of(late["id"])
    assert (view["trace"]["name"], view["trace"]["status"], view["trace"]["durationMs"]) == ("late", "ok", 4000), view["trace"]
    assert "two and two" in view["spans"][0]["input"] and "four" in view["spans"][0]["output"], view["spans"][0]
    # With its place in the trace a change is a span at once; the name comes with the run.
    early = run_named("early")
    change = {"id": early["id"], "trace_id": early["trace_id"], "dotted_order": early["dotted_order"], "end_time": stamp(8).isoformat(), "outputs": {"answer": "x"}}
    assert request(target, "PATCH", f"/langsmith/runs/{early['id']}", json.loads(json.dumps(change, default=str)))[0] == 202
    assert trace_of(early["id"])["trace"]["status"] == "ok"
    assert request(target, "POST", "/langsmith/runs", json.loads(json.dumps({**early, "end_time": None}, default=str)))[0] == 202
    view = trace_of(early["id"])
    assert (view["trace"]["name"], view["trace"]["status"]) == ("early", "ok") and "x" in view["spans"][0]["output"], view

with check("attachments are passed over, and the run that has them is kept"):
    run = run_named("with a picture")
    client.create_run(**{**run, "start_time": stamp(5)}, inputs={"a": 1}, end_time=stamp(6), outputs={"b": 2}, attachments={"picture": ("image/png", b"\x89PNG\r\n--boundary\r\n")})
    assert trace_of(run["id"])["trace"]["name"] == "with a picture"

with check("feedback is of the trace, or of the run in it, and its next revision under its id"):
    root = seen[0]
    child = get(f"/api/traces/{str(root).replace('-', '')}")["spans"][1]
    identity = uuid.uuid4()
    client.create_feedback(trace_id=root, key="correct", score=True, comment="It is.", feedback_id=identity, feedback_source_type="model", stop_after_attempt=1)
    client.flush()
    client.create_feedback(run_id=root, key="kind", value="short", correction={"kind": "long"}, stop_after_attempt=1)
    client.create_feedback(run_id=f"00000000-0000-4000-{child['spanId'][:4]}-{child['spanId'][4:]}", trace_id=root, key="quality", score=0.5, stop_after_attempt=1)
    client.create_feedback(trace_id=root, key="correct", score=False, feedback_id=identity, feedback_source_type="model", stop_after_attempt=1)
    found = {each["name"]: each for each in trace_of(root)["feedback"]}
    assert (found["correct"]["value"], found["correct"]["source"], found["correct"]["revision"]) == (False, "llm", 2), found
    assert found["kind"]["value"] == "short" and json.loads(found["kind"]["metadata"]["correction"]) == {"kind": "long"}, found["kind"]
    assert found["quality"]["spanId"] == child["spanId"] and found["quality"]["value"] == 0.5, found["quality"]
    # As the parts of a form, which newer servers get.
    given = {"id": str(uuid.uuid4()), "trace_id": str(root), "run_id": str(root), "key": "in a form", "score": 1, "feedback_source": {"type": "api"}}
    body = f'--b\r\nContent-Disposition: form-data; name="feedback.{given["id"]}"\r\nContent-Type: application/json\r\n\r\n{json.dumps(given)}\r\n--b--\r\n'.encode()
    assert request(target, "POST", "/langsmith/runs/multipart", body, {"Content-Type": "multipart/form-data; boundary=b"})[0] == 202
    assert "in a form" in {each["name"] for each in trace_of(root)["feedback"]}
    # One that cannot be kept takes none of the others along.
    lost, kept = ({**given, "id": str(uuid.uuid4()), "key": key} for key in ("", "beside a lost one"))
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="feedback.{each["id"]}"\r\n\r\n{json.dumps(each)}\r\n' for each in (lost, kept)).encode() + b"--b--\r\n"
    assert request(target, "POST", "/langsmith/runs/multipart", body, {"Content-Type": "multipart/form-data; boundary=b"})[0] == 400
    client.delete_feedback(kept["id"])
    # What the clients ask of it later.
    assert [each.key for each in client.list_feedback(run_ids=[root], feedback_key=["correct"])] == ["correct"]
    assert {each.key for each in client.list_feedback(run_ids=[root])} == {"correct", "kind", "in a form"}
    read = client.read_feedback(identity)
    assert (str(read.run_id), read.score, read.comment, read.feedback_source.type) == (str(root), False, None, "model"), read
    client.update_feedback(identity, score=0.75, comment="Better.")
    client.update_feedback(identity, correction={"kind": "long"})
    read = client.read_feedback(identity)
    assert (read.score, read.comment, read.correction) == (0.75, "Better.", {"kind": "long"}), read
    client.delete_feedback(identity)
    assert "correct" not in {each["name"] for each in trace_of(root)["feedback"]}
    for gone in (lambda: client.read_feedback(identity), lambda: client.update_feedback(identity, score=1), lambda: client.delete_feedback(identity)):
        try:
            gone()
            raise AssertionError("it is gone")
        except LangSmithNotFoundError as error:
            assert "There is no feedback" in str(error), error
    missing = str(uuid.uuid4())
    assert request(target, "POST", "/langsmith/feedback", {"id": missing, "run_id": missing, "key": "k", "score": 1})[0] == 404
    assert request(target, "POST", "/langsmith/feedback", {"id": missing, "key": "k", "score": 1})[0] == 400

with check("feedback of a run that is under way is kept, though it is sent before the run"):
    warnings.clear()

    @traceable
    def judged(number):
        run = get_current_run_tree()
        client.create_feedback(run.id, key="early", score=number, trace_id=run.id)
        client.flush()
        return run.id

    # Decorated functions send by a client of their own.
    identity = judged(0.25)
    get_cached_client().flush()
    assert [(each["name"], each["value"]) for each in trace_of(identity)["feedback"]] == [("early", 0.25)]
    assert not [text for text in warnings if "Failed" in text], warnings

with check("runs are read with their children, and listed by project, trace, type, error, time and filter, page by page"):
    identity, wrong = uuid.uuid4(), uuid.uuid4()
    root = {**run_named("agent"), "id": identity, "trace_id": identity, "dotted_order": f"{stamp(5):%Y%m%dT%H%M%S%fZ}{identity}", "session_name": "read back"}

    def child(second, name, **more):
        own = uuid.uuid4()
        return {**run_named(name, second), "id": own, "trace_id": identity, "parent_run_id": identity, "dotted_order": f"{root['dotted_order']}.{stamp(second):%Y%m%dT%H%M%S%fZ}{own}", "session_name": "read back", **more}

    asked = child(6, "ask", run_type="llm", inputs={"messages": [{"role": "user", "content": "two?"}]}, end_time=stamp(9).isoformat(), extra={"metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o", "topic": "sums"}},
                  outputs={"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "four"}}], "usage_metadata": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}})
    failed = child(7, "look up", run_type="tool", inputs={"word": "x"}, end_time=stamp(8).isoformat(), error="ValueError: no x", tags=["blue"])
    whole = {**root, "inputs": {"question": "two?"}, "outputs": {"answer": [4]}, "end_time": stamp(10).isoformat(), "extra": {"metadata": {"thread_id": "t-read"}}}
    others = [{**run_named(f"other {number}", 20 + number), "session_name": "read back", "end_time": stamp(30).isoformat(), "inputs": {"number": number}} for number in range(5)]
    assert request(target, "POST", "/langsmith/runs/batch", json.loads(json.dumps({"post": [whole, asked, failed, *others]}, default=str)))[0] == 202
    client.create_feedback(run_id=identity, key="correct", score=0.5, stop_after_attempt=1)

    read = client.read_run(identity, load_child_runs=True)
    assert (read.name, read.status, read.run_type, read.inputs, read.outputs, read.error, read.latency, read.parent_run_id) == ("agent", "success", "chain", {"question": "two?"}, {"answer": [4]}, None, 5.0, None), read
    assert (read.id, read.trace_id, read.start_time, read.prompt_tokens, read.total_tokens, read.metadata) == (identity, identity, stamp(5), 7, 10, {"thread_id": "t-read"}), read
    assert read.feedback_stats["correct"]["avg"] == 0.5 and read.total_cost > 0, read
    assert [(run.name, run.id, run.parent_run_id) for run in read.child_runs] == [("ask", asked["id"], identity), ("look up", failed["id"], identity)], read.child_runs
    one = client.read_run(asked["id"])
    assert one.dotted_order == asked["dotted_order"] and one.trace_id == identity and one.metadata["topic"] == "sums", one
    assert one.inputs == {"messages": [{"role": "user", "content": "two?"}]} and one.outputs["choices"][0]["message"]["content"] == "four", one

    def names(**asked_for):
        return [run.name for run in client.list_runs(**asked_for)]

    everything = [*(f"other {number}" for number in reversed(range(5))), "look up", "ask", "agent"]
    assert names(project_name="read back") == everything, names(project_name="read back")
    assert names(project_name="read back", limit=6) == everything[:6]
    assert names(project_name=["read back", "the app"], trace_id=identity) == everything[5:] and names(trace_id=identity, order="asc") == ["agent", "ask", "look up"]
    assert names(project_name="read back", is_root=True) == [*everything[:5], "agent"] and names(trace_id=identity, is_root=False) == ["look up", "ask"]
    assert names(project_name="read back", run_type="llm") == ["ask"] and names(project_name="read back", error=True) == ["look up"] and names(trace_id=identity, error=False) == ["ask", "agent"]
    assert names(project_name="read back", start_time=stamp(22)) == ["other 4", "other 3", "other 2"]
    assert names(run_ids=None, id=[str(failed["id"]), str(others[0]["id"])]) == ["other 0", "look up"] and names(parent_run_id=identity) == ["look up", "ask"]
    for wanted, found in [
        ('and(eq(run_type, "llm"), gt(latency, 2))', ["ask"]), ('or(eq(name, "ask"), has(tags, "blue"))', ["look up", "ask"]), ("and(neq(error, null), gte(start_time, '2026-01-02T03:04:07Z'))", ["look up"]), ("gt(total_tokens, 5)", ["ask", "agent"]),
        ('and(eq(metadata_key, "topic"), eq(metadata_value, "sums"))', ["ask"]), ('in(status, ["error"])', ["look up"]), ('not(eq(is_root, false))', [*everything[:5], "agent"]), ('has(metadata, \'{"thread_id": "t-read"}\')', ["agent"]),
    ]:
        assert names(project_name="read back", filter=wanted) == found, (wanted, names(project_name="read back", filter=wanted))
    assert names(project_name="read back", filter='eq(run_type, "tool")', trace_filter='eq(name, "agent")') == ["look up"] and names(project_name="read back", is_root=True, tree_filter='eq(name, "look up")') == ["agent"]
    assert [run.name for run in client.read_thread(thread_id="t-read", project_name="read back")] == ["agent"]
    slim = next(client.list_runs(trace_id=identity, is_root=True, select=["name"]))
    assert (slim.name, slim.inputs, slim.outputs) == ("agent", {}, None), slim
    # Two at a time, each run once.
    cursor, pages = None, []
    while cursor is not None or not pages:
        _, _, page = request(target, "POST", "/langsmith/runs/query", {"session": [str(client.read_project(project_name="read back").id)], "limit": 2, **({} if cursor is None else {"cursor": cursor})})
        page = json.loads(page) if isinstance(page, (str, bytes)) else page
        pages.append([run["name"] for run in page["runs"]])
        cursor = page["cursors"]["next"]
    assert pages == [everything[start : start + 2] for start in range(0, 8, 2)], pages
    try:
        client.read_run(wrong)
        raise AssertionError("it is not there")
    except LangSmithNotFoundError as error:
        assert "There is no run" in str(error), error

with check("newer calls read runs, traces and threads, and select what they are told of them"):
    api = client._get_langsmith_api_sync()
    project_id, long_ago = str(client.read_project(project_name="read back").id), stamp(0)
    of_project = {"project_ids": [project_id], "min_start_time": long_ago}

    def listed(**asked_for):
        return [run.name for run in api.runs.query_v2(**of_project, selects=["NAME"], **asked_for)]

    assert listed() == everything and listed(page_size=3) == everything and listed(is_root=True) == [*everything[:5], "agent"], listed()
    assert listed(run_type="LLM") == ["ask"] and listed(has_error=True) == ["look up"] and listed(filter='gt(latency, 2)', trace_id=str(identity)) == ["ask", "agent"] and listed(ids=[str(asked["id"])]) == ["ask"]
    assert list(api.runs.query_v2(project_ids=[project_id])) == [], "of the last day"
    bare = next(iter(api.runs.query_v2(ids=[str(identity)])))
    assert (bare.id, bare.name, bare.inputs) == (str(identity), None, None), bare
    every = ["ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "LATENCY_SECONDS", "ERROR", "ERROR_PREVIEW", "METADATA", "EVENTS", "INPUTS", "INPUTS_PREVIEW", "OUTPUTS", "OUTPUTS_PREVIEW", "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "IS_ROOT", "TOTAL_TOKENS", "TAGS", "FEEDBACK_STATS", "ATTACHMENTS"]
    run = api.runs.retrieve_v2(str(identity), project_id=project_id, selects=every)
    assert (run.run_type, run.status, run.start_time, run.latency_seconds, run.is_root, run.thread_id, run.project_id, run.parent_run_ids) == ("CHAIN", "SUCCESS", stamp(5), 5.0, True, "t-read", project_id, []), run
    assert (run.inputs, run.inputs_preview, run.outputs, run.metadata, run.total_tokens, run.feedback_stats["correct"].avg) == ({"question": "two?"}, '{"question":"two?"}', {"answer": [4]}, {"thread_id": "t-read"}, 10, 0.5), run
    broken = api.runs.retrieve_v2(str(failed["id"]), project_id=project_id, selects=every)
    assert (broken.run_type, broken.status, broken.error, broken.is_root, broken.parent_run_ids, broken.tags) == ("TOOL", "ERROR", "ValueError: no x", False, [str(identity)], ["blue"]), broken
    assert [run.name for run in api.traces.list_runs(str(identity), project_id=project_id, selects=["NAME"]).items] == ["agent", "ask", "look up"]
    assert [run.name for run in api.traces.list_runs(str(identity), project_id=project_id, selects=["NAME"], filter='eq(status, "error")').items] == ["look up"]
    found = list(api.traces.query(project_id=project_id, min_start_time=long_ago, selects=["NAME", "TOTAL_TOKENS"], page_size=2))
    assert [trace.root_run.name for trace in found] == [*everything[:5], "agent"] and found[-1].trace_aggregates.total_tokens == 10, found
    assert [trace.root_run.name for trace in api.traces.query(project_id=project_id, trace_ids=[str(identity)], selects=["NAME"])] == ["agent"]
    assert [trace.root_run.name for trace in api.traces.query(project_id=project_id, min_start_time=long_ago, tree_filter='eq(name, "ask")', selects=["NAME"])] == ["agent"]
    [thread] = api.threads.query(project_id=project_id, min_start_time=long_ago)
    assert (thread.thread_id, thread.count, thread.trace_id, thread.total_tokens, thread.min_start_time, thread.latency_p50) == ("t-read", 1, str(identity), 10, stamp(5).replace(microsecond=0), 5.0), thread
    [turn] = api.threads.list_traces("t-read", project_id=project_id, selects=["NAME", "LATENCY", "OUTPUTS"])
    assert (turn.trace_id, turn.name, turn.latency, turn.outputs) == (str(identity), "agent", 5.0, {"answer": [4]}), turn
    for call, advice in [(lambda: list(api.runs.query_v2(**of_project, ai_search="what failed")), "ai_search"), (lambda: list(api.runs.streaming.query_v2(**of_project)), "not streamed"), (lambda: api.threads.stats("t-read", session_id=project_id, selects=["TURNS"]), "session"), (lambda: api.sql.query(query="select 1", project_ids=[project_id]), "docs/tracing.md")]:
        try:
            call()
            raise AssertionError(advice)
        except APIStatusError as error:
            assert error.status_code == 501 and advice in str(error), (advice, error)

with check("projects are the services of traces"):
    project = client.read_project(project_name="read back")
    assert project.name == "read back" and client.read_project(project_id=project.id).name == "read back" and project.start_time == stamp(5).replace(microsecond=0), project
    assert client.has_project("read back") and not client.has_project("never seen")
    assert {"read back", "the app"} <= {each.name for each in client.list_projects()} and [each.name for each in client.list_projects(name_contains="AD BA")] == ["read back"] and [each.id for each in client.list_projects(project_ids=[project.id])] == [project.id]
    assert len(list(client.list_projects(limit=1))) == 1 and client.read_run(identity).session_id == project.id

with check("calls that are not served say at once what to do instead"):
    for call, advice in [
        (lambda: list(client.list_runs(project_name="read back", query="four")), "not found by query"), (lambda: list(client.list_runs(trace_id=identity, filter='eq(feedback_key, "k")')), "feedback_key"), (lambda: list(client.list_runs(trace_id=identity, filter='eq(name, ask)')), "cannot be read"),
        (lambda: list(client.list_projects(metadata={"a": 1})), "metadata"), (lambda: client.create_project("p"), "service=PROJECT"),
        (lambda: client.create_dataset("d"), "slipway datasets add"), (lambda: client.create_example(inputs={"a": 1}, dataset_id=uuid.uuid4()), "slipway datasets add"),
        (lambda: client.create_presigned_feedback_token(uuid.uuid4(), "k"), "no tokens"), (lambda: client.pull_prompt("name"), "Prompts of LangSmith are not kept"), (lambda: client.share_run(uuid.uuid4()), "list_runs"),
    ]:
        try:
            call()
            raise AssertionError(advice)
        except LangSmithError as error:
            assert advice in str(error), (advice, error)

finish()
