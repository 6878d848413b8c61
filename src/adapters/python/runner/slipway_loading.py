"""Loads a model folder or a bare model file, once, and says what is known of it."""

import importlib
import importlib.util
import json
import os
import pickle

from slipway_frames import Tensor
from slipway_values import model_input, output_tensors


class CannotLoad(Exception):
    """The model is of a kind that cannot be loaded here; the message is for people."""


class LoadedModel:
    def __init__(self, plan, predict, native=None, answers=None):
        self._plan = plan
        self._predict = predict
        self._answers = answers
        # The library's own object, for what an inspection tells of it.
        self.native = native

    def given(self, tensors):
        """What the model takes, out of tensors."""
        layout, inputs = self._plan["layout"], self._plan["inputs"]
        if not inputs:
            layout, inputs = self._own_layout(tensors)
        return model_input(layout, inputs, tensors)

    def predict(self, given):
        return self._predict(given)

    def run(self, tensors):
        given = self.given(tensors)
        if self._answers is not None:
            return output_tensors(self._answers(given), self._plan["outputs"])
        return output_tensors(self._predict(given), self._plan["outputs"])

    def _own_layout(self, tensors):
        """While a model is inspected, what it says of itself decides."""
        names = facts_of(self.native)["names"]
        if len(tensors) == 1 and len(tensors[0].shape) == 2:
            return ("frame", [{"name": tensors[0].name, "columns": names}]) if names else ("tensor", [{"name": tensors[0].name}])
        return "columns", [{"name": tensor.name} for tensor in tensors]


def load(folder, plan):
    """`plan` is {"entry", "flavour", "configuration", "layout", "inputs", "outputs"}."""
    if plan["entry"] == "MLmodel" and plan["pythonFunction"] and importlib.util.find_spec("mlflow") is not None:
        pyfunc = importlib.import_module("mlflow.pyfunc")
        model = pyfunc.load_model(folder)
        native = getattr(getattr(model, "_model_impl", None), "sklearn_model", None)
        if native is None:
            native = safely(model.get_raw_model)
        return LoadedModel(plan, model.predict, native)
    if plan["entry"] == "MLmodel":
        return load_flavour(folder, plan)
    return load_file(os.path.join(folder, plan["entry"]), plan)


def load_flavour(folder, plan):
    """A folder of MLflow in an environment without mlflow."""
    flavour, configuration = plan["flavour"], plan["configuration"]
    if flavour == "sklearn":
        model = load_pickled(os.path.join(folder, configuration["pickled_model"]), configuration.get("serialization_format"))
        return LoadedModel(plan, getattr(model, configuration.get("predict_fn") or "predict"), model)
    if flavour == "xgboost":
        return LoadedModel(plan, *xgboost_model(os.path.join(folder, configuration["data"]), configuration.get("model_class")))
    if flavour == "lightgbm":
        path = os.path.join(folder, configuration["data"])
        if (configuration.get("model_class") or "lightgbm.basic.Booster").endswith("Booster"):
            booster = importlib.import_module("lightgbm").Booster(model_file=path)
            return LoadedModel(plan, booster.predict, booster)
        model = load_pickled(path)
        return LoadedModel(plan, model.predict, model)
    if flavour == "pytorch":
        return LoadedModel(plan, *torch_model(os.path.join(folder, configuration.get("model_data") or "data", "model.pth")))
    loader = configuration.get("loader_module")
    if flavour == "python_function" and loader and not loader.startswith("mlflow"):
        data = configuration.get("data")
        model = importlib.import_module(loader)._load_pyfunc(os.path.join(folder, data) if data else folder)
        return LoadedModel(plan, model.predict, model)
    raise CannotLoad(f"The flavour {flavour} needs mlflow in the model's environment: add it to the requirements.")


def load_file(path, plan):
    ending = os.path.splitext(path)[1].lower()
    if ending in (".ubj", ".json", ".xgb"):
        predict, model = xgboost_model(path, None)
    elif ending in (".pt", ".pth"):
        predict, model = torch_model(path)
    elif ending == ".lightgbm":
        model = importlib.import_module("lightgbm").Booster(model_file=path)
        predict = model.predict
    elif ending == ".keras":
        model = importlib.import_module("keras").models.load_model(path)
        predict = lambda given: model.predict(given, verbose=0)  # noqa: E731
    else:
        model = load_pickled(path, "skops" if ending == ".skops" else None)
        predict = getattr(model, "predict", None) or getattr(model, "transform", None)
        if predict is None:
            raise CannotLoad("The file holds no model: what is in it has neither predict nor transform.")
    if plan["layout"] == "frame" and safely(lambda: model.feature_names_in_) is None and not path.endswith((".lightgbm", ".ubj", ".json", ".xgb")):
        plan = {**plan, "layout": "tensor"}  # It was fitted without names, and would warn of them each time.
    return LoadedModel(plan, predict, model, named_answers(model, predict))


