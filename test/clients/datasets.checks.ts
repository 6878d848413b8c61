import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

describe("datasets", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("are what pandas wrote, and training data that MLflow's client logs becomes the reference profile", async (test) => {
    const server = await startServer();
    try {
      await runChecks(test, "datasets.py", server, directory);
    } finally {
      await server.stop();
    }
  });
});
