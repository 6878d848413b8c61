"""Random calls of MLflow's wire for mlflow_differential.py: mostly such as clients send, some of them wrong in one place.

A call is `(method, path, body, spoiled)`. What a server chose is named by `{"$run": 0}`: the id of the first run that this server made; likewise `$experiment`,
`$model` (a logged one) and `$token` (a page token, by the place of its call). Names begin with `{ns}`, which each execution of a sequence replaces: sequences share the servers
but see nothing of each other. Start times differ within a sequence, as ids, which differ between the servers, would sort what is equal.
"""

import random
import re

API = "/api/2.0/mlflow"
WORDS = ["a", "B", "loss", "x y", "train/loss", "ünïcode", "日本", "emoji 🎈", "a.b", "-dash", "under_score", "with:colon", "O'Brien", 'quo"te', "50%", "back\\slash", "A", "value"]
KEYS = ["loss", "acc", "a b", "train/loss", "x.y", "k-1", "ünï", "Loss"]
BAD_KEYS = ["", "a//b", "../x", "/abs", "a*b", "k" * 251, ".", "a/./b", "tab\there", "a/", "🎈"]
PARAM_VALUES = ["1", "2", "tree", "", "v" * 6000, "v" * 6001, "é" * 10, "None", " spaced ", "a%b", "a_b", "TREE"]
METRICS = [0, 1, -1, 0.5, 1e308, -2.5e-300, 7, 3, "NaN", "Infinity", "-Infinity", 1.0, "1.5"]
ODD = [None, "", 31, -1, 1.5, True, [], {}, "{ns}x", "31", [1], {"key": 1}, 2**63 - 1, 2**63, -(2**63), "NaN", "{ns}\u0000", "{ns}" + "y" * 7000]
STAGES = ["None", "Staging", "Production", "Archived", "production", "STAGING"]
STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
ALIASES = ["champion", "challenger", "best", "ünï", "a-b_c", "Best"]
BAD_ALIASES = ["latest", "v1", "V22", "a b", "", "x" * 256, "a/b", "Latest", "v1a"]
KEPT = ("start_time", "filter", "max_results", "experiment_ids", "model_id", "models")
VIEWS = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]


