"""MLflow's webhook client, and receivers that verify what comes with MLflow's own code.

The server may call addresses of 127.0.0.0/8.
"""

import collections
import http.server
import json
import threading


import mlflow
from checks import check, finish, get, request, server, wait_until
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from mlflow.webhooks.constants import WEBHOOK_DELIVERY_ID_HEADER, WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TIMESTAMP_HEADER
from mlflow.webhooks.delivery import _generate_hmac_signature
from mlflow.webhooks.types import EVENT_TO_PAYLOAD_CLASS, get_example_payload_for_event

target = server()
mlflow.set_tracking_uri(target.url)
client = MlflowClient(target.url)

EVENTS = ["registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted", "model_version_alias.created", "model_version_alias.deleted",
          "prompt.created", "prompt_version.created", "prompt_tag.set", "prompt_tag.deleted", "prompt_version_tag.set", "prompt_version_tag.deleted", "prompt_alias.created", "prompt_alias.deleted"]

received = collections.defaultdict(list)
answers = collections.defaultdict(list)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = answers[self.path].pop(0) if answers[self.path] else 200
        received[self.path].append((self.headers, body))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"answered {status}".encode())

    def log_message(self, *_):
        pass


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()


def hook(path):
    return f"http://127.0.0.1:{receiver.server_port}{path}"


def events(*names):
    return [WebhookEvent.from_str(name) for name in names]


def refused(match, call, *words, **named):
    try:
        call(*words, **named)
    except MlflowException as error:
        assert match in str(error), f"{match!r} is not in {error}"
        return error.error_code
    raise AssertionError(f"{call.__name__} did not fail")


def verified(headers, body, secret):
    """The payload, if the signature is the one that MLflow makes of it."""
    timestamp, delivery = headers[WEBHOOK_TIMESTAMP_HEADER], headers[WEBHOOK_DELIVERY_ID_HEADER]
    assert headers[WEBHOOK_SIGNATURE_HEADER] == _generate_hmac_signature(secret, delivery, timestamp, body)
    return json.loads(body)


def told(path, count, secret="shared"):
    """`(entity.action, data)` of the first deliveries to a path, in the order in which they came."""
    wait_until(lambda: len(received[path]) >= count, f"delivery {count} to {path}")
    payloads = [verified(headers, body, secret) for headers, body in received[path]]
    assert len(payloads) == count, payloads
    return [(f"{payload['entity']}.{payload['action']}", payload["data"]) for payload in payloads]


# Begins first: the retry comes after a random wait of seconds, while the other checks run.
answers["/failing"] = [500]
client.create_prompt("told twice")
failing = client.create_webhook("failing", hook("/failing"), events("prompt_tag.set"), secret="shared")
client.set_prompt_tag("told twice", "k", "v")

with check("makes webhooks with a secret that no answer holds, and finds them"):
    made = client.create_webhook("first.hook", "https://example.com/hook", events("model_version_alias.created", "model_version.created"), description="why", secret="not to be told")
    assert (made.name, made.url, made.description, made.status, made.secret) == ("first.hook", "https://example.com/hook", "why", WebhookStatus.ACTIVE, None)
    assert made.events == events("model_version_alias.created", "model_version.created")
    assert made.creation_timestamp == made.last_updated_timestamp > 0
    found = client.get_webhook(made.webhook_id)
    assert vars(found) == vars(made)
    raw = json.dumps([request(target, "GET", path)[2] for path in (f"/api/2.0/mlflow/webhooks/{made.webhook_id}", "/ajax-api/2.0/mlflow/webhooks", "/api/webhooks")])
    assert "not to be told" not in raw and raw.count(made.webhook_id) == 3
    disabled = client.create_webhook("d", "https://example.com/d", events(*EVENTS), status=WebhookStatus.DISABLED)
    assert (disabled.status, disabled.events, disabled.description) == (WebhookStatus.DISABLED, events(*EVENTS), None)
    client.delete_webhook(disabled.webhook_id)
    refused("not found", client.get_webhook, disabled.webhook_id)

