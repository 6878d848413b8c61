"""tritonclient: every datatype at its limits comes back unchanged, however the request travels."""

import itertools

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from checks import assert_equal, check, deploy, finish, server
from graphs import ELEMENTS, identity
from tritonclient.utils import InferenceServerException, np_to_triton_dtype, triton_to_np_dtype

target = server()
http = over_http.InferenceServerClient(target.http)
grpc = over_grpc.InferenceServerClient(target.grpc)

TEXTS = ["", "plain", "Ünïcödé", "日本語", "🦊 and 𝄞", '"quoted" \\ back', "tab\tnew\nline\r", "\x01\x7f", "e\u0301 is not é", "\u2028\ufeff", " ", "x" * 70_000]


def sample(datatype):
    """Two columns: the limits of the datatype, and values that lose something in a wrong conversion."""
    if datatype == "BYTES":
        return np.array(TEXTS, dtype=object).reshape(-1, 2)
    if datatype == "BOOL":
        return np.array([[True, False], [False, True], [True, True]])
    kind = triton_to_np_dtype(datatype)
    if datatype.startswith("FP"):
        info = np.finfo(kind)
        finite = [0.0, -0.0, 1.0, -1.5, info.max, info.min, info.tiny, info.smallest_subnormal, info.eps, kind(0.1), kind(1 / 3), kind(16777217.0) if datatype != "FP16" else kind(2049.0)]
        return np.array(finite, dtype=kind).reshape(-1, 2)
    info = np.iinfo(kind)
    values = [info.min, info.max, 0, 1, info.max - 1, info.max // 3]
    if info.bits == 64:
        values += [2**53 + 1, 2**53 - 1, 2**62 + 3, info.min + 1]
    return np.array(values, dtype=kind).reshape(-1, 2)


def assert_same(got, want, what):
    """To the last bit, the sign of zero included."""
    if want.dtype == object:
        return assert_equal(got, want, what)
    assert got.dtype == want.dtype and got.shape == want.shape, f"{what} is {got.dtype} {got.shape}, not {want.dtype} {want.shape}"
    assert got.tobytes() == want.tobytes(), f"{what} came back as {got.tolist()}, not {want.tolist()}"


def http_input(name, array, binary=True):
    return over_http.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array, binary_data=binary)


def grpc_input(name, array):
    return over_grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array)


def output(datatype, binary=True):
    return over_http.InferRequestedOutput(f"Y_{datatype.lower()}", binary_data=binary)


def refusal(call):
    """The exception of a request that must be refused, with the text that its caller reads."""
    try:
        call()
    except InferenceServerException as error:
        return error
    raise AssertionError("it was answered")


for datatype in ELEMENTS:
    name, want = f"identity-{datatype.lower()}", sample(datatype)
    with check(f"{datatype}: limits and awkward values survive every wire"):
        deploy(target, name, identity(target.directory / f"{name}.onnx", [datatype]))
        source, answer = f"X_{datatype.lower()}", f"Y_{datatype.lower()}"
        for binary_in, binary_out in itertools.product([True, False], repeat=2):
            if datatype == "FP16" and not (binary_in and binary_out):
                continue
            result = http.infer(name, [http_input(source, want, binary_in)], outputs=[output(datatype, binary_out)])
            assert_same(result.as_numpy(answer), want, f"{datatype}, binary_data in {binary_in} out {binary_out}")
        assert_same(http.infer(name, [http_input(source, want)]).as_numpy(answer), want, f"{datatype} without named outputs")
        assert_same(grpc.infer(name, [grpc_input(source, want)]).as_numpy(answer), want, f"{datatype} over gRPC")

with check("FP16 as JSON is refused, and the text says what to do"):
    for binary in (True, False):
        error = refusal(lambda: http.infer("identity-fp16", [http_input("X_fp16", sample("FP16"), binary)], outputs=[output("FP16", not binary)]))  # noqa: B023
        assert error.status() == "400" and "FP16" in error.message() and "binary" in error.message(), error

with check("bytes that are no text are refused with their place"):
    for call in (
        lambda: http.infer("identity-bytes", [http_input("X_bytes", np.array([[b"good", b"\xff\xfe"]], dtype=object))]),
        lambda: grpc.infer("identity-bytes", [grpc_input("X_bytes", np.array([[b"good", b"\xff\xfe"]], dtype=object))]),
    ):
        error = refusal(call)
        assert error.status() in ("400", "StatusCode.INVALID_ARGUMENT") and "UTF-8" in error.message() and "1" in error.message(), error

