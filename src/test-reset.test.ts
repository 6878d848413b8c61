import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { loadConfig } from "./config/index.ts";
import { startResettable } from "./test-reset.ts";

describe("a server that tests may empty", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-reset-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const config = (more: Record<string, string> = {}) => loadConfig({ data: join(directory, "own"), port: "0", grpcPort: "0", logLevel: "silent", ...more });

  it("refuses a folder that it did not make, and callers beside this machine", async () => {
    await writeFile(join(directory, "precious"), "");
    await assert.rejects(startResettable(config({ data: directory })), { code: "CONFIG_INVALID" });
    await assert.rejects(startResettable(config({ access: "keys" })), { code: "CONFIG_INVALID" });
  });

  it("is empty after POST /__reset, and takes its own folder up again", async () => {
    for (const round of [1, 2]) {
      const server = await startResettable(config());
      try {
        const create = (): Promise<Response> =>
          fetch(`${server.url}/api/2.0/mlflow/experiments/create`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: `tides ${round}` }) });
        assert.deepEqual([(await create()).status, (await create()).status], [200, 400]);
        assert.equal((await fetch(`${server.url}/__reset`, { method: "POST" })).status, 200);
        assert.equal((await create()).status, 200);
      } finally {
        await server.stop();
      }
    }
  });
});