with check("lists webhooks page by page, the newest first"):
    ids = [client.create_webhook(f"page{number}", f"https://example.com/{number}", events("prompt.created")).webhook_id for number in range(5)]
    listed, token = [], None
    while True:
        page = client.list_webhooks(max_results=2, page_token=token)
        assert len(page) <= 2
        listed += [each.webhook_id for each in page]
        token = page.token
        if not token:
            break
    assert listed == [*reversed(ids), made.webhook_id, failing.webhook_id]
    assert refused("max_results must be between 1 and 1000", client.list_webhooks, max_results=1001) == "INVALID_PARAMETER_VALUE"
    assert refused("Invalid page token", client.list_webhooks, page_token="bm9uZQ==") == "INVALID_PARAMETER_VALUE"
    for each in ids:
        client.delete_webhook(each)

with check("changes what is named and leaves the rest"):
    changed = client.update_webhook(made.webhook_id, name="second", status=WebhookStatus.DISABLED)
    assert (changed.name, changed.status, changed.url, changed.events, changed.description) == ("second", WebhookStatus.DISABLED, made.url, made.events, "why")
    assert changed.creation_timestamp == made.creation_timestamp and changed.last_updated_timestamp > made.last_updated_timestamp
    again = client.update_webhook(made.webhook_id, url="https://example.com/other", events=events("registered_model.created"), description="", status=WebhookStatus.ACTIVE)
    assert (again.name, again.status, again.url, again.events, again.description) == ("second", WebhookStatus.ACTIVE, "https://example.com/other", events("registered_model.created"), None)
    assert again.last_updated_timestamp > changed.last_updated_timestamp

with check("refuses what it cannot take, in MLflow's words"):
    for call in (client.get_webhook, client.delete_webhook, client.test_webhook, lambda id: client.update_webhook(id, name="x")):
        assert refused("Webhook with ID nonexistent not found", call, "nonexistent") == "RESOURCE_DOES_NOT_EXIST"
    wanted = events("model_version.created")
    for url, match in [("   ", "Webhook URL cannot be empty or just whitespace"), ("ftp://example.com", "Invalid webhook URL scheme"), ("http://[invalid", "Invalid webhook URL"),
                       ("https://", "Invalid webhook URL"), ("https://10.0.0.1/", "Invalid webhook URL"), ("https://a:b@example.com/", "Invalid webhook URL")]:
        assert refused(match, client.update_webhook, made.webhook_id, url=url) == "INVALID_PARAMETER_VALUE", url
        assert refused(match, client.create_webhook, "x", url, wanted) == "INVALID_PARAMETER_VALUE", url
    for name in ["", "a b", ".a", "a-", "x" * 64]:
        assert refused("", client.create_webhook, name, "https://example.com/", wanted) == "INVALID_PARAMETER_VALUE", name
    assert refused("no event 'budget_policy.exceeded'", client.create_webhook, "x", "https://example.com/", events("budget_policy.exceeded")) == "INVALID_PARAMETER_VALUE"
    for pairs, match in [([], "non-empty list"), ([{"entity": "MODEL_VERSION", "action": "SET"}], "Invalid action 'set' for entity 'model_version'. Valid actions are: ['created']"),
                         ([{"entity": "TRACE", "action": "CREATED"}], "Invalid value"), ([{}], "Invalid action")]:
        status, _, answer = request(target, "POST", "/api/2.0/mlflow/webhooks", {"name": "x", "url": "https://example.com/", "events": pairs})
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE") and match in answer["message"], answer
    assert [each.webhook_id for each in client.list_webhooks()] == [made.webhook_id, failing.webhook_id]

