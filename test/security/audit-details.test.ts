import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { linearModel } from "../kit/onnx-models.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

interface Entry { action: string; object: string; result: string; actor: string; requestId: string; detail: Record<string, unknown> }

describe("what the audit log says of a change", () => {
  let server: SecuredServer;
  let otherKey: string;
  before(async () => {
    server = await startSecuredServer();
    for (const name of ["ours", "theirs"]) await server.asAdmin("POST", "/api/teams", { name });
    otherKey = (await ask<{ key: string }>("POST", "/api/keys", { name: "theirs", grants: [{ role: "admin", team: "theirs" }] })).key;
  });
  after(() => server.stop());

  async function ask<Answer>(method: string, target: string, body: unknown): Promise<Answer> {
    const reply = await server.asAdmin(method, target, body);
    assert.equal(reply.status, 200, reply.body);
    return JSON.parse(reply.body) as Answer;
  }
  /** Of the newest entry with this action. */
  async function told(action: string): Promise<[string, Record<string, unknown>]> {
    const { entries: [entry] } = JSON.parse((await server.asAdmin("GET", `/api/audit?action=${action}&limit=1`)).body) as { entries: Entry[] };
    return [entry!.object, entry!.detail];
  }

  it("names the webhook, and of its address the host alone", async () => {
    const { id, secret } = await ask<{ id: string; secret: string }>("POST", "/api/webhooks", { name: "hook", url: "https://example.com:8443/canary-path?token=canary", team: "ours" });
    assert.deepEqual(await told("createWebhook"), [`webhook:${id}`, { name: "hook", host: "example.com:8443", types: ["*"], team: "ours" }]);
    await ask("PUT", `/api/webhooks/${id}/paused`, { paused: true });
    assert.deepEqual(await told("pauseWebhook"), [`webhook:${id}`, { paused: true }]);
    const { webhook: { webhook_id: theirs } } = await ask<{ webhook: { webhook_id: string } }>("POST", "/api/2.0/mlflow/webhooks", {
      name: "mlflow", url: "https://example.com/canary", secret: "canary", description: "canary", events: [{ entity: "MODEL_VERSION", action: "CREATED" }],
    });
    assert.deepEqual(await told("mlflowCreateWebhook"), [`webhook:${theirs}`, { name: "mlflow", host: "example.com", types: ["model.version.registered"], team: "default" }]);
    await ask("PATCH", `/api/2.0/mlflow/webhooks/${theirs}`, { url: "https://example.org/canary", secret: "canary", status: "DISABLED" });
    assert.deepEqual(await told("mlflowUpdateWebhook"), [`webhook:${theirs}`, { fields: ["url", "secret", "paused"], host: "example.org" }]);
    const all = (await server.asAdmin("GET", "/api/audit")).body;
    assert.ok(!all.includes("canary") && !all.includes(secret));
  });

  it("names the file, the version, the alias and the revision", async () => {
    const bytes = linearModel({ weights: [2] });
    const uploaded = await fetch(`${server.slipway.url}/api/blobs`, { method: "PUT", headers: { authorization: `Bearer ${server.adminKey}` }, body: new Uint8Array(bytes) });
    const { digest } = (await uploaded.json()) as { digest: string };
    assert.deepEqual(await told("uploadBlob"), [`blob:${digest}`, { bytes: bytes.length }]);
    await ask("POST", "/api/models/m/versions", { artifact: digest, team: "ours" });
    assert.deepEqual(await told("deployVersion"), ["model:m", { artifact: digest, version: "1", created: true, active: true }]);
    await ask("PUT", "/api/models/m/aliases/shadow", { version: "1" });
    assert.deepEqual(await told("setAlias"), ["model:m", { alias: "shadow", version: "1" }]);
    await ask("PUT", "/api/models/m/policy", { revision: 0, reason: "slower", policy: {} });
    assert.deepEqual(await told("changePolicy"), ["model:m", { revision: 1, reason: "slower" }]);
  });

  it("names the run, the signal and the schedule", async () => {
    const { run } = await ask<{ run: { id: string } }>("POST", "/api/workflows/maintenance/runs", { team: "ours" });
    assert.deepEqual(await told("startWorkflowRun"), ["workflow:maintenance", { run: run.id, team: "ours", created: true }]);
    await ask("POST", "/api/signals", { signal: "go", key: "k", team: "ours", payload: "canary of the payload" });
    assert.deepEqual(await told("sendSignal"), ["signal:go", { key: "k", team: "ours" }]);
    await ask("PUT", "/api/schedules/nightly", { workflow: "maintenance", cron: "0 3 * * *", team: "ours" });
    assert.deepEqual(await told("putSchedule"), ["schedule:nightly", { workflow: "maintenance", cron: "0 3 * * *", team: "ours", paused: false }]);
    assert.ok(!(await server.asAdmin("GET", "/api/audit")).body.includes("canary of the payload"));
  });

  it("calls it denied where somebody asks for what another team has, also for reading", async () => {
    const { run } = await ask<{ run: { id: string } }>("POST", "/api/workflows/maintenance/runs", { team: "ours" });
    const { id } = await ask<{ id: string }>("POST", "/api/webhooks", { name: "hidden", url: "https://example.com/", team: "ours", format: "mlflow" });
    for (const [method, target] of [
      ["GET", `/api/workflow-runs/${run.id}`], ["GET", `/api/workflow-runs/${run.id}/log`], ["POST", `/api/workflow-runs/${run.id}/cancel`],
      ["DELETE", "/api/schedules/maintenance"], ["GET", `/api/webhooks/${id}/deliveries`], ["DELETE", `/api/webhooks/${id}`],
      ["GET", `/api/2.0/mlflow/webhooks/${id}`], ["DELETE", `/api/2.0/mlflow/webhooks/${id}`],
    ] as const) {
      const reply = await server.send(method, target, [`Host: ${server.host}`, `Authorization: Bearer ${otherKey}`]);
      assert.equal(reply.status, 404, target);
      // A change waits for its entry, and so for those that were noted before.
      await server.asAdmin("POST", "/api/teams", { name: "theirs" });
      const { entries } = JSON.parse((await server.asAdmin("GET", "/api/audit?result=denied&limit=1")).body) as { entries: Entry[] };
      assert.equal(entries[0]!.requestId, reply.headers["x-request-id"]![0], `${method} ${target}`);
    }
  });
});
