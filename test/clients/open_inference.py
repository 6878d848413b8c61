"""tritonclient against every trained model: the predictions are scikit-learn's, on each wire and at each batch size."""

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from checks import assert_equal, check, deploy_trained, finish, server, taken
from models import MODELS
from tritonclient.utils import np_to_triton_dtype

BATCHES = (1, 7, 64, 1000)

target = server()
http = over_http.InferenceServerClient(target.http)
grpc = over_grpc.InferenceServerClient(target.grpc)


def http_inputs(arrays, binary):
    return [
        over_http.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array, binary_data=binary) for name, array in arrays.items()
    ]


def http_outputs(names, binary):
    return [over_http.InferRequestedOutput(name, binary_data=binary) for name in names]


def grpc_inputs(arrays):
    return [over_grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array) for name, array in arrays.items()]


def assert_answer(result, expected, rows, described):
    for name, want in expected.items():
        assert_equal(result.as_numpy(name), want[rows], f"{name} of {described}")


def check_model(name, inputs, expected):
    random = np.random.default_rng(len(name))
    count = len(next(iter(inputs.values())))
    for batch in BATCHES:
        rows = random.integers(0, count, batch)
        sent = taken(inputs, rows)
        described = f"{batch} rows"
        result = http.infer(name, http_inputs(sent, binary=False), outputs=http_outputs(expected, binary=False))
        assert all("data" in output for output in result.get_response()["outputs"]), "JSON was asked for"
        assert_answer(result, expected, rows, f"{described} as JSON")
        assert_answer(http.infer(name, http_inputs(sent, binary=True), outputs=http_outputs(expected, binary=True)), expected, rows, f"{described} as binary data")
        # Without outputs the client asks for all of them, binary.
        assert_answer(http.infer(name, http_inputs(sent, binary=False)), expected, rows, f"{described} without named outputs")
        assert_answer(grpc.infer(name, grpc_inputs(sent)), expected, rows, f"{described} over gRPC")
        for wanted in expected:
            for one in (
                http.infer(name, http_inputs(sent, binary=True), outputs=http_outputs([wanted], binary=False)),
                grpc.infer(name, grpc_inputs(sent), outputs=[over_grpc.InferRequestedOutput(wanted)]),
            ):
                assert_answer(one, {wanted: expected[wanted]}, rows, f"{described}, only {wanted}")
                others = [other for other in expected if other != wanted and one.as_numpy(other) is not None]
                assert others == [], f"only {wanted} was asked for, and {others} came too"


for name in MODELS:
    deployed = None
    with check(f"{name}: the command line deploys it with its training data"):
        deployed, (inputs, expected) = deploy_trained(target, name)
        assert deployed["created"] and deployed["active"], deployed
        contract = deployed["version"]["contract"]
        assert {spec["name"] for spec in contract["signature"]["inputs"]} == set(inputs)
        assert {spec["name"] for spec in contract["signature"]["outputs"]} == set(expected)
        assert contract["referenceProfile"]["rows"] == len(next(iter(inputs.values())))
        assert contract["referenceProfile"]["ignoredColumns"] == ["target"] or contract["referenceProfile"].get("target") == "target"
        zipped = [note for note in deployed["notes"] if "ZipMap" in note]
        assert (len(zipped) > 0) == ("output_probability" in expected), deployed["notes"]
    if deployed is None:
        continue
    with check(f"{name}: JSON, binary data and gRPC answer what scikit-learn does, for {', '.join(map(str, BATCHES))} rows"):
        check_model(name, inputs, expected)

finish()