with check("sends the example of MLflow for every event to who tests a webhook, signed as MLflow signs"):
    tested = client.create_webhook("tested", hook("/tested"), events("model_version.created", "prompt.created"), secret="shared")
    result = client.test_webhook(tested.webhook_id)
    assert (result.success, result.response_status, result.response_body, result.error_message) == (True, 200, "answered 200", None)
    for name in EVENTS:
        assert client.test_webhook(tested.webhook_id, event=WebhookEvent.from_str(name)).success
    examples = [(name, get_example_payload_for_event(WebhookEvent.from_str(name))) for name in ["model_version.created", *EVENTS]]
    assert told("/tested", len(examples)) == examples
    assert {headers["Content-Type"] for headers, _ in received["/tested"]} == {"application/json"}
    assert len({headers[WEBHOOK_DELIVERY_ID_HEADER] for headers, _ in received["/tested"]}) == len(examples)
    answers["/tested"] = [404, 302]
    for status in (404, 302):
        result = client.test_webhook(tested.webhook_id)
        assert (result.success, result.response_status, result.response_body, result.error_message) == (False, status, f"answered {status}", None)
    unsigned = client.create_webhook("unsigned", hook("/unsigned"), events("model_version.created"))
    assert client.test_webhook(unsigned.webhook_id).success and WEBHOOK_SIGNATURE_HEADER not in received["/unsigned"][0][0]
    client.update_webhook(unsigned.webhook_id, url="http://127.0.0.1:1/")
    result = client.test_webhook(unsigned.webhook_id)
    assert (result.success, result.response_status) == (False, None) and result.error_message.startswith("Failed to test webhook: "), result
    for each in (tested, unsigned):
        client.delete_webhook(each.webhook_id)

with check("delivers what happens to models, with the data that MLflow sends"):
    followed = client.create_webhook("models", hook("/models"), events(*EVENTS), secret="first")
    client.update_webhook(followed.webhook_id, secret="shared")
    run = client.create_run("0")
    client.create_registered_model("told", {"team": "a", "n": 1}, "A model")
    client.set_registered_model_tag("told", "no", "event")
    client.create_model_version("told", "s3://bucket/model", run.info.run_id, {"stage": "new"}, description="The first")
    client.create_model_version("told", "s3://bucket/other")
    client.set_model_version_tag("told", "1", "key", "value é")
    client.delete_model_version_tag("told", "1", "key")
    client.set_registered_model_alias("told", "best", "2")
    client.delete_registered_model_alias("told", "best")
    expected = [
        ("registered_model.created", {"name": "told", "tags": {"team": "a", "n": "1"}, "description": "A model"}),
        ("model_version.created", {"name": "told", "version": "1", "source": "s3://bucket/model", "run_id": run.info.run_id, "tags": {"stage": "new"}, "description": "The first"}),
        ("model_version.created", {"name": "told", "version": "2", "source": "s3://bucket/other", "run_id": None, "tags": {}, "description": None}),
        ("model_version_tag.set", {"name": "told", "version": "1", "key": "key", "value": "value é"}),
        ("model_version_tag.deleted", {"name": "told", "version": "1", "key": "key"}),
        ("model_version_alias.created", {"name": "told", "alias": "best", "version": "2"}),
        ("model_version_alias.deleted", {"name": "told", "alias": "best"}),
    ]
    assert told("/models", len(expected)) == expected
    client.update_webhook(followed.webhook_id, url=hook("/prompts"))

with check("delivers what happens to prompts as events of prompts"):
    client.create_prompt("greeting", description="A prompt", tags={"team": "a"})
    client.create_prompt_version("greeting", "Hello {{name}}!", description="The first", tags={"tone": "kind"})
    client.set_prompt_tag("greeting", "k", "v")
    client.delete_prompt_tag("greeting", "k")
    client.set_prompt_version_tag("greeting", "1", "vk", "vv")
    client.delete_prompt_version_tag("greeting", "1", "vk")
    client.set_prompt_alias("greeting", "live", 1)
    client.delete_prompt_alias("greeting", "live")
    wanted = ["prompt.created", "prompt_version.created", "prompt_tag.set", "prompt_tag.deleted", "prompt_version_tag.set", "prompt_version_tag.deleted", "prompt_alias.created", "prompt_alias.deleted"]
    came = told("/prompts", len(wanted))
    assert [name for name, _ in came] == wanted, came
    for name, data in came:
        event = WebhookEvent.from_str(name)
        assert set(data) == set(EVENT_TO_PAYLOAD_CLASS[event.entity, event.action].__annotations__), (name, data)
    data = dict(came)
    assert (data["prompt.created"]["name"], data["prompt.created"]["description"], data["prompt.created"]["tags"]) == ("greeting", "A prompt", {"team": "a"})
    version = data["prompt_version.created"]
    assert (version["version"], version["template"], version["description"], version["tags"]) == ("1", "Hello {{name}}!", "The first", {"tone": "kind"}), version
    assert data["prompt_alias.created"] == {"name": "greeting", "alias": "live", "version": "1"}