class Sequence:
    """Draws the calls of one sequence. It does not know the answers: a call may well be about what is not there."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.counts = {"run": 0, "experiment": 0, "model": 0}
        self.names = {"experiment": [], "registered": []}
        self.clock = 1_000_000
        self.nameless = False
        self.paged = []
        self.calls = []

    def draw(self, length):
        self.add(self.create_experiment())
        self.add(self.create_run())
        area = self.random.choice([TRACKING, TRACKING, LOGGED, REGISTRY, TRACKING + LOGGED + REGISTRY])
        if area is REGISTRY:
            self.add(self.create_registered())
        while len(self.calls) < length:
            self.add(getattr(self, self.random.choice(area))())
        return self.calls

    def add(self, call):
        method, path, body = call
        spoiled = self.maybe(0.12) and body != {}
        self.calls.append((method, path, self.spoiled(body) if spoiled else body, spoiled))

    # Values.

    def maybe(self, probability=0.5):
        return self.random.random() < probability

    def word(self):
        return self.random.choice(WORDS)

    def key(self):
        return self.random.choice(BAD_KEYS) if self.maybe(0.06) else self.random.choice(KEYS)

    def ref(self, kind):
        """Mostly one that was asked for before, at times one that never was."""
        count = self.counts[kind]
        if count == 0 or self.maybe(0.04):
            return self.random.choice([*([] if kind == "model" else [""]), "nope", "m-" + "0" * 32, "123456789", "-1", "ünï"])
        return {f"${kind}": self.random.randrange(count)}

    def time(self):
        self.clock += self.random.randrange(1, 1000)
        return self.clock

    def pairs(self):
        return [{"key": self.key(), "value": self.random.choice(PARAM_VALUES)} for _ in range(self.random.randrange(3))]

    def tags(self):
        """Each key once, none empty or too long: with what something is made, MLflow leaves that to its database."""
        return list({pair["key"]: pair for pair in self.pairs() if 0 < len(pair["key"]) <= 250}.values())

    def name(self, kind):
        known = self.names[kind]
        if known and self.maybe(0.25):
            return self.random.choice(known)
        name = "{ns}" + self.word() + str(len(known))
        if self.maybe(0.04):
            name = self.random.choice(["", "{ns}" + "n" * (600 if kind == "experiment" else 100), "{ns}a/b", "{ns}a:b", "{ns}\n", "{ns}."])
        known.append(name)
        return name

    def spoiled(self, body):
        """One field of it missing, of another type, at an edge or unknown."""
        spoiled = dict(body)
        field = self.random.choice([field for field in spoiled if field not in KEPT] or ["none"])
        inner = spoiled.get(field)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and "key" in inner[0] and self.maybe():
            spoiled[field] = [self.spoiled(inner[0]), *inner[1:]]
        elif self.maybe(0.3):
            spoiled.pop(field, None)
        elif self.maybe(0.1):
            spoiled["unknown_field"] = 1
        else:
            spoiled[field] = self.random.choice(ODD)
        return spoiled

    # Experiments.

    def create_experiment(self):
        self.counts["experiment"] += 1
        body = {"name": self.name("experiment")}
        if self.maybe(0.3):
            body["tags"] = self.tags()
        if self.maybe(0.15):
            body["artifact_location"] = self.random.choice(["s3://bucket/{ns}", "s3://bucket/x/", "mlflow-artifacts:/{ns}/x", "s3://b/x#f", "gs://b/a b"])
        return "POST", f"{API}/experiments/create", body

    def get_experiment(self):
        return "GET", f"{API}/experiments/get", {"experiment_id": self.ref("experiment")}

    def get_experiment_by_name(self):
        return "GET", f"{API}/experiments/get-by-name", {"experiment_name": self.random.choice(self.names["experiment"] + ["{ns}nope"])}

    def update_experiment(self):
        return "POST", f"{API}/experiments/update", {"experiment_id": self.ref("experiment"), "new_name": self.name("experiment")}

    def delete_experiment(self):
        return "POST", f"{API}/experiments/delete", {"experiment_id": self.ref("experiment")}

    def restore_experiment(self):
        return "POST", f"{API}/experiments/restore", {"experiment_id": self.ref("experiment")}

    def tag_experiment(self):
        return "POST", f"{API}/experiments/set-experiment-tag", {"experiment_id": self.ref("experiment"), "key": self.key(), "value": self.random.choice(PARAM_VALUES)}

    def untag_experiment(self):
        return "POST", f"{API}/experiments/delete-experiment-tag", {"experiment_id": self.ref("experiment"), "key": self.key()}

    def search_experiments(self):
        body = {"filter": self.filter(["name", "tag"], own="name LIKE '{ns}%'"), "max_results": 100}
        if self.maybe():
            body["view_type"] = self.random.choice(VIEWS)
        self.ordered(body, ["name", "creation_time", "last_update_time", "experiment_id", "attribute.name"])
        return self.page("POST" if self.maybe(0.7) else "GET", "experiments/search", body)

    # Runs.

    def create_run(self):
        self.counts["run"] += 1
        body = {"experiment_id": self.ref("experiment"), "start_time": self.time(), "run_name": self.word()}
        if self.maybe(0.3):
            body["user_id"] = self.word()
        if self.maybe(0.4):
            body["tags"] = self.tags()
        if self.maybe(0.1):
            self.nameless = True
            del body["run_name"]
        elif self.maybe(0.05):
            body["tags"] = [{"key": "mlflow.runName", "value": self.word()}]
        return "POST", f"{API}/runs/create", body

    def get_run(self):
        return "GET", f"{API}/runs/get", {"run_id": self.ref("run")}

    def update_run(self):
        body = {"run_id": self.ref("run")}
        if self.maybe(0.7):
            body["status"] = self.random.choice(STATUSES)
        if self.maybe(0.7):
            body["end_time"] = self.random.choice([self.clock, 1, self.clock + 5, 2**53 - 1])
        if self.maybe(0.3):
            body["run_name"] = self.word()
        return "POST", f"{API}/runs/update", body

    def delete_run(self):
        return "POST", f"{API}/runs/delete", {"run_id": self.ref("run")}

    def restore_run(self):
        return "POST", f"{API}/runs/restore", {"run_id": self.ref("run")}

    def metric(self):
        metric = {"key": self.key(), "value": self.random.choice(METRICS), "timestamp": self.random.choice([self.clock, 0, 5, 2**53 - 1, self.clock])}
        if self.maybe(0.8):
            metric["step"] = self.random.choice([0, 1, 2, 3, 10, -1, "4", 2**53 - 1])
        if self.maybe(0.1):
            metric["model_id"] = self.ref("model")
            if self.maybe():
                metric |= {"dataset_name": self.random.choice(["d1", "d2"]), "dataset_digest": self.random.choice(["aa", "bb"])}
        return metric

    def log_metric(self):
        return "POST", f"{API}/runs/log-metric", {"run_id": self.ref("run")} | self.metric()

    def log_param(self):
        return "POST", f"{API}/runs/log-parameter", {"run_id": self.ref("run"), "key": self.key(), "value": self.random.choice(PARAM_VALUES)}

    def set_tag(self):
        key = "mlflow.runName" if self.maybe(0.06) else self.key()
        return "POST", f"{API}/runs/set-tag", {"run_id": self.ref("run"), "key": key, "value": self.random.choice(PARAM_VALUES)}

    def delete_tag(self):
        return "POST", f"{API}/runs/delete-tag", {"run_id": self.ref("run"), "key": self.key()}

    def log_batch(self):
        body = {"run_id": self.ref("run"), "metrics": [self.metric() for _ in range(self.random.randrange(5))], "params": self.pairs(), "tags": self.pairs()}
        if self.maybe(0.02):
            body["params"] = [{"key": f"p{index}", "value": "1"} for index in range(101)]
        return "POST", f"{API}/runs/log-batch", body

    def log_inputs(self):
        # A dataset has the same context each time.
        contexts = {"d1": ["train"], "d2": ["eval"], "ünï": []}
        names = [self.random.choice(list(contexts)) for _ in range(self.random.randrange(3))]
        datasets = [
            {
                "dataset": {"name": name, "digest": self.random.choice(["aa", "bb"]), "source_type": "local", "source": self.word()},
                "tags": [{"key": "mlflow.data.context", "value": context} for context in contexts[name]],
            }
            for name in names
        ]
        return "POST", f"{API}/runs/log-inputs", {"run_id": self.ref("run"), "datasets": datasets}

    def search_datasets(self):
        return "POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [self.ref("experiment") for _ in range(self.random.randrange(3))]}

    def search_runs(self):
        kinds = ["metric", "param", "tag", "dataset", "status", "start_time", "end_time", "run_id", "user_id"] + ([] if self.nameless else ["run_name"])
        body = {"experiment_ids": [self.ref("experiment") for _ in range(self.random.randrange(1, 4))], "filter": self.filter(kinds)}
        if self.maybe(0.4):
            body["run_view_type"] = self.random.choice(VIEWS)
        orders = ["start_time", "end_time", "status", "user_id", "attributes.status", "created"] + ([] if self.nameless else ["run_name"])
        self.ordered(body, orders + [f"{kind}.{self.quoted_key()}" for kind in ["metrics", "params", "tags", "metric", "parameter"]])
        return self.page("POST", "runs/search", body)

    def metric_history(self):
        body = {"run_id": self.ref("run"), "metric_key": self.key()}
        if self.maybe(0.3):
            body["max_results"] = self.random.choice([1, 2, 100, 0, -1])
        return self.page("GET", "metrics/get-history", body, sized=False)

    def metric_history_bulk(self):
        body = {"run_id": [self.ref("run") for _ in range(self.random.randrange(3))], "metric_key": self.key()}
        return "GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", body

    def metric_history_interval(self):
        body = {"run_ids": [self.ref("run") for _ in range(self.random.randrange(3))], "metric_key": self.key()}
        if self.maybe(0.3):
            body |= {"start_step": self.random.choice([0, 1, 5]), "end_step": self.random.choice([0, 3, 20])}
        if self.maybe(0.3):
            body["max_results"] = self.random.choice([1, 2, 3, 100, 0, 2501])
        return "GET", f"{API}/metrics/get-history-bulk-interval", body

    # Logged models.

    def create_model(self):
        self.counts["model"] += 1
        body = {"experiment_id": self.ref("experiment"), "name": self.random.choice(["m", "n", "ünï", "a b"] + (["a/b", "a.b", "q'", "%"] if self.maybe(0.1) else []))}
        if self.maybe():
            body |= {"model_type": self.word(), "params": self.tags(), "tags": self.tags()}
        if self.maybe():
            body["source_run_id"] = self.ref("run")
        return "POST", f"{API}/logged-models", body

    def get_model(self):
        return "GET", [f"{API}/logged-models/", self.ref("model")], {}

    def finish_model(self):
        status = self.random.choice(["LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_PENDING"])
        model = self.ref("model")
        return "PATCH", [f"{API}/logged-models/", model], {"model_id": model, "status": status}

    def delete_model(self):
        return "DELETE", [f"{API}/logged-models/", self.ref("model")], {}

    def tag_model(self):
        model = self.ref("model")
        return "PATCH", [f"{API}/logged-models/", model, "/tags"], {"model_id": model, "tags": self.tags() or [{"key": "loss", "value": "1"}]}

    def untag_model(self):
        return "DELETE", [f"{API}/logged-models/", self.ref("model"), "/tags/", self.random.choice(["loss", "acc", "k-1"])], {}

    def param_model(self):
        model = self.ref("model")
        return "POST", [f"{API}/logged-models/", model, "/params"], {"model_id": model, "params": self.tags() or [{"key": "loss", "value": "1"}]}

    def output_model(self):
        return "POST", f"{API}/runs/outputs", {"run_id": self.ref("run"), "models": [{"model_id": self.ref("model"), "step": self.random.choice([0, 1, 5])}]}

    def measure_model(self):
        metric = self.metric() | {"model_id": self.ref("model")}
        if self.maybe(0.6):
            metric |= {"dataset_name": self.random.choice(["d1", "d2"]), "dataset_digest": self.random.choice(["aa", "bb"])}
        return "POST", f"{API}/runs/log-metric", {"run_id": self.ref("run")} | metric

    def search_models(self):
        body = {"experiment_ids": [self.ref("experiment") for _ in range(self.random.randrange(1, 3))], "filter": self.filter(["metrics", "params", "tags", "model_name"])}
        if self.maybe(0.4):
            body["datasets"] = [
                {"dataset_name": self.random.choice(["d1", "d2"]), "dataset_digest": self.random.choice(["aa", "bb"])}
                for _ in range(self.random.randrange(1, 3))
            ]
        if self.maybe(0.4):
            field = self.random.choice([f"metrics.{self.random.choice(['loss', 'acc', 'x.y'])}", "name", "creation_time", "nope", "params.loss"])
            body["order_by"] = [{"field_name": field} | ({"ascending": self.maybe()} if self.maybe() else {}) | ({"dataset_name": "d1"} if self.maybe(0.3) else {})]
        return self.page("POST", "logged-models/search", body)

    # Registry.

    def create_registered(self):
        body = {"name": self.name("registered")}
        if self.maybe():
            body |= {"description": self.word(), "tags": self.tags()}
        return "POST", f"{API}/registered-models/create", body

    def known(self):
        return self.random.choice(self.names["registered"] or ["{ns}nope"]) if self.maybe(0.95) else "{ns}nope"

    def version(self):
        return {"name": self.known(), "version": self.random.choice(["1", "1", "1", "2", "2", "3"]) if self.maybe(0.93) else self.random.choice(["0", "-1", "x", "01", "99999", 1, "1.0"])}

    def get_registered(self):
        return "GET", f"{API}/registered-models/get", {"name": self.known()}

    def rename_registered(self):
        return "POST", f"{API}/registered-models/rename", {"name": self.known(), "new_name": self.name("registered")}

    def update_registered(self):
        return "PATCH", f"{API}/registered-models/update", {"name": self.known(), "description": self.word()}

    def delete_registered(self):
        return "DELETE", f"{API}/registered-models/delete", {"name": self.known()}

    def latest_versions(self):
        return self.random.choice(["POST", "GET"]), f"{API}/registered-models/get-latest-versions", {"name": self.known(), "stages": self.random.sample(STAGES + ["nope"], self.random.randrange(3))}

    def tag_registered(self):
        return "POST", f"{API}/registered-models/set-tag", {"name": self.known(), "key": self.key(), "value": self.random.choice(PARAM_VALUES)}

    def untag_registered(self):
        return "DELETE", f"{API}/registered-models/delete-tag", {"name": self.known(), "key": self.random.choice(KEYS)}

    def alias(self):
        return self.random.choice(BAD_ALIASES) if self.maybe(0.15) else self.random.choice(ALIASES)

    def set_alias(self):
        return "POST", f"{API}/registered-models/alias", self.version() | {"alias": self.alias()}

    def get_alias(self):
        return "GET", f"{API}/registered-models/alias", {"name": self.known(), "alias": self.alias()}

    def delete_alias(self):
        return "DELETE", f"{API}/registered-models/alias", {"name": self.known(), "alias": self.alias()}

    def create_version(self):
        body = {"name": self.known(), "source": "s3://bucket/" + self.word()}
        if self.maybe(0.3):
            body |= {"tags": self.tags(), "description": self.word(), "run_link": "link"}
        if self.maybe(0.2):
            run = self.ref("run")
            body |= {"run_id": run, "source": ["runs:/", run, "/model"]}
        elif self.maybe(0.1):
            body["source"] = self.random.choice(["", "/etc", "file:///etc", "../x", "s3://b/../x", "s3://b/%2e%2e/x", "models:/nope/1", "x", "file://host/x", "models:/m-" + "0" * 32])
        elif self.maybe(0.1):
            body |= {"source": ["models:/", {"$model": 0}], "model_id": {"$model": 0}}
        return "POST", f"{API}/model-versions/create", body

    def get_version(self):
        return "GET", f"{API}/model-versions/get", self.version()

    def update_version(self):
        return "PATCH", f"{API}/model-versions/update", self.version() | {"description": self.word()}

    def stage_version(self):
        return "POST", f"{API}/model-versions/transition-stage", self.version() | {"stage": self.random.choice(STAGES + ["nope"]), "archive_existing_versions": self.maybe(0.3)}

    def delete_version(self):
        return "DELETE", f"{API}/model-versions/delete", self.version()

    def download_uri(self):
        return "GET", f"{API}/model-versions/get-download-uri", self.version()

    def tag_version(self):
        return "POST", f"{API}/model-versions/set-tag", self.version() | {"key": self.key(), "value": self.random.choice(PARAM_VALUES)}

    def untag_version(self):
        return "DELETE", f"{API}/model-versions/delete-tag", self.version() | {"key": self.random.choice(KEYS)}

    def search_registered(self):
        body = {"filter": self.filter(["registered_name", "tag"], own="name LIKE '{ns}%'")}
        self.ordered(body, ["name", "last_updated_timestamp", "timestamp"])
        return self.page("GET", "registered-models/search", body)

    def search_versions(self):
        body = {"filter": self.filter(["version_number", "version_run", "source_path", "tag"], own="name LIKE '{ns}%'")}
        self.ordered(body, ["name", "version_number", "creation_timestamp", "last_updated_timestamp"])
        return self.page("GET", "model-versions/search", body)

    # Searches.

    def page(self, method, path, body, sized=True):
        if sized and self.maybe(0.4):
            body["max_results"] = self.random.choice([1, 1, 2, 3, 100]) if self.maybe(0.9) else self.random.choice([*([0] if method == "POST" else []), 10**6, 50_001])
        if self.paged and self.maybe(0.3):
            # The rest of a search that was: the same with the token of its answer.
            place, method, path, body = self.random.choice(self.paged)
            body = body | {"page_token": {"$token": place}}
        elif self.maybe(0.03):
            body["page_token"] = self.random.choice(["nope", "bm9wZQ==", "{}", "é"])
        else:
            self.paged.append((len(self.calls), method, path, dict(body)))
        return method, f"{API}/{path}", body

    def ordered(self, body, fields):
        if self.maybe():
            body["order_by"] = [self.random.choice(fields) + self.random.choice(["", " ASC", " DESC", " desc"]) for _ in range(self.random.randrange(1, 3))]
            if self.maybe(0.06):
                body["order_by"].append(self.random.choice(["nope", "metrics", "metrics.loss UP", "", "name ASC DESC", "name, name", "dataset.name"]))

    def quoted_key(self):
        key = self.random.choice(KEYS[:6])
        return key if key.isalnum() else f"`{key}`"

    def filter(self, kinds, own=""):
        parts = [own] if own else []
        parts += [self.comparison(self.random.choice(kinds)) for _ in range(self.random.choice([0, 1, 1, 2]))]
        text = self.random.choice([" AND ", " and ", "  AND  "]).join(parts)
        if self.maybe(0.08) and text:
            cut = self.random.randrange(len(text))
            broken = [" OR name = 'x'", " AND nope = 'x'", " AND name", "(", "'", " AND metrics.x = 'a'", " AND params.x = 1", " AND tags.x", " AND name IN ()", ";", " AND 'a' = 'a'"]
            cut_text = re.sub(r"(?i)\s*\band?\s*$", "", text[:cut])
            text = cut_text if not own and self.maybe() else text + self.random.choice(broken)
        return text

    def comparison(self, kind):
        operator = self.random.choice(["=", "!=", ">", ">=", "<", "<="])
        textual = self.random.choice(["=", "!=", "LIKE", "ILIKE"])
        number = self.random.choice(["0", "1", "0.5", "-1", "3", "1e300", ".5", "1."])
        if self.maybe(0.04):
            operator, textual = textual, operator
        if self.maybe(0.06):
            operator = textual = self.random.choice(["IN", "NOT IN", "RLIKE", "==", "IS", "<>"])
        # Logged models are searched by other code, which takes single quotes alone.
        text = self.text(textual, loose=not kind.endswith("s") and kind != "model_name")
        null = self.random.choice(["IS NULL", "IS NOT NULL", "is not null", "IS  NULL"]) if self.maybe(0.12) else None
        entity = kind if kind.endswith("s") else self.random.choice([kind, kind + "s"])
        match kind:
            case "metric" | "metrics":
                return f"{entity}.{self.quoted_key()} " + (null or f"{operator} {number}")
            case "param" | "tag" | "params" | "tags":
                entity = "parameter" if kind == "param" and self.maybe(0.1) else entity
                return f"{entity}.{self.quoted_key()} " + (null or f"{textual} {text}")
            case "dataset":
                return f"{entity}.{self.random.choice(['name', 'digest', 'context'])} " + (null if null and self.maybe(0.3) else f"{textual} {text}")
            case "status" | "user_id" | "run_name":
                name = kind if self.maybe(0.7) else f"attributes.{kind}"
                return f"{name} " + (null or f"{textual} {self.random.choice([text, repr(self.random.choice(STATUSES))])}")
            case "start_time" | "end_time":
                return f"{kind} " + (null or f"{operator} {self.clock - self.random.randrange(2000)}")
            case "run_id":
                return f"run_id {self.random.choice(['IN', 'NOT IN', '='])} {self.random.choice([chr(40) + repr('x') + chr(41), repr('x')])}"
            case "version_number":
                return f"version_number {operator} {self.random.choice(['1', '2', '0'])}"
            case "version_run":
                return f"run_id {self.random.choice(['=', 'IN', 'LIKE'])} {self.random.choice([chr(40) + repr('x') + chr(41), repr('x')])}"
            case "registered_name" | "model_name" | "name":
                return f"name {textual} {text}"
            case _:
                return f"{kind} {textual} {text}"

    def text(self, operator, loose):
        if operator in ("IN", "NOT IN"):
            return self.random.choice(["('tree', '1')", "('1')", "()", "('d1',)", "(1)", "'x'"])
        value = self.random.choice(["tree", "1", "%", "%e%", "T%", "_", "d1", "d%", "aa", "train", "v%", "é%", "a%b", "", "READY"])
        return self.random.choice([f"'{value}'", f'"{value}"', value if self.maybe(0.1) else f"'{value}'"]) if loose else f"'{value}'"


TRACKING = (
    ["create_experiment", "get_experiment", "get_experiment_by_name", "update_experiment", "delete_experiment", "restore_experiment", "tag_experiment", "untag_experiment"]
    + ["search_experiments"] * 3
    + ["create_run"] * 4
    + ["get_run"] * 3
    + ["update_run", "update_run", "delete_run", "restore_run", "log_metric", "log_metric", "log_param", "log_param", "set_tag", "delete_tag"]
    + ["log_batch"] * 4
    + ["log_inputs", "search_datasets", "metric_history", "metric_history", "metric_history_bulk", "metric_history_interval"]
    + ["search_runs"] * 10
)
LOGGED = (
    ["create_run", "log_inputs", "get_run", "search_datasets", "delete_run"]
    + ["create_model"] * 4
    + ["get_model", "get_model", "finish_model", "finish_model", "delete_model", "tag_model", "untag_model", "param_model", "output_model"]
    + ["measure_model"] * 4
    + ["search_models"] * 6
)
REGISTRY = (
    ["create_registered"] * 3
    + ["get_registered", "get_registered", "rename_registered", "update_registered", "delete_registered", "latest_versions", "tag_registered", "untag_registered"]
    + ["set_alias", "set_alias", "get_alias", "delete_alias"]
    + ["create_version"] * 6
    + ["get_version", "get_version", "update_version", "stage_version", "stage_version", "delete_version", "download_uri", "tag_version", "tag_version", "untag_version"]
    + ["search_registered"] * 3
    + ["search_versions"] * 3
)
