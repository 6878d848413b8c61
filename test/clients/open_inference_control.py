"""tritonclient beyond inference: health, metadata, configuration, statistics, the repository, and what failures tell."""

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from checks import change_policy, check, deploy, deploy_trained, finish, get, server, taken, wait_until
from graphs import identity, loop, lookup
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

target = server()
http = over_http.InferenceServerClient(target.http)
grpc = over_grpc.InferenceServerClient(target.grpc)

answer, (inputs, expected) = deploy_trained(target, "controlled", "mixed-columns")
deploy(target, "halves", lookup(target.directory / "lookup.onnx"))
SOME = taken(inputs, slice(0, 5))


def http_inputs(arrays, binary=True):
    return [over_http.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array, binary_data=binary) for name, array in arrays.items()]


def grpc_inputs(arrays):
    return [over_grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array) for name, array in arrays.items()]


def refused(call, rest, wire, *words):
    """Both clients raise with that status and a text that has the words."""
    for client, make, status in ((http, http_inputs, rest), (grpc, grpc_inputs, f"StatusCode.{wire}")):
        try:
            call(client, make)
        except InferenceServerException as error:
            assert error.status() == status, f"status {error.status()}, not {status}: {error}"
            for word in words:
                assert word in error.message(), f"{word!r} is not in: {error}"
        else:
            raise AssertionError(f"{client.__module__} got an answer")


def answers(model="halves"):
    value = np.array([[3]], dtype=np.int64)
    return http.infer(model, http_inputs({"X": value})).as_numpy("Y").tolist() == grpc.infer(model, grpc_inputs({"X": value})).as_numpy("Y").tolist() == [[1.5]]


with check("live and ready: the server, a model, its version, and not one that is not there"):
    for client in (http, grpc):
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("controlled") and client.is_model_ready("controlled", "1")
        assert not client.is_model_ready("controlled", "2") and not client.is_model_ready("nobody")

with check("server metadata"):
    rest, wire = http.get_server_metadata(), grpc.get_server_metadata()
    assert rest["name"] == wire.name == "slipway" and rest["version"] == wire.version == get(target, "/api/server")["version"]
    assert rest["extensions"] == list(wire.extensions) and "binary_tensor_data" in rest["extensions"]

with check("model metadata: names, datatypes and shapes as skl2onnx wrote them"):
    rest, wire = http.get_model_metadata("controlled"), grpc.get_model_metadata("controlled", "1")
    wanted = {"soil": "BYTES", "colour": "BYTES", "alcohol": "FP32", "proline": "FP32", "bottles": "INT64"}
    assert {tensor["name"]: tensor["datatype"] for tensor in rest["inputs"]} == {tensor.name: tensor.datatype for tensor in wire.inputs} == wanted
    assert all(tensor["shape"] == [-1, 1] for tensor in rest["inputs"]) and all(list(tensor.shape) == [-1, 1] for tensor in wire.inputs)
    assert {tensor["name"]: tensor["shape"] for tensor in rest["outputs"]} == {tensor.name: list(tensor.shape) for tensor in wire.outputs}
    assert rest["platform"] == wire.platform == "onnx_onnxv1" and rest["versions"] == list(wire.versions) == ["1"]

with check("model configuration"):
    rest, wire = http.get_model_config("controlled"), grpc.get_model_config("controlled").config
    assert rest["name"] == wire.name == "controlled" and rest["max_batch_size"] == wire.max_batch_size == 64
    assert [tensor["name"] for tensor in rest["input"]] == [tensor.name for tensor in wire.input]
    assert rest["input"][0]["data_type"] == "TYPE_STRING" and list(wire.input[0].dims) == [1]
    as_json = grpc.get_model_config("controlled", as_json=True)["config"]
    assert as_json["backend"] == rest["backend"] == "onnxruntime", as_json

