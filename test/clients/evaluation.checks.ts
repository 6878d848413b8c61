import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

describe("evaluations, checked with scikit-learn and scipy", () => {
  let server: RunningServer;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    server = await startServer();
  });
  after(async () => {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("are what they compute of the same predictions", (test) => runChecks(test, "evaluation.py", server, directory));
});
