"""The calls of mlflow_trace_calls.py to a real MLflow server and to Slipway: what programs see must be the same, but for what the documentation lists."""

import json
import pathlib
import subprocess
import sys

from checks import check

calls = pathlib.Path(__file__).parent / "mlflow_trace_calls.py"

# Where Slipway answers otherwise, with what it answers.
REFUSED = {"error": "RestException", "code": "INVALID_PARAMETER_VALUE"}
DIFFERENT = {
    # Orders are by time or duration alone.
    "order ['name DESC', 'timestamp_ms ASC']": REFUSED,
    "order ['status ASC', 'timestamp_ms ASC']": REFUSED,
    "order ['tags.kind ASC', 'timestamp_ms ASC']": REFUSED,
    # Texts in tags, metadata and attributes of spans are compared whole.
    "search tags.kind LIKE 'nes%'": REFUSED,
    "search metadata.custom LIKE '%é%'": REFUSED,
    "search span.attributes.n LIKE '%1%'": REFUSED,
    # MLflow finds no number of a span, and texts of feedback with their quotes alone.
    "search span.attributes.share = '0.5'": ["nested", "nested again"],
    "search feedback.words LIKE 'fi%' with assessments": ["nested"],
    "search trace.trace_id = 'TRACE'": ["nested"],
    "search timestamp_ms > 'x'": REFUSED,
    # The last page says that it is the last.
    "pages of a filter": [["nested"], ["nested again"]],
    "tag of no trace": {"error": "RestException", "code": "RESOURCE_DOES_NOT_EXIST"},
    "delete in no experiment": {"error": "RestException", "code": "RESOURCE_DOES_NOT_EXIST"},
}


def comparable(seen):
    for name, value in seen.items():
        if name.startswith("trace ") and isinstance(value.get("metadata"), dict):
            # MLflow's own mark that a trace is whole.
            value["metadata"].pop("mlflow.trace.infoFinalized", None)
    if isinstance(seen["trace failed"], dict):
        # Of a root that gave nothing back, Slipway shows what came out within.
        seen["trace failed"].pop("response", None)
    return seen


def start(url, directory):
    return subprocess.Popen([sys.executable, str(calls), url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=directory)


def read(process):
    output, errors = process.communicate(timeout=280)
    assert output != "", f"the calls ended with {process.returncode}:\n{errors[-3000:]}"
    return comparable(json.loads(output.splitlines()[-1]))


def check_traces(slipway, mlflow, directory):
    """`slipway` and `mlflow` are addresses. Slower than all else is to import MLflow, so the two clients run at the same time."""
    processes = [start(slipway, directory), start(mlflow, directory)]
    here, there = [read(process) for process in processes]
    for group in ("trace", "search", "order", "pages", "feedback", "expectation", "update", "delete", ""):
        with check(f"what MLflow's tracing client sees is what it sees of its own server: {group or 'everything else'}"):
            asked = [name for name in there if name.split(" ")[0].startswith(group)]
            assert asked
            for name in asked:
                expected = DIFFERENT.get(name, there[name])
                assert here[name] == expected, f"{name}: {json.dumps(here[name])[:600]}, not {json.dumps(expected)[:600]}"
    with check("what the list says is different still is"):
        assert [name for name in DIFFERENT if here[name] == there[name]] == []
