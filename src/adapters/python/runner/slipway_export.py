"""Converts a loaded model to ONNX, with the inputs and outputs that it has when it is served, and answers what the model itself says to values."""

import copy
import importlib
import json
import re
import sys
import tempfile

import slipway_graphs as graphs
from slipway_frames import Tensor, numpy_or_none
from slipway_graphs import CannotExport
from slipway_loading import estimator_kind, safely
from slipway_values import as_promised, output_tensors

ML_OPSET = 3
OLDEST_OPSET = 17
LONGEST_WORDS = 300


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
            wanted = request["opset"] or max(OLDEST_OPSET, graphs.opset_of(model))
            model = graphs.adapted(graphs.raised(model, wanted), self._inputs(), self._reference, notes)
            importlib.import_module("onnx.checker").check_model(model)
            data = model.SerializeToString()
        except CannotExport:
            raise
        except ImportError as error:
            raise CannotExport(f"The conversion needs {error.name}, which the environment does not have.") from error
        except Exception as error:
            raise CannotExport(f"The converter failed: {words_of(error)}") from error
        facts = {"converter": converter, "version": version_of(converter), "opset": graphs.opset_of(model), "notes": notes}
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
            "dynamic_axes": {name: {0: "rows"} for name in [*values, *outputs]} if graphs.open_rows(self._inputs()) else None,
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


def first(names, otherwise):
    return names[0] if len(names) == 1 else otherwise


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


# --- what comes back -------------------------------------------------------------------------------------------------------


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
