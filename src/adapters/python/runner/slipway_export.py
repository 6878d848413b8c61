"""Converts a loaded model to ONNX, with the inputs and outputs that it has when it is served, and answers what the model itself says to values."""

import copy
import importlib
import json
import re
import sys
import tempfile

from slipway_frames import Tensor, numpy_or_none
from slipway_loading import estimator_kind, safely
from slipway_values import as_promised, output_tensors

# Names that the inputs and outputs of a signature must not meet in a converted graph.
PREFIX = "m_"
ML_OPSET = 3
OLDEST_OPSET = 17
LONGEST_WORDS = 300


class CannotExport(Exception):
    """There is no form of this model in ONNX, or the converter failed; the message is for people."""


class Exporter:
    """`plan` is the one of loading, with the inputs and outputs as the signature has them under "signature"."""

    def __init__(self, loaded, plan):
        self._loaded = loaded
        self._plan = plan
        self._reference = None
        self._given = None
        if loaded.native is None:
            raise CannotExport("The model's flavour does not give the library's own object, which a converter needs.")
        self._family = family_of(loaded.native)

    def predict(self, tensors):
        """What the library answers, under the names that the converted model's outputs have."""
        self._given = self._loaded.given(tensors)
        self._reference = output_tensors(self._ask(self._given), [])
        return self._reference

    def convert(self, request):
        """`request` is {"opset": int or None, "precision": "single" or "double"}. Answers with (bytes, facts); `predict` came before."""
        if self._reference is None:
            raise CannotExport("Nothing was predicted yet.")
        notes = []
        try:
            if self._family == "torch":
                converter, model = self._torch(request)
            elif self._family in ("xgboost", "lightgbm"):
                converter, model = self._booster()
            else:
                converter, model = self._estimator(request)
            wanted = request["opset"] or max(OLDEST_OPSET, opset_of(model))
            model = self._adapted(raised(model, wanted), notes)
            importlib.import_module("onnx.checker").check_model(model)
            data = model.SerializeToString()
        except CannotExport:
            raise
        except ImportError as error:
            raise CannotExport(f"The conversion needs {error.name}, which the environment does not have.") from error
        except Exception as error:
            raise CannotExport(f"The converter failed: {words_of(error)}") from error
        facts = {"converter": converter, "version": version_of(converter), "opset": opset_of(model), "notes": notes}
        return data, facts

    # --- what the library answers ----------------------------------------------------------------------------------------

    def _ask(self, given):
        native, names = self._loaded.native, [one["name"] for one in self._plan["outputs"]]
        if self._family == "torch":
            return promised(output_tensors(self._loaded.predict(given), []), self._plan["outputs"])
        if self._family == "lightgbm":
            return booster_answers(native, given)
        if self._family == "xgboost":
            return {first(names, "variable"): self._loaded.predict(given)}
        if self._plan["configuration"].get("predict_fn") == "predict_proba":
            return {first(names, "probabilities"): native.predict_proba(given)}
        if estimator_kind(native) == "classifier" and hasattr(native, "predict_proba"):
            label = names[0] if names and names[0] != "probabilities" else "label"
            return {label: native.predict(given), "probabilities": native.predict_proba(given)}
        if hasattr(native, "predict"):
            return {first(names, "label" if estimator_kind(native) == "classifier" else "variable"): native.predict(given)}
        return {first(names, "variable"): native.transform(given)}

    # --- converters ------------------------------------------------------------------------------------------------------

    def _estimator(self, request):
        skl2onnx = importlib.import_module("skl2onnx")
        native = register_trees(self._loaded.native)
        types = self._initial_types(importlib.import_module("skl2onnx.common.data_types"), request["precision"], has_column_transformer(native))
        opset = request["opset"] or min(skl2onnx.__max_supported_opset__, importlib.import_module("onnx").defs.onnx_opset_version())
        arguments = {"initial_types": types, "target_opset": {"": opset, "ai.onnx.ml": ML_OPSET}}
        if estimator_kind(native) == "classifier" and hasattr(native, "predict_proba"):
            try:
                return "skl2onnx", skl2onnx.convert_sklearn(native, options={id(native): {"zipmap": False}}, **arguments)
            except NameError:
                pass  # An estimator with a converter of its own need not know the option.
        return "skl2onnx", skl2onnx.convert_sklearn(native, **arguments)

    def _booster(self):
        convert = importlib.import_module("onnxmltools.convert")
        types = self._initial_types(importlib.import_module("onnxmltools.convert.common.data_types"), "single", False)
        native = copy.deepcopy(self._loaded.native)
        if self._family == "xgboost":
            native.feature_names = None
            return "onnxmltools", convert.convert_xgboost(native, initial_types=types)
        return "onnxmltools", convert.convert_lightgbm(native, initial_types=types, zipmap=False)

    def _torch(self, request):
        torch = importlib.import_module("torch")
        onnx = importlib.import_module("onnx")
        numpy = numpy_or_none()
        module = self._loaded.native
        module.eval()
        given = self._given.to_numpy() if hasattr(self._given, "to_numpy") else self._given
        arrays = given if isinstance(given, dict) else {self._inputs()[0]["name"] if len(self._inputs()) == 1 else "input": given}
        values = {name: torch.from_numpy(numpy.array(one, dtype="float32") if one.dtype.kind == "f" else numpy.array(one)) for name, one in arrays.items()}
        scripted = isinstance(module, torch.jit.ScriptModule)
        outputs = [one.name for one in self._reference]
        arguments = {
            "input_names": list(values), "output_names": outputs, "opset_version": request["opset"] or 18,
            "dynamic_axes": {name: {0: "rows"} for name in [*values, *outputs]} if self._open_rows() else None,
        }
        named = isinstance(given, dict)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/model.onnx"
            try:
                if scripted:
                    raise CannotExport("TorchScript goes by the exporter that traces.")
                export = {**arguments, "external_data": False, "dynamo": True}
                if named:
                    torch.onnx.export(module, (), path, kwargs=values, **export)
                else:
                    torch.onnx.export(module, tuple(values.values()), path, **export)
            except Exception:  # noqa: BLE001 - what it cannot, the older exporter may
                torch.onnx.export(module, (values,) if named else tuple(values.values()), path, dynamo=False, **arguments)
            return "torch", onnx.load(path)

    def _inputs(self):
        return self._plan["signature"]["inputs"]

    def _open_rows(self):
        return all(one["shape"] and one["shape"][0] == -1 for one in self._inputs())

    def _initial_types(self, types, precision, by_name):
        """What a converter of tables is told: one matrix of numbers, or a column each where the model picks them by name."""
        inputs, layout = self._inputs(), self._plan["layout"]
        readings = {one["name"]: one.get("type") for one in self._plan["inputs"]}
        odd = [one["name"] for one in inputs if readings.get(one["name"]) in ("datetime", "binary", "json", "array")]
        if odd or any(len(one["shape"]) > 2 or (layout == "columns" and len(one["shape"]) > 1 and one["shape"][1] != 1) for one in inputs):
            raise CannotExport(f"Only columns of numbers, truth values and texts have a form in ONNX here{f'; not {odd[0]}' if odd else ''}.")
        floats = getattr(types, "DoubleTensorType" if precision == "double" else "FloatTensorType")

        def typed(datatype):
            if datatype == "BYTES":
                return types.StringTensorType([None, 1])
            if datatype == "BOOL":
                return types.BooleanTensorType([None, 1])
            return floats([None, 1]) if datatype.startswith("FP") else types.Int64TensorType([None, 1])

        if layout == "columns" and (by_name or any(one["datatype"] == "BYTES" for one in inputs)):
            return [(one["name"], typed(one["datatype"])) for one in inputs]
        if layout == "columns":
            return [("input", floats([None, len(inputs)]))]
        only = inputs[0]
        if len(inputs) != 1 or len(only["shape"]) != 2 or only["shape"][1] < 1:
            raise CannotExport("The model takes something else than one table: there is no converter for that.")
        if by_name and only.get("columns"):
            return [(name, typed(only["datatype"])) for name in only["columns"]]
        if only["datatype"] == "BYTES":
            return [("input", types.StringTensorType([None, only["shape"][1]]))]
        return [("input", floats([None, only["shape"][1]]))]

    # --- the inputs and outputs of the signature around the converted graph ------------------------------------------------

    def _adapted(self, model, notes):
        onnx = importlib.import_module("onnx")
        helper, compose = onnx.helper, importlib.import_module("onnx.compose")
        model = compose.add_prefix(model, PREFIX)
        graph = model.graph
        inner_inputs, inner_outputs = list(graph.input), list(graph.output)
        initializers = {one.name for one in graph.initializer}
        inner_inputs = [one for one in inner_inputs if one.name not in initializers]
        before = feed_nodes(onnx, self._inputs(), inner_inputs)
        after, outputs, left = [], [], {one.name[len(PREFIX) :]: one for one in inner_outputs}
        for position, wanted in enumerate(self._reference):
            found = left.pop(wanted.name, None) or left.pop(own_name(wanted.name, position, list(left)), None)
            if found is None:
                raise CannotExport(f"The converted model has no output for {wanted.name}: it has {', '.join(left) or 'none'}.")
            after += answer_nodes(onnx, wanted, found)
            outputs.append(output_info(onnx, wanted, found, self._open_rows()))
        if left:
            notes.append(f"Outputs that the model itself does not answer were left out: {', '.join(sorted(left))[:200]}.")
        inputs = [helper.make_tensor_value_info(one["name"], onnx_type(onnx, one["datatype"]), open_shape(one["shape"])) for one in self._inputs()]
        nodes = [*before, *graph.node, *after]
        for field, values in (("node", nodes), ("input", inputs), ("output", outputs)):
            kept = [copy.deepcopy(one) for one in values]
            graph.ClearField(field)
            getattr(graph, field).extend(kept)
        graph.ClearField("value_info")
        return model


