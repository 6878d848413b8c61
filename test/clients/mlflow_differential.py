"""The same random calls to a real MLflow server and to Slipway: their answers must agree in status, error code and body.

What each server chooses (ids, times, generated names, page tokens) is compared by its place; messages by being there. Sequences follow from a seed, which is printed:
    SLIPWAY_TEST_SEED        the seed of the first sequence, 1 without it; the others follow it
    SLIPWAY_TEST_SEQUENCES   how many; without it the first 60, as far as they fit into the seconds given as the second argument
What differs is shrunk to the calls that are needed for it and printed. Then the calls of mlflow_traces_differential.py, to the same servers.
"""

import collections
import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

from checks import check, finish, server, wait_until
from mlflow_random_calls import Sequence
from mlflow_traces_differential import check_traces

CALLS = 25
SHOWN = 12
NAME = re.compile(r"^[a-z]+-[a-z]+-\d{1,4}$")
# Lists whose order says nothing.
UNORDERED = {"tags", "params", "aliases", "dataset_inputs", "dataset_summaries"}
# What only MLflow has.
OWN = {"workspace"}
# Clients read an empty message as they read none.
MESSAGES = {"inputs", "outputs", "data"}


class Side:
    """One server, and what it chose in the sequence under way."""

    def __init__(self, name, url):
        self.name = name
        self.address = urllib.parse.urlparse(url).netloc
        self.connection = http.client.HTTPConnection(self.address, timeout=60)
        self.begin("")

    def begin(self, namespace):
        self.namespace = namespace
        self.ids = {"run": [], "experiment": [], "model": []}
        self.tokens = {}
        self.shown = {}

    def chose(self, kind, identity):
        self.ids[kind].append(identity)
        if identity is not None:
            self.shown[identity] = f"<{kind} {len(self.ids[kind]) - 1}>"

    def filled(self, value):
        """The call as this server is to get it."""
        if isinstance(value, str):
            return value.replace("{ns}", self.namespace)
        if isinstance(value, list):
            parts = [self.filled(part) for part in value]
            return "".join(parts) if any(isinstance(part, dict) and len(part) == 1 and next(iter(part)).startswith("$") for part in value) and isinstance(value[0], str) else parts
        if isinstance(value, dict):
            if len(value) == 1 and (kind := next(iter(value))).startswith("$"):
                place = value[kind]
                if kind == "$token":
                    return self.tokens.get(place, "")
                known = self.ids[kind[1:]]
                return (known[place] if place < len(known) else None) or str(10**9 + place)
            return {key: self.filled(inner) for key, inner in value.items()}
        return value

    def call(self, place, method, path, body):
        """`(status, comparable body)`."""
        if isinstance(path, list):
            # A part of a path is one segment, whatever it is.
            path = "".join(part if at % 2 == 0 else urllib.parse.quote(str(self.filled(part)) or "none", safe="") for at, part in enumerate(path))
        values = self.filled(body)
        if method == "GET":
            query = urllib.parse.urlencode([(key, as_query(each)) for key, value in values.items() for each in (value if isinstance(value, list) else [value])])
            status, answer = self.send(method, f"{path}?{query}" if query else path, None)
        else:
            status, answer = self.send(method, path, json.dumps(values).encode())
        self.learn(place, path, status, answer)
        self.message = answer.get("message", "")
        return status, comparable(answer, self)

    def send(self, method, path, content):
        for attempt in (0, 1):
            try:
                self.connection.request(method, path, content, {"Content-Type": "application/json"} if content is not None else {})
                answer = self.connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                # A server may end an idle connection.
                self.connection.close()
                if attempt == 1:
                    raise
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {"text": text.decode(errors="replace")}

    def learn(self, place, path, status, answer):
        made = answer if status == 200 else {}
        if path.endswith("/experiments/create"):
            self.chose("experiment", made.get("experiment_id"))
        elif path.endswith("/runs/create"):
            self.chose("run", made.get("run", {}).get("info", {}).get("run_id"))
        elif path.endswith("/logged-models"):
            self.chose("model", made.get("model", {}).get("info", {}).get("model_id"))
        if made.get("next_page_token"):
            self.tokens[place] = made["next_page_token"]