with check("keeps the events of a disabled webhook until it is active"):
    client.update_webhook(followed.webhook_id, url=hook("/paused"), status=WebhookStatus.DISABLED)
    client.create_registered_model("while disabled")
    wait_until(lambda: any(each["id"] == followed.webhook_id and each["pending"] == 1 for each in get(target, "/api/webhooks")["webhooks"]), "the event that waits")
    assert not received["/paused"]
    client.update_webhook(followed.webhook_id, status=WebhookStatus.ACTIVE)
    assert told("/paused", 1) == [("registered_model.created", {"name": "while disabled", "tags": {}, "description": ""})]

with check("is one with the webhooks of Slipway's own interface"):
    standard = request(target, "POST", "/api/webhooks", {"name": "standard", "url": "https://example.com/own"})[2]
    refused(f"Webhook with ID {standard['id']} not found", client.get_webhook, standard["id"])
    own = request(target, "POST", "/api/webhooks", {"name": "own", "url": hook("/own"), "format": "mlflow", "types": ["model.version.*"]})[2]
    seen = client.get_webhook(own["id"])
    assert [str(event) for event in seen.events] == [name for name in EVENTS if "version" in name and "alias" not in name], seen.events
    assert client.test_webhook(own["id"]).success and told("/own", 1, own["secret"])[0][0] == "model_version.created"
    formats = {each["name"]: each["format"] for each in get(target, "/api/webhooks")["webhooks"]}
    assert (formats["models"], formats["own"], formats["standard"]) == ("mlflow", "mlflow", "standard"), formats
    status, _, answer = request(target, "POST", "/api/webhooks", {"name": "own", "url": "https://example.com/own", "format": "mlflow", "types": ["key.created"]})
    assert (status, answer["error"]["code"]) == (400, "INVALID_PARAMETER"), answer
    assert request(target, "POST", f"/api/webhooks/{own['id']}/test")[0] == 200
    assert told("/own", 2, own["secret"])[1] == ("model_version.created", get_example_payload_for_event(seen.events[0]))

with check("tries a receiver that failed again under the same delivery id, and shows both in the list of deliveries"):
    def deliveries():
        return [headers for headers, body in received["/failing"] if verified(headers, body, "shared")["data"] == {"name": "told twice", "key": "k", "value": "v"}]

    wait_until(lambda: len(deliveries()) >= 2, "the retry")
    first, second = deliveries()
    assert first[WEBHOOK_DELIVERY_ID_HEADER] == second[WEBHOOK_DELIVERY_ID_HEADER]
    assert int(second[WEBHOOK_TIMESTAMP_HEADER]) >= int(first[WEBHOOK_TIMESTAMP_HEADER])
    path = f"/api/webhooks/{failing.webhook_id}/deliveries"

    def listed():
        return next(each for each in get(target, path)["deliveries"] if each["object"] == "model:told twice")

    wait_until(lambda: listed()["state"] == "delivered", "the end of the delivery")
    assert (listed()["attempts"], listed()["lastStatus"], listed()["eventId"]) == (2, 200, first[WEBHOOK_DELIVERY_ID_HEADER])
    assert request(target, "POST", f"{path}/{listed()['sequence']}/redeliver")[0] == 200
    wait_until(lambda: len(deliveries()) >= 3, "the delivery that was asked for again")
    assert deliveries()[2][WEBHOOK_DELIVERY_ID_HEADER] == first[WEBHOOK_DELIVERY_ID_HEADER]

receiver.shutdown()
finish()
