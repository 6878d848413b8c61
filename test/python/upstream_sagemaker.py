"""The model of a container of SageMaker, for its inference toolkit: score = a + 10 b. Rows are special as in upstream_torchserve.py."""

import os
import time

import numpy as np
from sagemaker_inference.errors import BaseInferenceToolkitError


def model_fn(model_dir):
    return np.array([[1.0], [10.0]])


def predict_fn(data, model):
    # One line of CSV is a vector to the toolkit.
    rows = np.atleast_2d(data)
    if -400 in rows[:, 0]:
        raise BaseInferenceToolkitError(400, "a row that is refused", "refused")
    if -404 in rows[:, 0]:
        raise RuntimeError("a row that breaks the model")
    while -504 in rows[:, 0] and not os.path.exists(os.environ["SLIPWAY_TEST_RELEASE"]):
        time.sleep(0.02)
    return rows @ model
