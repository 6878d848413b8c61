"""How the clients that people have show an API key: tritonclient over HTTP and gRPC, MLflow's client, requests, and the command line.

The second word of the command line is a JSON object of keys: deployer, viewer (of the model m alone), stranger (of another
team) and revoked.
"""

import base64
import json
import os
import sys

import numpy as np
import requests
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from checks import check, finish, server, slipway
from mlflow.tracking._tracking_service.utils import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from tritonclient.grpc.auth import BasicAuth as GrpcBasicAuth
from tritonclient.http.auth import BasicAuth as HttpBasicAuth
from tritonclient.utils import InferenceServerException

target = server()
keys = json.loads(sys.argv[2])
features = np.array([[21.0]], dtype=np.float32)


def http_infer(client, headers=None):
    return client.infer("m", [over_http.InferInput("features", [1, 1], "FP32").set_data_from_numpy(features)], headers=headers)


def grpc_infer(client, metadata=None):
    return client.infer("m", [over_grpc.InferInput("features", [1, 1], "FP32").set_data_from_numpy(features)], headers=metadata)


def answered(result):
    output = result.as_numpy("score")
    assert float(output.reshape(-1)[0]) == 42.0, output


def refused(call, *words):
    try:
        call()
    except InferenceServerException as error:
        text = f"{error.status()} {error.message()}"
        assert any(word in text for word in words), text
        assert "slk_" not in text.replace("slk_...", ""), "the answer tells a key"
        return
    raise AssertionError("the call was answered")


def bearer(key):
    return {"authorization": f"Bearer {key}"}


http = over_http.InferenceServerClient(target.http)
grpc = over_grpc.InferenceServerClient(target.grpc)

with check("tritonclient over HTTP, with the key in a header"):
    for key in (keys["viewer"], keys["deployer"]):
        answered(http_infer(http, bearer(key)))
    assert http.is_server_live() and http.is_server_ready()
    assert http.is_model_ready("m", headers=bearer(keys["viewer"]))
    assert [each["name"] for each in http.get_model_repository_index(headers=bearer(keys["viewer"]))] == ["m"]
    assert http.get_model_repository_index(headers=bearer(keys["stranger"])) == []

with check("tritonclient over HTTP, with its plugin for Basic"):
    plugged = over_http.InferenceServerClient(target.http)
    plugged.register_plugin(HttpBasicAuth("anyone", keys["viewer"]))
    answered(http_infer(plugged))

with check("tritonclient over HTTP, without a good key"):
    refused(lambda: http_infer(http), "API key")
    refused(lambda: http_infer(http, bearer(keys["revoked"])), "revoked")
    refused(lambda: http_infer(http, bearer(keys["stranger"])), 'no model named "m"')
    refused(lambda: http.load_model("m", headers=bearer(keys["viewer"])), "role deployer")
    http.load_model("m", headers=bearer(keys["deployer"]))

with check("tritonclient over gRPC, with the key in the metadata"):
    for key in (keys["viewer"], keys["deployer"]):
        answered(grpc_infer(grpc, bearer(key)))
    assert grpc.is_server_live() and grpc.is_server_ready()
    assert grpc.is_model_ready("m", headers=bearer(keys["viewer"]))
    assert not grpc.is_model_ready("m", headers=bearer(keys["stranger"]))

with check("tritonclient over gRPC, with its plugin for Basic"):
    plugged = over_grpc.InferenceServerClient(target.grpc)
    plugged.register_plugin(GrpcBasicAuth("", keys["viewer"]))
    answered(grpc_infer(plugged))

with check("tritonclient over gRPC, without a good key"):
    refused(lambda: grpc_infer(grpc), "UNAUTHENTICATED")
    refused(lambda: grpc_infer(grpc, bearer(keys["revoked"])), "UNAUTHENTICATED")
    refused(lambda: grpc_infer(grpc, bearer(keys["stranger"])), "NOT_FOUND")
    refused(lambda: grpc.load_model("m", headers=bearer(keys["viewer"])), "PERMISSION_DENIED")