def as_query(value):
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def comparable(value, side, name=""):
    """The body with what the server chose replaced by its place."""
    if isinstance(value, dict):
        if "error_code" in value:
            return {"error_code": value["error_code"], "message": "<message>" if value.get("message") else ""}
        # Of the registry: who made a model, and which logged model a version is, which MLflow does not tell each time.
        own = {*OWN, "user_id", "model_id"} if "current_stage" in value or "creation_timestamp" in value else OWN
        fields = {key: comparable(inner, side, key) for key, inner in value.items() if key not in own and not (key in MESSAGES and inner == {})}
        if name == "data" and "metrics" in fields:
            fields["metrics"] = latest(fields["metrics"]) if any("model_id" in metric for metric in fields["metrics"]) else sorted(fields["metrics"], key=lambda metric: metric["key"])
        if fields.get("key") == "mlflow.runName" and isinstance(fields.get("value"), str) and NAME.match(fields["value"]):
            fields["value"] = "<name>"
        return fields
    if isinstance(value, list):
        parts = [comparable(part, side) for part in value]
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True)) if name in UNORDERED else parts
    if isinstance(value, str):
        if name == "next_page_token":
            return "<token>" if value else ""
        if name in ("run_name", "name") and NAME.match(value):
            return "<name>"
        if name in ("experiment_id", "run_id", "run_uuid", "model_id", "source_run_id"):
            return side.shown.get(value, value)
        if name in ("artifact_uri", "artifact_location"):
            value = re.sub(r"^(file://)?/tmp/[^/]+/", "", value)  # MLflow reads a relative place as one in its own folder
        for identity, shown in side.shown.items():
            if len(identity) > 8:
                value = value.replace(identity, shown)
        return re.sub(r"^mlflow-artifacts:/(\d+)", lambda match: "mlflow-artifacts:/" + side.shown.get(match[1], match[1]), value).replace(side.namespace, "{ns}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) == 1.7976931348623157e308:
            return "Infinity" if value > 0 else "-Infinity"  # MLflow writes the greatest number for it
        return "<now>" if abs(value - time.time() * 1000) < 3_600_000 else float(value)
    return value


def latest(metrics):
    """Of a logged model, what each run logged last of a metric on a dataset: MLflow answers with every value."""
    kept = {}
    for metric in metrics:
        place = tuple(str(metric.get(name)) for name in ("key", "run_id", "dataset_name", "dataset_digest"))
        rank = (metric.get("step", 0), metric.get("timestamp", 0), float(str(metric.get("value", 0))))
        if place not in kept or rank > kept[place][0]:
            kept[place] = (rank, metric)
    return [metric for _, (_, metric) in sorted(kept.items(), key=lambda item: item[0])]


def excuse(path, body, spoiled, mine, theirs):
    """Why answers may differ: what docs/tracking.md lists. None where they may not."""
    code, their_code = mine[1].get("error_code"), theirs[1].get("error_code")
    if mine[0] >= 500:
        return None
    if theirs[0] >= 500:
        return "MLflow fails"
    if their_code == "BAD_REQUEST":
        return "MLflow's database refuses"
    if code == "INVALID_PARAMETER_VALUE" and theirs[0] == 404:
        return "what is wrong in itself is refused before anything is looked up"
    if path.endswith("model-versions/create") and their_code == "INVALID_PARAMETER_VALUE" and "runs:/" in str(body):
        return "a source may name another run, as it might before MLflow 3.15"
    if spoiled and code == "INVALID_PARAMETER_VALUE":
        return "a field that cannot be read is refused first, not ignored"
    if path.endswith(("get-history", "get-history-bulk-interval", "get-history-bulk")) and mine[0] == 404:
        return "a history of no run is refused"
    if path.endswith("runs/restore") and code == "INVALID_PARAMETER_VALUE":
        return "a run does not come back to a deleted experiment"
    if path.endswith("registered-models/create") and code == "INVALID_PARAMETER_VALUE" and re.search(r"[\x00-\x1f\x7f]", str(body.get("name"))):
        return "a name takes no control characters"
    if path.endswith("/search") and code == "INVALID_PARAMETER_VALUE" and re.search(r"IN\s*\(\s*\)", str(body.get("filter")), re.IGNORECASE):
        return "an empty list is refused"
    if "/logged-models/" in path and mine[0] == 404 and theirs[0] == 200:
        return "a deleted logged model takes no tags and params"
    if path.endswith("registered-models/alias") and mine[0] == 404 and theirs[0] == 400:
        return "both refuse, for another reason"
    if path.endswith(("/experiments/delete", "/experiments/restore")) and mine[0] == 200:
        return "deleting or restoring twice is no error"
    return None


execution = 0
compared = collections.Counter()
excused = collections.Counter()


def first_difference(calls, slipway, mlflow):
    """`(place, mine, theirs)` of the first call with answers that differ. A sequence ends where the servers may part."""
    global execution
    execution += 1
    namespace = f"s{execution}-{os.getpid()}."
    for side in (slipway, mlflow):
        side.begin(namespace)
    for place, (at, method, path, body, spoiled) in enumerate(calls):
        theirs = mlflow.call(at, method, path, body)
        mine = slipway.call(at, method, path, body)
        compared[f"{mine[0]}"] += 1
        if mine == theirs:
            continue
        reason = excuse("".join(part for part in path if isinstance(part, str)), body, spoiled, mine, theirs)
        if reason is None:
            return place, mine, theirs
        excused[reason] += 1
        if (mine[0] == 200) != (theirs[0] == 200):
            return None
    return None


def shrunk(calls, found, slipway, mlflow):
    """Fewer calls whose last still differs."""
    calls = calls[: found[0] + 1]
    size = len(calls) // 2
    while size > 0:
        end = len(calls) - 1
        while end > 0:
            start = max(0, end - size)
            fewer = calls[:start] + calls[end:]
            again = first_difference(fewer, slipway, mlflow)
            if again is not None and again[0] == len(fewer) - 1 and (again[1][0], again[2][0]) == (found[1][0], found[2][0]):
                calls, found = fewer, again
            end = start
        size //= 2
    return calls, found


def told(calls, found):
    lines = [f"  {method} {''.join(str(part) for part in path) if isinstance(path, list) else path.split('/mlflow/')[-1]} {json.dumps(body, ensure_ascii=False)[:600]}" for _, method, path, body, _ in calls]
    _, mine, theirs = found
    shown = [f"{status} {json.dumps(body, sort_keys=True, ensure_ascii=False)[:3000]}" for status, body in (mine, theirs)]
    return "\n".join([*lines, f"  Slipway: {shown[0]}", f"  MLflow:  {shown[1]}"])


def free_port():
    """Below those that the system hands out by itself: nobody takes it before MLflow's server does."""
    while True:
        port = secrets.choice(range(15_000, 32_000))
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def start_mlflow(directory):
    """MLflow's own server on SQLite; answers with the process and its address."""
    port = free_port()
    words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", f"sqlite:///{directory}/mlflow.db"]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with open(f"{directory}/mlflow.log", "wb") as log:
        process = subprocess.Popen([sys.executable, *words, "--artifacts-destination", f"{directory}/artifacts"], stdout=log, stderr=log, env=environment, cwd=directory, start_new_session=True)

    def answers():
        if process.poll() is not None:
            raise RuntimeError(f"MLflow's server ended: {open(f'{directory}/mlflow.log').read()[-3000:]}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    wait_until(answers, "MLflow's server answering", 120)
    return process, f"http://127.0.0.1:{port}"


def stop(process):
    """With its workers, which are a group of their own."""
    try:
        os.killpg(process.pid, 15)
        process.wait(20)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, 9)


def check_random_calls(slipway, mlflow):
    seed = int(os.environ.get("SLIPWAY_TEST_SEED", "1"))
    asked = os.environ.get("SLIPWAY_TEST_SEQUENCES")
    sequences, seconds = (60, float(sys.argv[2])) if asked is None else (int(asked), 86_400)
    differing = []
    with check(f"answers what MLflow answers to random calls (SLIPWAY_TEST_SEED={seed})"):
        end = time.monotonic() + seconds
        done = 0
        while done < sequences and time.monotonic() < end and len(differing) < SHOWN:
            calls = [(at, *call) for at, call in enumerate(Sequence(seed + done).draw(CALLS))]
            found = first_difference(calls, slipway, mlflow)
            if found is not None:
                differing.append(f"seed {seed + done}:\n" + told(*shrunk(calls, found, slipway, mlflow)))
            done += 1
        assert done > 0, "no sequence was run"
        assert not differing, f"{len(differing)} of {done} sequences differ.\n" + "\n".join(differing)


def main():
    """Traces come last: the random calls list all experiments."""
    target = server()
    with tempfile.TemporaryDirectory() as directory:
        process, url = start_mlflow(directory)
        try:
            check_random_calls(Side("Slipway", target.url), Side("MLflow", url))
            check_traces(target.url, url, directory)
        finally:
            stop(process)


if __name__ == "__main__":
    main()
    finish()
