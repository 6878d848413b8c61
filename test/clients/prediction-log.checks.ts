import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { trainModels } from "../python/trained-models.ts";
import { runChecks } from "./python-script.ts";

describe("the prediction log, read by pandas and pyarrow", () => {
  let server: RunningServer;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    await trainModels(directory, "logistic-plain");
    server = await startServer();
  });
  after(async () => {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("tells each prediction as soon as it is answered", (test) => runChecks(test, "prediction_log.py", server, directory, "send"));

  it("is Parquet when the server has stopped, or what it had no time for when the next one had", async (test) => {
    assert.equal(await server.stop({ keep: true }), 0);
    if ((await waitingSegments(server)).length > 0) {
      server = await startServer({ directory: server.directory });
      while ((await waitingSegments(server)).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(await server.stop({ keep: true }), 0);
    }
    await runChecks(test, "prediction_log.py", server, directory, "read");
  });

  it("is known to the next process", async (test) => {
    server = await startServer({ directory: server.directory });
    await runChecks(test, "prediction_log.py", server, directory, "again");
  });
});

/** What is not in Parquet yet: a busy machine does not always get there within the seconds that a stop waits. */
async function waitingSegments({ directory }: RunningServer): Promise<string[]> {
  return (await readdir(join(directory, "data", "prediction-segments"))).filter((name) => name.endsWith(".segment"));
}
