import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

describe("figures, checked with prometheus_client, numpy, pandas and scipy", () => {
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

  it("counts in /metrics what was sent", (test) => runChecks(test, "metrics.py", server, directory));
  it("profiles reference data and measures drift as numpy does", (test) => runChecks(test, "profile.py", server, directory));
});