def first(names, otherwise):
    return names[0] if len(names) == 1 else otherwise


def own_name(wanted, position, names):
    """Under which name the converters know an output."""
    if wanted == "probabilities":
        return next((name for name in ("probabilities", "output_probability") if name in names), None)
    return next((name for name in ("label", "output_label", "variable") if name in names), names[0] if position == 0 and names else None)


def promised(tensors, specs):
    if len(tensors) == 1 and len(specs) == 1:
        tensors[0].name = specs[0]["name"]
    types = {one["name"]: one["datatype"] for one in specs}
    return {one.name: as_promised(one, types.get(one.name, one.datatype)).data for one in tensors}


def booster_answers(booster, given):
    """LightGBM's booster answers probabilities alone, a converted one labels too."""
    numpy = numpy_or_none()
    answer = booster.predict(given)
    objective = str(booster.params.get("objective") or safely(lambda: json.loads(json.dumps(booster.dump_model(0)))["objective"]) or "").split(" ")[0]
    if objective == "binary":
        return {"label": (answer > 0.5).astype("int64"), "probabilities": numpy.stack([1 - answer, answer], axis=1)}
    if objective in ("multiclass", "multiclassova"):
        return {"label": answer.argmax(axis=1).astype("int64"), "probabilities": answer}
    return {"variable": answer}


