import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

/** How long calls are sent, beside the start of MLflow's own server. */
const seconds = "12";

describe("MLflow's own server", () => {
  it("answers random calls, and its tracing client, as Slipway does, but for what the documentation lists", async (test) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const server = await startServer();
    try {
      await runChecks(test, "mlflow_differential.py", server, directory, seconds);
    } finally {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
