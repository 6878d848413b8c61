"""Trains models with scikit-learn on the data that comes with it and exports them with skl2onnx.

    python models.py DIRECTORY [NAME ...]

For each model, all of them or the named ones, DIRECTORY gets
    NAME.onnx     the exported model
    NAME.parquet  its training data, the target in the column "target"
    NAME.npz      inputs as `in_<input>`, and what scikit-learn answers to them as `out_<output>`
Every seed is fixed, so two runs make the same models.
"""

import pathlib
import sys
import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

SEED = 20010601
TARGET = "target"


@dataclass
class Trained:
    estimator: object
    features: pd.DataFrame
    target: np.ndarray
    # One entry: a vector of all columns under that name. Several: a column each, in the order of the frame.
    initial_types: list
    # By output name, in the order of the graph: what the estimator answers.
    expected: dict
    options: dict = field(default_factory=dict)


def bundled(load, dtype):
    data = load(as_frame=True)
    features = data.data.astype(dtype)
    features.columns = [str(name) for name in features.columns]
    return features, np.asarray(data.target)


def classifier_answers(estimator, features):
    return {"output_label": estimator.predict(features), "output_probability": estimator.predict_proba(features)}


def logistic_zipmap():
    """Text labels, and the ZipMap that skl2onnx adds by default."""
    features, target = bundled(datasets.load_iris, np.float32)
    species = np.array(["setosa", "versicolor", "virginica"])[target]
    estimator = LogisticRegression(max_iter=1000).fit(features.to_numpy(), species)
    return Trained(estimator, features, species, [("X", FloatTensorType([None, 4]))], classifier_answers(estimator, features.to_numpy()))


def logistic_plain():
    features, target = bundled(datasets.load_breast_cancer, np.float32)
    estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features.to_numpy(), target)
    answers = classifier_answers(estimator, features.to_numpy())
    expected = {"label": answers["output_label"], "probabilities": answers["output_probability"]}
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 30]))], expected, {"zipmap": False})


def random_forest():
    """ZipMap again, with integer labels."""
    features, target = bundled(datasets.load_wine, np.float32)
    estimator = RandomForestClassifier(n_estimators=40, random_state=SEED).fit(features.to_numpy(), target)
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 13]))], classifier_answers(estimator, features.to_numpy()))


def gradient_boosting():
    features, target = bundled(datasets.load_diabetes, np.float32)
    estimator = GradientBoostingRegressor(n_estimators=60, random_state=SEED).fit(features.to_numpy(), target)
    expected = {"variable": estimator.predict(features.to_numpy()).reshape(-1, 1)}
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 10]))], expected)


def support_vectors():
    features, target = bundled(datasets.load_wine, np.float32)
    estimator = make_pipeline(StandardScaler(), SVC(random_state=SEED)).fit(features.to_numpy(), target)
    expected = {"label": estimator.predict(features.to_numpy()), "probabilities": estimator.decision_function(features.to_numpy())}
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 13]))], expected, {"zipmap": False})


def perceptron():
    features, target = bundled(datasets.load_iris, np.float32)
    estimator = MLPClassifier((16, 8), max_iter=400, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged does not matter here
        estimator.fit(features.to_numpy(), target)
    answers = classifier_answers(estimator, features.to_numpy())
    expected = {"label": answers["output_label"], "probabilities": answers["output_probability"]}
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 4]))], expected, {"zipmap": False})


def neighbours():
    features, target = bundled(datasets.load_iris, np.float32)
    estimator = KNeighborsClassifier(5).fit(features.to_numpy(), target)
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 4]))], classifier_answers(estimator, features.to_numpy()))


def mixed_columns():
    """Text, float and integer columns, each an input of its own."""
    wine, target = bundled(datasets.load_wine, np.float32)
    random = np.random.default_rng(SEED)
    soils = np.array(["Löss", "Kalk", "gravel", "грунт"])
    features = pd.DataFrame(
        {
            # Tells something about the target, but not all.
            "soil": soils[np.where(random.random(len(target)) < 0.7, target, random.integers(0, 4, len(target)))],
            "colour": np.where(wine["hue"] > 0.9, "red", "white"),
            "alcohol": wine["alcohol"],
            "proline": wine["proline"],
            "bottles": random.integers(0, 2000, len(target)).astype(np.int64),
        }
    )
    transformer = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["soil", "colour"]),
            ("floats", StandardScaler(), ["alcohol", "proline"]),
            ("counts", "passthrough", ["bottles"]),
        ]
    )
    estimator = make_pipeline(transformer, LogisticRegression(max_iter=5000)).fit(features, target)
    types = [
        ("soil", StringTensorType([None, 1])),
        ("colour", StringTensorType([None, 1])),
        ("alcohol", FloatTensorType([None, 1])),
        ("proline", FloatTensorType([None, 1])),
        ("bottles", Int64TensorType([None, 1])),
    ]
    return Trained(estimator, features, target, types, classifier_answers(estimator, features))


def isolation_forest():
    features, target = bundled(datasets.load_diabetes, np.float32)
    estimator = IsolationForest(n_estimators=30, random_state=SEED).fit(features.to_numpy())
    expected = {
        "label": estimator.predict(features.to_numpy()).reshape(-1, 1),
        "scores": estimator.decision_function(features.to_numpy()).reshape(-1, 1),
    }
    return Trained(estimator, features, target, [("X", FloatTensorType([None, 10]))], expected)


def ridge_double():
    features, target = bundled(datasets.load_diabetes, np.float64)
    estimator = Ridge(0.5).fit(features.to_numpy(), target)
    expected = {"variable": estimator.predict(features.to_numpy()).reshape(-1, 1)}
    return Trained(estimator, features, target, [("X", DoubleTensorType([None, 10]))], expected)


def tree_integers():
    """Grey values from 0 to 16 as int64."""
    features, target = bundled(datasets.load_digits, np.int64)
    estimator = DecisionTreeClassifier(max_depth=8, random_state=SEED).fit(features.to_numpy(), target)
    return Trained(estimator, features, target, [("X", Int64TensorType([None, 64]))], classifier_answers(estimator, features.to_numpy()))


MODELS = {
    make.__name__.replace("_", "-"): make
    for make in (
        logistic_zipmap, logistic_plain, random_forest, gradient_boosting, support_vectors, perceptron, neighbours, mixed_columns,
        isolation_forest, ridge_double, tree_integers,
    )
}


def inputs_of(trained):
    """The frame as the exported model takes it: one matrix, or a [rows, 1] array for each column."""
    if len(trained.initial_types) == 1:
        return {trained.initial_types[0][0]: trained.features.to_numpy()}
    return {name: trained.features[name].to_numpy().reshape(-1, 1) for name, _ in trained.initial_types}


def convert(trained):
    return to_onnx(trained.estimator, initial_types=trained.initial_types, options=trained.options or None, target_opset={"": 18, "ai.onnx.ml": 3})


def export(name, directory):
    trained = MODELS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # skl2onnx looks at attributes that scikit-learn will rename
        onnx = convert(trained)
    (directory / f"{name}.onnx").write_bytes(onnx.SerializeToString())
    trained.features.assign(**{TARGET: trained.target}).to_parquet(directory / f"{name}.parquet", index=False)
    arrays = {f"in_{key}": value for key, value in inputs_of(trained).items()} | {f"out_{key}": value for key, value in trained.expected.items()}
    np.savez(directory / f"{name}.npz", **{key: value.astype(str) if value.dtype == object else value for key, value in arrays.items()})


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        export(name, directory)


if __name__ == "__main__":
    main()
