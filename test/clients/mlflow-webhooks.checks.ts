import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

describe("MLflow's webhook client", () => {
  it("makes webhooks, and receivers verify with MLflow's code what comes", async (test) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.0/8" } });
    try {
      await runChecks(test, "mlflow_webhooks.py", server, directory);
    } finally {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