def load_pickled(path, form=None):
    if form == "skops":
        skops = importlib.import_module("skops.io")
        # This process is where code of models may run: what the file names is what it gets.
        return skops.load(path, trusted=skops.get_untrusted_types(file=path))
    if form == "cloudpickle":
        importlib.import_module("cloudpickle")
    elif importlib.util.find_spec("joblib") is not None:
        # Reads plain pickles too, and those with arrays beside.
        return importlib.import_module("joblib").load(path)
    with open(path, "rb") as file:
        return pickle.load(file)


def xgboost_model(path, model_class):
    """(predict, model): the classes of the scikit-learn interface where the file was written by one, else a Booster."""
    xgboost = importlib.import_module("xgboost")
    if model_class is None:
        booster = xgboost.Booster(model_file=path)
        kind = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
        objective = json.loads(booster.save_config())["learner"]["learner_train_param"]["objective"]
        if kind == "classifier" or objective in ("binary:logistic", "multi:softprob"):
            model_class = "XGBClassifier"
        else:
            model_class = "XGBRegressor" if kind == "regressor" else "Booster"
    name = model_class.rsplit(".", 1)[-1]
    if name == "Booster":
        booster = xgboost.Booster(model_file=path)
        return (lambda given: booster.predict(xgboost.DMatrix(given))), booster
    model = getattr(xgboost, name)()
    model.load_model(path)
    return model.predict, model


def torch_model(path):
    torch = importlib.import_module("torch")
    try:
        module = torch.jit.load(path, map_location="cpu")
    except RuntimeError:
        module = torch.load(path, map_location="cpu", weights_only=False)
        if not hasattr(module, "forward"):
            raise CannotLoad("The file holds weights without a model: save it as TorchScript.") from None
    module.eval()

    def predict(given):
        with torch.inference_mode():
            if isinstance(given, dict):
                return module(**{name: torch.from_numpy(one) for name, one in given.items()})
            values = given.to_numpy() if hasattr(given, "to_numpy") else given
            return module(torch.from_numpy(values.astype("float32") if values.dtype.kind == "f" else values))

    return predict, module


def named_answers(model, predict):
    """For bare files: labels and probabilities under the names that an export to ONNX gives them."""
    if estimator_kind(model) != "classifier":
        return lambda given: {"variable": predict(given)}
    if not hasattr(model, "predict_proba"):
        return lambda given: {"label": model.predict(given)}
    return lambda given: {"label": model.predict(given), "probabilities": model.predict_proba(given)}


def estimator_kind(model):
    try:
        kind = importlib.import_module("sklearn.utils").get_tags(model).estimator_type
    except Exception:  # noqa: BLE001 - older scikit-learn, or no estimator
        kind = getattr(model, "_estimator_type", None)
    return kind or ("classifier" if hasattr(model, "predict_proba") and hasattr(model, "classes_") else None)


# --- what an inspection tells --------------------------------------------------------------------------------------------


def facts_tensor(model):
    return Tensor("facts", "BYTES", [1], [json.dumps(facts_of(model.native))])


def facts_of(native):
    """{"features": int or null, "names": [str] or null, "texts": {column: a value of it}, "kind": str or null}"""
    if native is None:
        return {"features": None, "names": None, "texts": {}, "kind": None}
    names = safely(lambda: [str(name) for name in native.feature_names_in_])
    features = safely(lambda: int(native.n_features_in_))
    if features is None and safely(lambda: type(native).__module__.startswith(("xgboost", "lightgbm"))):
        features = safely(lambda: int(native.num_features())) or safely(lambda: int(native.num_feature()))
        names = safely(lambda: native.feature_names and [str(name) for name in native.feature_names]) or safely(lambda: native.feature_name())
    return {"features": features, "names": names, "texts": text_columns(native), "kind": estimator_kind(native)}


def safely(read):
    try:
        return read()
    except Exception:  # noqa: BLE001 - a property of a model may raise anything
        return None


def text_columns(native):
    """{column: a value that it knows} of the columns that an encoder in the first step of a pipeline learned as texts."""
    step = native.steps[0][1] if isinstance(getattr(native, "steps", None), list) and native.steps else native
    found = {}
    for _, transformer, columns in safely(lambda: list(step.transformers_)) or []:
        inner = transformer.steps if hasattr(transformer, "steps") else [(None, transformer)]
        categories = next((part.categories_ for _, part in inner if hasattr(part, "categories_")), None)
        if categories is None:
            continue
        for name, values in zip(columns, categories):
            if getattr(values, "dtype", None) is not None and values.dtype.kind in "OUT" and len(values) > 0:
                found[str(name)] = str(values[0])
    return found
