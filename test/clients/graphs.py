"""Small graphs made by hand with onnx.helper, each for one thing that a trained model does not show."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]

# Datatype of the Open Inference Protocol -> element type of ONNX.
ELEMENTS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def save(path, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(initializers))
    path.write_bytes(helper.make_model(graph, opset_imports=OPSET, ir_version=8).SerializeToString())
    return path


def value(name, datatype, shape):
    return helper.make_tensor_value_info(name, ELEMENTS[datatype], shape)


def identity(path, datatypes, shape=("rows", "width")):
    """Input `X_fp32` -> output `Y_fp32`, and so on for each datatype."""
    names = {datatype: datatype.lower() for datatype in datatypes}
    return save(
        path,
        [helper.make_node("Identity", [f"X_{name}"], [f"Y_{name}"]) for name in names.values()],
        [value(f"X_{name}", datatype, list(shape)) for datatype, name in names.items()],
        [value(f"Y_{name}", datatype, list(shape)) for datatype, name in names.items()],
    )


def columns(path, datatypes):
    """Inputs of one value a row, named as given -> the same under `out_NAME`."""
    return save(
        path,
        [helper.make_node("Identity", [name], [f"out_{name}"]) for name in datatypes],
        [value(name, datatype, ["rows", 1]) for name, datatype in datatypes.items()],
        [value(f"out_{name}", datatype, ["rows", 1]) for name, datatype in datatypes.items()],
    )


def loop(path):
    """`X` INT64 [rows, 1] -> `Y`, the same, after as many turns of a loop as the largest value says."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["sum", "one"], ["sum_out"])],
        "body",
        [value("turn", "INT64", []), value("go", "BOOL", []), value("sum", "INT64", [])],
        [value("go_on", "BOOL", []), value("sum_out", "INT64", [])],
        [numpy_helper.from_array(np.array(1, dtype=np.int64), "one")],
    )
    return save(
        path,
        [
            helper.make_node("ReduceMax", ["X"], ["turns"], keepdims=0),
            helper.make_node("Loop", ["turns", "true", "zero"], ["counted"], body=body),
            helper.make_node("Mul", ["counted", "zero"], ["nothing"]),
            helper.make_node("Add", ["X", "nothing"], ["Y"]),
        ],
        [value("X", "INT64", ["rows", 1])],
        [value("Y", "INT64", ["rows", 1])],
        [numpy_helper.from_array(np.array(True), "true"), numpy_helper.from_array(np.array(0, dtype=np.int64), "zero")],
    )


def lookup(path):
    """`X` INT64 [rows, 1] -> `Y` FP32 [rows, 1]: X halved for 0 to 9; the model refuses every other value."""
    table = numpy_helper.from_array(np.arange(10, dtype=np.float32) / 2, "table")
    return save(path, [helper.make_node("Gather", ["table", "X"], ["Y"])], [value("X", "INT64", ["rows", 1])], [value("Y", "FP32", ["rows", 1])], [table])
