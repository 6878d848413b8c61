"""
A handler of TorchServe, and run by hand what makes its archives: upstream_torchserve.py DIRECTORY writes DIRECTORY/weigh.mar, whose model is
score = a + 10 b in TorchScript. Rows that begin with -400 are refused, those with -404 break the model, those with -504 wait for the file
SLIPWAY_TEST_RELEASE.
"""

import os
import subprocess
import sys
import time

import torch

if __name__ == "__main__":

    class Weigh(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(2, 1)
            with torch.no_grad():
                self.linear.weight.copy_(torch.tensor([[1.0, 10.0]]))
                self.linear.bias.zero_()

        def forward(self, rows):
            return self.linear(rows)

    directory = sys.argv[1]
    torch.jit.script(Weigh()).save(os.path.join(directory, "weigh.pt"))
    archiver = [os.path.join(os.path.dirname(sys.executable), "torch-model-archiver"), "--model-name", "weigh", "--version", "1.0"]
    subprocess.run(archiver + ["--serialized-file", os.path.join(directory, "weigh.pt"), "--handler", __file__, "--export-path", directory, "-f"], check=True)
else:
    from ts.torch_handler.base_handler import BaseHandler
    from ts.utils.util import PredictionException

    class WeighHandler(BaseHandler):
        def preprocess(self, data):
            self.counts = []
            rows = []
            for request in data:
                instances = (request.get("data") or request.get("body"))["instances"]
                self.counts.append(len(instances))
                rows.extend(instances)
            starts = [row[0] for row in rows]
            if -400 in starts:
                raise PredictionException("a row that is refused", 400)
            if -404 in starts:
                raise RuntimeError("a row that breaks the model")
            while -504 in starts and not os.path.exists(os.environ["SLIPWAY_TEST_RELEASE"]):
                time.sleep(0.02)
            # The type is what the numbers say, as in the handlers that people write.
            return torch.tensor(rows)

        def postprocess(self, output):
            values = output.tolist()
            answers = []
            for count in self.counts:
                answers.append(values[:count])
                values = values[count:]
            return answers