with check("tritonclient's stream over gRPC"):
    for key, word in ((keys["viewer"], None), (keys["revoked"], "revoked"), (keys["stranger"], "no model named")):
        answers = []
        streaming = over_grpc.InferenceServerClient(target.grpc)
        streaming.start_stream(lambda result, error, answers=answers: answers.append((result, error)), headers=bearer(key))
        try:
            streaming.async_stream_infer("m", [over_grpc.InferInput("features", [1, 1], "FP32").set_data_from_numpy(features)])
        except InferenceServerException as refusal:
            # The refusal of the stream was there before the first message: the client says so here, and the reason to the callback.
            assert word is not None and "no longer in valid state" in str(refusal), refusal
        streaming.stop_stream()
        assert len(answers) == 1, answers
        result, error = answers[0]
        if word is None:
            answered(result)
        else:
            assert word in str(error), error

with check("MLflow's client, with MLFLOW_TRACKING_TOKEN"):
    os.environ["MLFLOW_TRACKING_TOKEN"] = keys["viewer"]
    answer = http_request(get_default_host_creds(target.url), "/api/models", "GET")
    assert answer.status_code == 200 and [model["name"] for model in answer.json()["models"]] == ["m"], answer.text
    os.environ["MLFLOW_TRACKING_TOKEN"] = keys["revoked"]
    assert http_request(get_default_host_creds(target.url), "/api/models", "GET").status_code == 401
    del os.environ["MLFLOW_TRACKING_TOKEN"]

with check("MLflow's client, with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"):
    os.environ |= {"MLFLOW_TRACKING_USERNAME": "anyone", "MLFLOW_TRACKING_PASSWORD": keys["viewer"]}
    answer = http_request(get_default_host_creds(target.url), "/api/models", "GET")
    assert answer.status_code == 200, answer.text

with check("requests, with the key as password, as user name, and in the address"):
    for auth in (("anyone", keys["viewer"]), ("", keys["viewer"]), (keys["viewer"], "")):
        assert requests.get(f"{target.url}/api/models", auth=auth, timeout=60).status_code == 200, auth
    assert requests.get(f"http://key:{keys['viewer']}@{target.http}/api/models", timeout=60).status_code == 200
    refusal = requests.get(f"{target.url}/api/models", timeout=60)
    assert refusal.status_code == 401 and refusal.headers["WWW-Authenticate"] == 'Basic realm="slipway", Bearer', refusal.headers
    assert base64.b64encode(keys["viewer"].encode()).decode() not in refusal.text

with check("the command line, with SLIPWAY_API_KEY"):
    os.environ["SLIPWAY_API_KEY"] = keys["viewer"]
    assert slipway(target, "whoami")["caller"]["grants"] == [{"role": "viewer", "team": "*", "models": ["m"]}]
    assert [model["name"] for model in slipway(target, "models")["models"]] == ["m"]
    os.environ["SLIPWAY_API_KEY"] = keys["deployer"]
    made = slipway(target, "keys", "create", "ci", "--role", "viewer", "--model", "m", "--expires-days", "1")
    assert made["key"].startswith("slk_") and made["grants"] == [{"role": "viewer", "team": "*", "models": ["m"]}], made
    assert made["id"] in [key["id"] for key in slipway(target, "keys", "list")["keys"]]
    assert slipway(target, "keys", "revoke", made["id"])["revokedAt"] is not None
    for words in (["keys", "create", "root", "--role", "admin"], ["teams", "create", "mine"]):
        try:
            slipway(target, *words)
        except RuntimeError as error:
            assert "SCOPE_TOO_WIDE" in str(error) or "FORBIDDEN" in str(error), error
        else:
            raise AssertionError(f"slipway {' '.join(words)} was answered")

finish()
