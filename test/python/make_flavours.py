"""
Saves one small model of each flavour whose library is too large for every run of the tests, as MLflow does, into the folder argv[1]: PyTorch
and TensorFlow, whichever this interpreter has. expected.json is as in make_models.py. For `npm run test:flavours`.
"""

import importlib.util
import json
import os
import sys

import numpy as np
from mlflow.models import infer_signature

directory = sys.argv[1]
expected = {}
rows = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


def path(name):
    return os.path.join(directory, name)


def note(name, outputs):
    expected[name] = {"inputs": rows.tolist(), "outputs": np.asarray(outputs).tolist()}


if importlib.util.find_spec("torch") is not None:
    import mlflow.pytorch
    import torch

    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
    with torch.inference_mode():
        answers = network(torch.from_numpy(rows)).numpy()
    forms = {} if "serialization_format" not in mlflow.pytorch.save_model.__code__.co_varnames else {"serialization_format": "pickle"}
    mlflow.pytorch.save_model(network, path("mlflow-pytorch"), signature=infer_signature(rows, answers), input_example=rows[:1], **forms)
    note("mlflow-pytorch", answers)
    torch.jit.trace(network, torch.from_numpy(rows)).save(path("scripted.pt"))

if importlib.util.find_spec("tensorflow") is not None:
    import keras
    import mlflow.tensorflow

    keras.utils.set_random_seed(1)
    dense = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
    answers = dense.predict(rows, verbose=0)
    mlflow.tensorflow.save_model(dense, path("mlflow-tensorflow"), signature=infer_signature(rows, answers))
    note("mlflow-tensorflow", answers)

with open(path("expected.json"), "w", encoding="utf-8") as file:
    json.dump(expected, file)
