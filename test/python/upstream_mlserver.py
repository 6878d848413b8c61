"""A runtime of MLServer: score = a + 10 b. Rows are special as in upstream_torchserve.py."""

import asyncio
import os

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse


class Weigh(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        if -400 in rows[:, 0]:
            raise InferenceError("a row that is refused")
        if -404 in rows[:, 0]:
            raise RuntimeError("a row that breaks the model")
        while -504 in rows[:, 0] and not os.path.exists(os.environ["SLIPWAY_TEST_RELEASE"]):
            await asyncio.sleep(0.02)
        scores = (rows @ np.array([[1.0], [10.0]])).astype("float32")
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", scores)])
