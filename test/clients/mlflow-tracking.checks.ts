import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { runChecksIn } from "./python-script.ts";

describe("MLflow's tracking client", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const [environment, name] of [["current", "3.x"], ["mlflow2", "2.20"]] as const) {
    it(`tracks with version ${name} as with a server of its own`, async (test) => {
      const server = await startServer();
      try {
        await runChecksIn(environment, test, "mlflow_tracking.py", server, directory);
      } finally {
        await server.stop();
      }
    });
  }
});