with check("statistics count requests, rows and failures"):
    before = http.get_inference_statistics("halves")["model_stats"][0]
    for rows in (1, 3, 5):
        http.infer("halves", http_inputs({"X": np.full((rows, 1), 4, dtype=np.int64)}))
    grpc.infer("halves", grpc_inputs({"X": np.full((2, 1), 4, dtype=np.int64)}))
    refused(lambda client, make: client.infer("halves", make({"X": np.full((1, 1), 99, dtype=np.int64)})), "400", "INVALID_ARGUMENT")
    rest, wire = http.get_inference_statistics("halves", "1")["model_stats"][0], grpc.get_inference_statistics("halves").model_stats[0]
    grown = rest["inference_stats"]["success"]["count"] - before["inference_stats"]["success"]["count"]
    failed = rest["inference_stats"]["fail"]["count"] - before["inference_stats"]["fail"]["count"]
    assert (grown, failed) == (4, 2) and rest["inference_count"] - before["inference_count"] == 11, rest
    assert wire.inference_count == rest["inference_count"] and wire.inference_stats.success.count == rest["inference_stats"]["success"]["count"]
    assert wire.inference_stats.success.ns > 0 and rest["last_inference"] > 1.6e12
    everything = {stats["name"] for stats in http.get_inference_statistics()["model_stats"]}
    assert {"halves", "controlled"} <= everything == {stats.name for stats in grpc.get_inference_statistics().model_stats}

with check("the repository index names every version with its state"):
    rest = {(entry["name"], entry["version"]): entry["state"] for entry in http.get_model_repository_index()}
    wire = {(entry.name, entry.version): entry.state for entry in grpc.get_model_repository_index().models}
    assert rest == wire and rest["halves", "1"] == rest["controlled", "1"] == "READY", rest

with check("unload and load, by each client"):
    for client in (http, grpc):
        client.unload_model("halves")
        assert not http.is_model_ready("halves") and not grpc.is_model_ready("halves")
        assert http.is_server_ready() and grpc.is_server_ready(), "a model that is unloaded on purpose does not make the server unready"
        refused(lambda other, make: other.infer("halves", make({"X": np.array([[3]], dtype=np.int64)})), "503", "UNAVAILABLE", "halves")
        client.load_model("halves")
        assert http.is_model_ready("halves") and grpc.is_model_ready("halves", "1") and answers()
    refused(lambda client, _: client.load_model("nobody"), "404", "NOT_FOUND", "nobody")
    refused(lambda client, _: client.unload_model("nobody"), "404", "NOT_FOUND", "nobody")
    refused(lambda client, _: client.load_model("halves", config="{}"), "501", "UNIMPLEMENTED", "config")

with check("a new version takes over; the former one is gone when it is drained"):
    deploy(target, "swapped", identity(target.directory / "swapped.onnx", ["INT64"]))
    deploy(target, "swapped", lookup(target.directory / "lookup.onnx"))
    assert answers("swapped") and http.infer("swapped", http_inputs({"X": np.array([[3]], dtype=np.int64)}), model_version="2").get_response()["model_version"] == "2"
    wait_until(lambda: not http.is_model_ready("swapped", "1"), "unloading the former version")
    http.load_model("swapped", config=None)
    refused(lambda client, make: client.infer("swapped", make({"X": np.array([[3]], dtype=np.int64)}), model_version="7"), "404", "NOT_FOUND", "7")

with check("wrong names, shapes, datatypes and values are told by name"):
    refused(lambda client, make: client.infer("nobody", make(SOME)), "404", "NOT_FOUND", "nobody")
    refused(lambda client, _: client.get_model_metadata("nobody"), "404", "NOT_FOUND", "nobody")
    refused(lambda client, _: client.get_model_config("nobody"), "404", "NOT_FOUND", "nobody")
    refused(lambda client, _: client.get_inference_statistics("nobody"), "404", "NOT_FOUND", "nobody")
    wide = SOME | {"alcohol": np.ones((5, 2), dtype=np.float32)}
    refused(lambda client, make: client.infer("controlled", make(wide)), "400", "INVALID_ARGUMENT", "[5,2]", "[-1,1]")
    flat = SOME | {"alcohol": np.ones(5, dtype=np.float32)}
    refused(lambda client, make: client.infer("controlled", make(flat)), "400", "INVALID_ARGUMENT", "1 dimension")
    double = SOME | {"alcohol": SOME["alcohol"].astype(np.float64)}
    refused(lambda client, make: client.infer("controlled", make(double)), "400", "INVALID_ARGUMENT", "FP64", "FP32", "alcohol")
    uneven = SOME | {"alcohol": np.ones((4, 1), dtype=np.float32)}
    refused(lambda client, make: client.infer("controlled", make(uneven)), "400", "INVALID_ARGUMENT", "4", "5")
    less = {name: array for name, array in SOME.items() if name != "proline"}
    refused(lambda client, make: client.infer("controlled", make(less)), "400", "INVALID_ARGUMENT", "proline")
    more = SOME | {"vintage": SOME["bottles"]}
    refused(lambda client, make: client.infer("controlled", make(more)), "400", "INVALID_ARGUMENT", "vintage")
    empty = {name: array[:0] for name, array in SOME.items()}
    refused(lambda client, make: client.infer("controlled", make(empty)), "400", "INVALID_ARGUMENT", "no rows")
    gap = SOME | {"proline": np.where(np.arange(5).reshape(-1, 1) == 3, np.nan, SOME["proline"]).astype(np.float32)}
    refused(lambda client, make: client.infer("controlled", make(gap)), "400", "INVALID_ARGUMENT", "[3]", "--allow-missing")
    refused(lambda client, make: client.infer("halves", make({"X": np.array([[99]], dtype=np.int64)})), "400", "INVALID_ARGUMENT", "99")
    for client, make, wanted in ((http, http_inputs, over_http), (grpc, grpc_inputs, over_grpc)):
        try:
            client.infer("controlled", make(SOME), outputs=[wanted.InferRequestedOutput("probabilities")])
        except InferenceServerException as error:
            assert "probabilities" in error.message() and "output_probability" in error.message(), error
        else:
            raise AssertionError("an output that the model does not have came back")
    # One bad answer after the other left the server as it was.
    assert answers()

