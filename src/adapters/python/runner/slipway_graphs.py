"""Graphs of ONNX with the inputs and outputs of a signature around what a converter made: names, datatypes and ranks stay those of the model as it was served."""

import copy
import importlib

# Names that the inputs and outputs of a signature must not meet in a converted graph.
PREFIX = "m_"


class CannotExport(Exception):
    """There is no form of this model in ONNX, or the converter failed; the message is for people."""


def adapted(model, inputs, reference, notes):
    """`inputs` are those of the signature, `reference` what the library answered: what it does not answer is left out, and noted."""
    onnx = importlib.import_module("onnx")
    model = importlib.import_module("onnx.compose").add_prefix(model, PREFIX)
    graph = model.graph
    initializers = {one.name for one in graph.initializer}
    before = feed_nodes(onnx, inputs, [one for one in graph.input if one.name not in initializers])
    after, outputs, left = [], [], {one.name[len(PREFIX) :]: one for one in graph.output}
    for position, wanted in enumerate(reference):
        found = left.pop(wanted.name, None) or left.pop(own_name(wanted.name, position, list(left)), None)
        if found is None:
            raise CannotExport(f"The converted model has no output for {wanted.name}: it has {', '.join(left) or 'none'}.")
        after += answer_nodes(onnx, wanted, found)
        outputs.append(output_info(onnx, wanted, found, open_rows(inputs)))
    if left:
        notes.append(f"Outputs that the model itself does not answer were left out: {', '.join(sorted(left))[:200]}.")
    given = [onnx.helper.make_tensor_value_info(one["name"], onnx_type(onnx, one["datatype"]), open_shape(one["shape"])) for one in inputs]
    for field, values in (("node", [*before, *graph.node, *after]), ("input", given), ("output", outputs)):
        kept = [copy.deepcopy(one) for one in values]
        graph.ClearField(field)
        getattr(graph, field).extend(kept)
    graph.ClearField("value_info")
    return model


def open_rows(inputs):
    return all(one["shape"] and one["shape"][0] == -1 for one in inputs)


def own_name(wanted, position, names):
    """Under which name the converters know an output."""
    if wanted == "probabilities":
        return next((name for name in ("probabilities", "output_probability") if name in names), None)
    return next((name for name in ("label", "output_label", "variable") if name in names), names[0] if position == 0 and names else None)


def onnx_type(onnx, datatype):
    name = {"BYTES": "STRING", "FP16": "FLOAT16", "FP32": "FLOAT", "FP64": "DOUBLE"}.get(datatype, datatype)
    return getattr(onnx.TensorProto, name)


def open_shape(shape):
    return [size if size >= 0 else "rows" if index == 0 else f"size{index}" for index, size in enumerate(shape)]


def dims_of(info):
    return [one.dim_value if one.HasField("dim_value") else one.dim_param or None for one in info.type.tensor_type.shape.dim]


def feed_nodes(onnx, inputs, inner):
    """Nodes from the inputs of the signature to those of the converted graph."""
    make = onnx.helper.make_node
    axes = onnx.helper.make_tensor("slipway_axis", onnx.TensorProto.INT64, [1], [1])
    nodes = [make("Constant", [], ["slipway_axis"], value=axes)]

    def cast(source, target, rank, info):
        """One input as the graph wants it: of its type, a column as a matrix."""
        steps = source
        if rank == 1 and len(dims_of(info)) == 2:
            nodes.append(make("Unsqueeze", [steps, "slipway_axis"], [f"{target}_column"]))
            steps = f"{target}_column"
        nodes.append(make("Identity" if info.type.tensor_type.elem_type == onnx.TensorProto.STRING else "Cast", [steps], [target], **cast_to(onnx, info)))

    if len(inner) == len(inputs):
        by_name = {one.name[len(PREFIX) :]: one for one in inner}
        for index, one in enumerate(inputs):
            info = by_name.get(one["name"], inner[index])
            cast(one["name"], info.name, len(one["shape"]), info)
    elif len(inner) == 1:
        info = inner[0]
        for index, one in enumerate(inputs):
            cast(one["name"], f"slipway_part{index}", len(one["shape"]), info)
        nodes.append(make("Concat", [f"slipway_part{index}" for index in range(len(inputs))], [info.name], axis=1))
    elif len(inputs) == 1:
        names = [f"slipway_part{index}" for index in range(len(inner))]
        nodes.append(make("Split", [inputs[0]["name"], "slipway_widths"], names, axis=1))
        widths = onnx.helper.make_tensor("slipway_widths", onnx.TensorProto.INT64, [len(inner)], [1] * len(inner))
        nodes.insert(0, make("Constant", [], ["slipway_widths"], value=widths))
        for name, info in zip(names, inner):
            cast(name, info.name, 2, info)
    else:
        raise CannotExport(f"The converted model takes {len(inner)} inputs, and the signature has {len(inputs)}.")
    return nodes


def cast_to(onnx, info):
    kind = info.type.tensor_type.elem_type
    return {} if kind == onnx.TensorProto.STRING else {"to": kind}


def answer_nodes(onnx, wanted, found):
    """Nodes from an output of the converted graph to what the model itself answers: its name, its datatype, its rank."""
    make = onnx.helper.make_node
    if found.type.WhichOneof("value") != "tensor_type":
        raise CannotExport(f"The converted model does not answer {wanted.name} as a tensor.")
    nodes, source = [], found.name
    rank = len(dims_of(found))
    if rank != len(wanted.shape) and found.type.tensor_type.HasField("shape"):
        name = f"slipway_shape_{wanted.name}"
        shape = onnx.helper.make_tensor(name, onnx.TensorProto.INT64, [len(wanted.shape)], [-1, *(int(one) for one in wanted.shape[1:])])
        nodes += [make("Constant", [], [name], value=shape), make("Reshape", [source, name], [f"{name}_done"])]
        source = f"{name}_done"
    kind = onnx_type(onnx, wanted.datatype)
    if kind == found.type.tensor_type.elem_type:
        return [*nodes, make("Identity", [source], [wanted.name])]
    return [*nodes, make("Cast", [source], [wanted.name], to=kind)]


def output_info(onnx, wanted, found, open_rows):
    inner = dims_of(found)
    rest = inner[1:] if len(inner) == len(wanted.shape) else [int(one) for one in wanted.shape[1:]]
    head = "rows" if open_rows else int(wanted.shape[0])
    return onnx.helper.make_tensor_value_info(wanted.name, onnx_type(onnx, wanted.datatype), [head, *(one or int(size) for one, size in zip(rest, wanted.shape[1:]))])


def opset_of(model):
    return max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)


def raised(model, wanted):
    """The same graph in at least the wanted operator set, which every model of trees alone lacks."""
    onnx = importlib.import_module("onnx")
    others = {one.domain: one.version for one in model.opset_import if one.domain not in ("", "ai.onnx")}
    own = opset_of(model)
    model.ClearField("opset_import")
    model.opset_import.extend([onnx.helper.make_opsetid("", own or wanted), *(onnx.helper.make_opsetid(*one) for one in others.items())])
    if own and own < wanted:
        model = importlib.import_module("onnx.version_converter").convert_version(model, wanted)
    # The oldest form that has these operator sets: runtimes refuse newer ones than they know.
    model.ir_version = max(8, onnx.helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True))
    return model