# --- which converter -------------------------------------------------------------------------------------------------------


def family_of(native):
    def is_a(module, name):
        kind = getattr(sys.modules.get(module), name, None)
        return kind is not None and isinstance(native, kind)

    if is_a("xgboost", "Booster"):
        return "xgboost"
    if is_a("lightgbm", "Booster"):
        return "lightgbm"
    if is_a("torch.nn", "Module"):
        return "torch"
    if is_a("sklearn.base", "BaseEstimator"):
        return "estimator"
    raise CannotExport(f"There is no converter for the class {type(native).__name__[:60]}: there are those for scikit-learn, XGBoost, LightGBM and PyTorch.")


def parts_of(estimator):
    """The estimator and those that it is made of."""
    yield estimator
    for part in [*(one[1] for one in safely(lambda: list(estimator.steps)) or []), *(one[1] for one in safely(lambda: list(estimator.transformers_)) or [])]:
        yield from parts_of(part)
    for one in safely(lambda: list(estimator.estimators_)) or []:
        if hasattr(one, "predict") and not type(estimator).__module__.startswith("sklearn.ensemble._forest"):
            yield from parts_of(one)


def has_column_transformer(estimator):
    return any(type(part).__name__ == "ColumnTransformer" for part in parts_of(estimator))


def register_trees(estimator):
    """Tells skl2onnx of the converters for XGBoost and LightGBM, where the model has either. Answers with a model that they can read."""
    modules = {type(part).__module__.split(".")[0] for part in parts_of(estimator)}
    if not modules & {"xgboost", "lightgbm"}:
        return estimator
    register = importlib.import_module("skl2onnx").update_registered_converter
    shapes = importlib.import_module("skl2onnx.common.shape_calculator")
    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    kinds = []
    if "xgboost" in modules:
        xgboost = importlib.import_module("xgboost")
        converter = importlib.import_module("onnxmltools.convert.xgboost.operator_converters.XGBoost").convert_xgboost
        kinds += [(xgboost.XGBClassifier, converter), (xgboost.XGBRFClassifier, converter), (xgboost.XGBRegressor, converter), (xgboost.XGBRFRegressor, converter)]
    if "lightgbm" in modules:
        lightgbm = importlib.import_module("lightgbm")
        converter = importlib.import_module("onnxmltools.convert.lightgbm.operator_converters.LightGbm").convert_lightgbm
        kinds += [(lightgbm.LGBMClassifier, converter), (lightgbm.LGBMRegressor, converter)]
    for kind, converter in kinds:
        classifies = kind.__name__.endswith("Classifier")
        calculator = shapes.calculate_linear_classifier_output_shapes if classifies else shapes.calculate_linear_regressor_output_shapes
        alias = {"xgboost": "XGBoost", "lightgbm": "LightGbm"}[kind.__module__.split(".")[0]] + kind.__name__
        register(kind, alias, calculator, converter, **({"options": options} if classifies else {}))
    estimator = copy.deepcopy(estimator)
    for part in parts_of(estimator):
        if type(part).__module__.startswith("xgboost"):
            part.get_booster().feature_names = None  # The converter wants those that XGBoost gives by itself.
    return estimator


# --- graphs ----------------------------------------------------------------------------------------------------------------


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


def version_of(converter):
    return safely(lambda: importlib.import_module("importlib.metadata").version(converter)) or "unknown"


def words_of(error):
    """The converter's first line, without paths of this machine."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"(?:/[\w.@+-]+){2,}/?", "…", f"{type(error).__name__}: {text}")[:LONGEST_WORDS]


def answer_of(exporter, tensors):
    """A run in an exporting process: a text asks for the conversion, values for what the model says."""
    if len(tensors) == 1 and tensors[0].name == "slipway.export":
        data, facts = exporter.convert(json.loads(tensors[0].data[0]))
        numpy = numpy_or_none()
        bytes_of = numpy.frombuffer(data, dtype="uint8") if numpy is not None else list(data)
        return [Tensor("onnx", "UINT8", [len(data)], bytes_of), Tensor("facts", "BYTES", [1], [json.dumps(facts)])]
    return exporter.predict(tensors)