with check("a text with a zero character, which the runtime would cut, is refused and not cut"):
    for binary in (True, False):
        error = refusal(lambda: http.infer("identity-bytes", [http_input("X_bytes", np.array([["a\x00b", "c"]], dtype=object), binary)]))  # noqa: B023
        assert error.status() == "400" and "zero character" in error.message() and "X_bytes" in error.message(), error

with check("all datatypes travel in one request, some binary and some not"):
    identity(target.directory / "everything.onnx", ELEMENTS)
    deploy(target, "everything", target.directory / "everything.onnx")
    arrays = {datatype: np.resize(sample(datatype), (3, 2)) for datatype in ELEMENTS}
    mixed = {datatype: index % 2 == 0 or datatype == "FP16" for index, datatype in enumerate(ELEMENTS)}
    result = http.infer(
        "everything",
        [http_input(f"X_{datatype.lower()}", array, mixed[datatype]) for datatype, array in arrays.items()],
        outputs=[output(datatype, not mixed[datatype] or datatype == "FP16") for datatype in reversed(arrays)],
    )
    for datatype, want in arrays.items():
        assert_same(result.as_numpy(f"Y_{datatype.lower()}"), want, datatype)
    result = grpc.infer("everything", [grpc_input(f"X_{datatype.lower()}", array) for datatype, array in reversed(arrays.items())])
    for datatype, want in arrays.items():
        assert_same(result.as_numpy(f"Y_{datatype.lower()}"), want, f"{datatype} over gRPC")

with check("missing values travel where the model takes them, and infinities are refused"):
    identity(target.directory / "missing.onnx", ["FP32", "FP64"])
    deploy(target, "missing", target.directory / "missing.onnx", "--allow-missing")
    single, double = np.array([[np.nan], [1]], dtype=np.float32), np.array([[2], [np.nan]], dtype=np.float64)
    for binary in (True, False):
        result = http.infer("missing", [http_input("X_fp32", single, binary), http_input("X_fp64", double, binary)], outputs=[output("FP32", binary), output("FP64", binary)])
        assert_equal(result.as_numpy("Y_fp32"), single, f"NaN, binary {binary}")
        assert_equal(result.as_numpy("Y_fp64"), double, f"NaN, binary {binary}")
        endless = np.array([[np.inf], [1]], dtype=np.float32)
        error = refusal(lambda: http.infer("missing", [http_input("X_fp32", endless, binary), http_input("X_fp64", double, binary)]))  # noqa: B023
        assert error.status() == "400" and "inputs[0].data[0] is infinite" in error.message(), error
    result = grpc.infer("missing", [grpc_input("X_fp32", single), grpc_input("X_fp64", double)])
    assert_equal(result.as_numpy("Y_fp32"), single, "NaN over gRPC")
    error = refusal(lambda: grpc.infer("identity-fp32", [grpc_input("X_fp32", single)]))
    assert error.status() == "StatusCode.INVALID_ARGUMENT" and "--allow-missing" in error.message(), error

with check("gzip and deflate in both directions, binary and JSON"):
    want = np.arange(20_000, dtype=np.int64).reshape(-1, 2) + 2**60
    for request, response, binary in itertools.product([None, "gzip", "deflate"], [None, "gzip", "deflate"], [True, False]):
        result = http.infer(
            "identity-int64", [http_input("X_int64", want, binary)], outputs=[output("INT64", binary)],
            request_compression_algorithm=request, response_compression_algorithm=response,
        )
        assert_same(result.as_numpy("Y_int64"), want, f"request {request}, response {response}, binary {binary}")
    for compression in (None, "gzip", "deflate"):
        result = grpc.infer("identity-int64", [grpc_input("X_int64", want)], compression_algorithm=compression)
        assert_same(result.as_numpy("Y_int64"), want, f"gRPC with {compression}")

with check("the caller's request_id comes back, and every answer names its prediction"):
    want = sample("INT8")
    for request_id in ("", "42", "Ünïcödé 🦊", "x" * 200):
        over_rest = http.infer("identity-int8", [http_input("X_int8", want)], request_id=request_id).get_response()
        over_wire = grpc.infer("identity-int8", [grpc_input("X_int8", want)], request_id=request_id).get_response()
        assert over_rest.get("id", "") == request_id and over_wire.id == request_id, (over_rest.get("id"), over_wire.id)
        assert over_rest["model_name"] == over_wire.model_name == "identity-int8"
        assert over_rest["model_version"] == over_wire.model_version == "1"
        assert over_rest["parameters"]["prediction_id"].startswith("prd_")
        assert over_wire.parameters["prediction_id"].string_param.startswith("prd_")

finish()
