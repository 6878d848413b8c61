"""A server of KServe at the port argv[1], which speaks both of its protocols: score = a + 10 b. Rows are special as in upstream_torchserve.py."""

import asyncio
import os
import sys

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput
from kserve.utils.utils import generate_uuid


class Weigh(Model):
    def __init__(self):
        super().__init__("weigh")
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        named = isinstance(payload, InferRequest)
        rows = payload.inputs[0].as_numpy() if named else np.array(payload["instances"])
        if -400 in rows[:, 0]:
            raise InvalidInput("a row that is refused")
        if -404 in rows[:, 0]:
            raise RuntimeError("a row that breaks the model")
        while -504 in rows[:, 0] and not os.path.exists(os.environ["SLIPWAY_TEST_RELEASE"]):
            await asyncio.sleep(0.02)
        scores = (rows @ np.array([[1.0], [10.0]])).astype("float32")
        if not named:
            return {"predictions": scores.tolist()}
        output = InferOutput(name="score", shape=list(scores.shape), datatype="FP32")
        output.set_data_from_numpy(scores, binary_data=False)
        return InferResponse(model_name=self.name, infer_outputs=[output], response_id=payload.id or generate_uuid())


ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Weigh()])