with check("what Triton has and Slipway has not is refused with a text, not with a puzzle"):
    for call in ("get_trace_settings", "get_log_settings", "get_system_shared_memory_status", "get_cuda_shared_memory_status"):
        for client in (http, grpc):
            try:
                getattr(client, call)()
            except InferenceServerException as error:
                assert error.status() in ("404", "501", "StatusCode.UNIMPLEMENTED"), error
                assert isinstance(error.message(), str) and len(error.message()) > 10, f"{call}: {error.message()!r}"
            else:
                raise AssertionError(f"{call} was answered")

with check("parameters that Triton's scheduler knows, and a caller's own, do no harm"):
    value = np.array([[4]], dtype=np.int64)
    for client, make in ((http, http_inputs), (grpc, grpc_inputs)):
        result = client.infer("halves", make({"X": value}), priority=1, timeout=20_000_000, parameters={"a": "text", "b": True, "c": 7, "d": 0.5})
        assert result.as_numpy("Y").tolist() == [[2.0]]
        assert client.infer("halves", make({"X": value}), sequence_id=5, sequence_start=True).as_numpy("Y").tolist() == [[2.0]]

with check("a model that never returns ends in the deadline, and everything else goes on"):
    deploy(target, "endless", loop(target.directory / "loop.onnx"))
    change_policy(target, "endless", serving={"deadlineMs": 20_000})
    short, endless = {"X": np.array([[3]], dtype=np.int64)}, {"X": np.array([[2**62]], dtype=np.int64)}
    assert http.infer("endless", http_inputs(short)).as_numpy("Y").tolist() == [[3]]
    # The request's own timeout, in microseconds, over both doors.
    refused(lambda client, make: client.infer("endless", make(endless), timeout=300_000), "504", "DEADLINE_EXCEEDED", "deadline")
    assert answers() and http.is_server_ready()
    # The deadline of the call.
    try:
        grpc.infer("endless", grpc_inputs(endless), client_timeout=0.3)
    except InferenceServerException as error:
        assert error.status() == "StatusCode.DEADLINE_EXCEEDED", error
    else:
        raise AssertionError("it was answered")
    assert answers()
    # A client that hangs up, and one that cancels.
    impatient = over_http.InferenceServerClient(target.http, network_timeout=0.3)
    try:
        impatient.infer("endless", http_inputs(endless))
    except Exception as error:  # noqa: BLE001: which one is the HTTP library's choice
        assert "timed out" in str(error).lower() or "timeout" in type(error).__name__.lower(), repr(error)
    else:
        raise AssertionError("it was answered")
    cancelled = grpc.async_infer("endless", grpc_inputs(endless), callback=lambda result, error: None)
    cancelled.cancel()
    assert answers()
    # The runner that was stuck is replaced, and the next caller gets an answer.
    restarts = get(target, "/api/models/endless")["served"][0]["runners"]["restarts"]
    assert restarts >= 1, "no runner was replaced"
    for client, make in ((http, http_inputs), (grpc, grpc_inputs)):
        assert client.infer("endless", make(short)).as_numpy("Y").tolist() == [[3]]

finish()
