import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { runChecks, runChecksIn } from "./python-script.ts";

describe("MLflow's tracing client", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("traces as with a server of its own", async (test) => {
    const server = await startServer();
    try {
      await runChecks(test, "traces.py", server, directory);
      await runChecksIn("mlflow2", test, "mlflow2_traces.py", server, directory);
    } finally {
      await server.stop();
    }
  });
});
