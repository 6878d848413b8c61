"""What applications of LangChain and LangSmith's SDK do, with nothing set but the environment."""

import datetime
import json
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
from langsmith.utils import LangSmithError, LangSmithNotFoundError
from langsmith.run_helpers import get_current_run_tree

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

with check("calls that are not served say at once what to do instead"):
    for call, advice in [
        (lambda: client.read_run(uuid.uuid4()), "read as traces"), (lambda: list(client.list_runs(project_name="the app")), "service=PROJECT"), (lambda: client.create_project("p"), "service=PROJECT"),
        (lambda: client.create_dataset("d"), "slipway datasets add"), (lambda: client.create_example(inputs={"a": 1}, dataset_id=uuid.uuid4()), "slipway datasets add"),
        (lambda: client.create_presigned_feedback_token(uuid.uuid4(), "k"), "no tokens"), (lambda: client.pull_prompt("name"), "Prompts of LangSmith are not kept"), (lambda: client.share_run(uuid.uuid4()), "read as traces"),
    ]:
        try:
            call()
            raise AssertionError(advice)
        except LangSmithError as error:
            assert advice in str(error), (advice, error)

finish()
