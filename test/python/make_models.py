"""
Trains small models into the folder argv[1], one folder or file each, and writes what each library itself predicts:
expected.json is {model: {"path", "inputs": {column: [values]} or [[values]], "outputs": {name: values}}}.
"""

import importlib.util
import json
import os
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
directory = sys.argv[1]
expected = {}


def path(name):
    return os.path.join(directory, name)


def note(name, inputs, outputs):
    expected[name] = {
        "inputs": {str(key): values.tolist() for key, values in inputs.items()} if isinstance(inputs, pd.DataFrame) else inputs.tolist(),
        "outputs": {key: np.asarray(values).tolist() for key, values in outputs.items()},
    }


features, target = load_iris(return_X_y=True, as_frame=True)
rows = features.iloc[::30]

classifier = LogisticRegression(max_iter=500).fit(features, target)
with open(path("classifier.pkl"), "wb") as file:
    pickle.dump(classifier, file)
note("classifier.pkl", rows, {"label": classifier.predict(rows), "probabilities": classifier.predict_proba(rows)})

scaled = make_pipeline(StandardScaler(), LinearRegression()).fit(features.to_numpy(), target.to_numpy(dtype=float))
import joblib  # noqa: E402

joblib.dump(scaled, path("regressor.joblib"), compress=3)
note("regressor.joblib", rows.to_numpy(), {"variable": scaled.predict(rows.to_numpy())})

mixed = pd.DataFrame({"city": ["Rome", "Oslo", "Rome", "Wien"] * 5, "size": np.arange(20.0)})
prices = mixed["size"] * 3 + (mixed["city"] == "Oslo") * 7
encoder = ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore"), ["city"]), ("numbers", StandardScaler(), ["size"])])
pipeline = make_pipeline(encoder, LinearRegression()).fit(mixed, prices)
with open(path("mixed.pkl"), "wb") as file:
    pickle.dump(pipeline, file)
note("mixed.pkl", mixed.iloc[:4], {"variable": pipeline.predict(mixed.iloc[:4])})

if importlib.util.find_spec("mlflow") is not None:
    import mlflow.pyfunc
    import mlflow.sklearn
    from mlflow.models import infer_signature

    signature = infer_signature(features, classifier.predict(features))
    mlflow.sklearn.save_model(classifier, path("mlflow-sklearn"), signature=signature, input_example=features.iloc[:2], serialization_format="cloudpickle", pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_cloudpickle=True))
    note("mlflow-sklearn", rows, {"output": classifier.predict(rows)})

    class Tabular(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            print("a model that prints")
            return pd.DataFrame({"twice": model_input["x"] * 2, "loud": model_input["name"].str.upper(), "year": model_input["day"].dt.year})

    example = pd.DataFrame({"x": [1.5, -2.0], "name": ["é", "b"], "day": pd.to_datetime(["2024-02-29", "1999-12-31"]), "small": np.array([1, 2], dtype="int32")})
    answers = pd.DataFrame({"twice": [3.0, -4.0], "loud": ["É", "B"], "year": np.array([2024, 1999], dtype="int32")})
    mlflow.pyfunc.save_model(path("mlflow-pyfunc"), python_model=Tabular(), signature=infer_signature(example, answers), input_example=example, pip_requirements=[*mlflow.pyfunc.get_default_pip_requirements(), f"pandas=={pd.__version__}"])
    note("mlflow-pyfunc", example.assign(day=["2024-02-29T00:00:00", "1999-12-31T23:59:59"]), answers)

if importlib.util.find_spec("xgboost") is not None:
    import xgboost

    boosted = xgboost.XGBClassifier(n_estimators=7, max_depth=2).fit(features, target)
    boosted.save_model(path("boosted.ubj"))
    note("boosted.ubj", rows, {"label": boosted.predict(rows), "probabilities": boosted.predict_proba(rows)})
    if importlib.util.find_spec("mlflow") is not None:
        import mlflow.xgboost

        mlflow.xgboost.save_model(boosted, path("mlflow-xgboost"), signature=infer_signature(features, boosted.predict(features)), pip_requirements=mlflow.xgboost.get_default_pip_requirements())
        note("mlflow-xgboost", rows, {"output": boosted.predict(rows)})

if importlib.util.find_spec("lightgbm") is not None:
    import lightgbm

    light = lightgbm.LGBMClassifier(n_estimators=7, max_depth=3, verbose=-1).fit(features, target)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, lightgbm.Dataset(features.to_numpy(), (target == 1).astype(int)), 7)
    booster.save_model(path("boosted.txt"))
    note("boosted.txt", rows.to_numpy(), {"variable": booster.predict(rows.to_numpy())})
    if importlib.util.find_spec("mlflow") is not None:
        import mlflow.lightgbm

        mlflow.lightgbm.save_model(light, path("mlflow-lightgbm"), signature=infer_signature(features, light.predict(features)), input_example=features.iloc[:1], pip_requirements=mlflow.lightgbm.get_default_pip_requirements())
        note("mlflow-lightgbm", rows, {"output": light.predict(rows)})

if importlib.util.find_spec("skl2onnx") is not None:
    # Models whose converters, which an estimator may bring itself, are good for nothing.
    import cloudpickle
    from skl2onnx.algebra.onnx_ops import OnnxArrayFeatureExtractor, OnnxIdentity
    from sklearn.base import BaseEstimator, RegressorMixin

    class Doubling(RegressorMixin, BaseEstimator):
        """Doubles the first column; its converter forgets to."""

        def fit(self, given, wanted=None):
            self.n_features_in_ = given.shape[1]
            return self

        def predict(self, given):
            return np.asarray(given)[:, 0] * 2

        def onnx_shape_calculator(self):
            def calculate(operator):
                operator.outputs[0].type = operator.inputs[0].type.__class__([None, 1])

            return calculate

        def onnx_converter(self):
            def convert(scope, operator, container):
                first = OnnxArrayFeatureExtractor(operator.inputs[0], np.array([0], dtype=np.int64), op_version=container.target_opset)
                OnnxIdentity(first, op_version=container.target_opset, output_names=operator.outputs[:1]).add_to(scope, container)

            return convert

    class Failing(Doubling):
        """Its converter fails."""

        def onnx_converter(self):
            def convert(scope, operator, container):
                raise ValueError("this converter gives up; see /etc/some/secret/place")

            return convert

    class Unknown(RegressorMixin, BaseEstimator):
        """It has no converter."""

        def fit(self, given, wanted=None):
            self.n_features_in_ = given.shape[1]
            return self

        def predict(self, given):
            return np.asarray(given)[:, 0]

    for kind in (Doubling, Failing, Unknown):
        with open(path(f"{kind.__name__.lower()}.pkl"), "wb") as file:
            cloudpickle.dump(kind().fit(features.to_numpy()), file)

if importlib.util.find_spec("skops") is not None:
    import skops.io

    skops.io.dump(classifier, path("classifier.skops"))
    note("classifier.skops", rows, {"label": classifier.predict(rows), "probabilities": classifier.predict_proba(rows)})

with open(path("expected.json"), "w", encoding="utf-8") as file:
    json.dump(expected, file)
