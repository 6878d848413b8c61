import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

describe("imports, which read files of the server's machine", { timeout: 300_000 }, () => {
  let server: SecuredServer;
  let folder: string;
  const keys: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-import-"));
    server = await startSecuredServer();
    // The most that somebody can be without being an admin of the whole server.
    for (const grant of [{ role: "deployer" }, { role: "admin", team: "default" }]) {
      const { status, body } = await server.asAdmin("POST", "/api/keys", { name: "import", grants: [grant], expiresInDays: 1 });
      assert.equal(status, 200, body);
      keys.push((JSON.parse(body) as { key: string }).key);
    }
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const input = (): Record<string, unknown> => ({ kind: "mlflow", from: folder });
  const call = async (key: string, method: string, path: string, body: unknown): Promise<number> =>
    (await server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json"], JSON.stringify(body))).status;

  it("are started by nobody but admins of the whole server, by whichever way", async () => {
    for (const key of keys) {
      assert.equal(await call(key, "POST", "/api/imports", input()), 403);
      assert.equal(await call(key, "POST", "/api/workflows/import/runs", { input: input() }), 403);
      assert.equal(await call(key, "PUT", "/api/schedules/mine", { workflow: "import", cron: "0 3 * * *", input: input() }), 403);
    }
  });

  it("say at once that a source is none", async () => {
    const { status, body } = await server.asAdmin("POST", "/api/imports", input());
    assert.equal(status, 400);
    assert.equal((JSON.parse(body) as { error: { code: string } }).error.code, "IMPORT_SOURCE_INVALID");
    assert.ok(!body.includes(folder), "A path was told.");
  });
});
