import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer } from "../kit/running-server.ts";
import { runChecksIn } from "./python-script.ts";

describe("MLflow's registry client", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const [environment, name] of [["current", "3.x"], ["mlflow2", "2.20"]] as const) {
    it(`finds in version ${name} the registry that it knows, and the one that slipway deploys to`, async (test) => {
      const server = await startServer();
      try {
        await server.client.deploy({ file: await server.file("model.onnx", linearModel({ weights: [1, 2] })), name: "deployed" });
        await runChecksIn(environment, test, "mlflow_registry.py", server, directory);
      } finally {
        await server.stop();
      }
    });
  }
});
