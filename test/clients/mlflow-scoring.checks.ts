import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { trainModels } from "../python/trained-models.ts";
import { runChecks } from "./python-script.ts";

const models = ["logistic-zipmap", "gradient-boosting", "mixed-columns"];

describe("MLflow's scoring client", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    await trainModels(directory, ...models);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  // One server each: where there is one model, its callers need not name it.
  for (const model of models) {
    it(`gets scikit-learn's predictions of ${model}`, async (test) => {
      const server = await startServer();
      try {
        await runChecks(test, "mlflow_scoring.py", server, directory, model);
      } finally {
        await server.stop();
      }
    });
  }
});
