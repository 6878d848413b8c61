"""Writes the same logistic regression twice: for MLServer (joblib) and as ONNX. Usage: train_tabular.py DIRECTORY"""

import json
import pathlib
import sys

import joblib
import numpy
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

directory = pathlib.Path(sys.argv[1])
generator = numpy.random.default_rng(7)
features = generator.normal(size=(5000, 10)).astype(numpy.float32)
labels = (features[:, 0] + 0.5 * features[:, 1] + generator.normal(size=5000) > 0).astype(int)
model = LogisticRegression().fit(features, labels)

repository = directory / "mlserver" / "tabular"
repository.mkdir(parents=True, exist_ok=True)
joblib.dump(model, repository / "model.joblib")
(repository / "model-settings.json").write_text(
    json.dumps({"name": "tabular", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}})
)
(directory / "tabular.onnx").write_bytes(
    to_onnx(model, features[:1], options={"zipmap": False}).SerializeToString()
)
