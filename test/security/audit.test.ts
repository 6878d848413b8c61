import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, describe, it } from "node:test";
import { auditCommands } from "../../src/access/audit-commands.ts";
import { HttpApiClient } from "../../src/client/http-api-client.ts";
import type { CommandContext } from "../../src/core/command.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

interface Entry { sequence: number; actor: string; action: string; object: string; result: string; requestId: string; detail: Record<string, unknown>; hash: string }

describe("the audit log", () => {
  let directory: string;
  let server: SecuredServer;
  let viewerKey: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "slipway-audit-"));
    server = await startSecuredServer({}, { directory });
    viewerKey = (JSON.parse((await server.asAdmin("POST", "/api/keys", { name: "reader", grants: [{ role: "viewer" }] })).body) as { key: string }).key;
  });
  after(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  const entries = async (query = ""): Promise<Entry[]> => (JSON.parse((await server.asAdmin("GET", `/api/audit${query}`)).body) as { entries: Entry[] }).entries;
  /** A change that waits for its entry, and so for all that were noted before. */
  const settle = async (): Promise<void> => void (await server.asAdmin("POST", "/api/teams", { name: "../settle" }));
  const asViewer = (method: string, target: string, body = ""): ReturnType<SecuredServer["send"]> =>
    server.send(method, target, [`Host: ${server.host}`, `Authorization: Bearer ${viewerKey}`, "Content-Type: application/json"], body);
  const slipway = (command: "list" | "verify", options: Record<string, string> = {}): Promise<unknown> =>
    auditCommands.find(({ words }) => words.at(-1) === command)!.run({ api: new HttpApiClient(server.slipway.url, { apiKey: server.adminKey }), progress() {} } as unknown as CommandContext, { positionals: [], options });

  it("says who did what to what, with which end, and which request it was", async () => {
    const made = await server.asAdmin("POST", "/api/teams", { name: "search" });
    assert.equal(made.status, 200);
    const refused = await asViewer("POST", "/api/teams", '{"name":"canary"}');
    const unknown = await server.send("GET", "/api/keys");
    const failed = await server.asAdmin("POST", "/api/teams", { name: "search" });
    assert.deepEqual([refused.status, failed.status], [403, 409]);
    await settle();
    const found = await entries();
    const [admin, viewer] = [found.find(({ action }) => action === "setUp")!.object, found.find(({ detail }) => detail.name === "reader")!.object];
    const of = (action: string, result: string): Entry => found.find((entry) => entry.action === action && entry.result === result)!;
    assert.deepEqual([of("createTeam", "allowed").actor, of("createTeam", "allowed").object], [admin, "team:search"]);
    assert.deepEqual([of("createTeam", "denied").actor, of("createTeam", "denied").detail.code, of("createTeam", "denied").requestId], [viewer, "FORBIDDEN", refused.headers["x-request-id"]![0]]);
    const exists = found.find((entry) => entry.requestId === failed.headers["x-request-id"]![0])!;
    assert.deepEqual([exists.result, exists.actor, exists.detail.code], ["failed", admin, "TEAM_EXISTS"]);
    assert.equal(unknown.status, 401);
    assert.equal(found.find((entry) => entry.requestId === unknown.headers["x-request-id"]![0])!.actor, "anonymous");
    assert.equal(found.at(-1)!.action, "server.started");
    assert.ok(!(await server.asAdmin("GET", "/api/teams")).body.includes("canary"));
  });

  it("is for admins of the whole server, and takes no entry from outside", async () => {
    const teamAdmin = (JSON.parse((await server.asAdmin("POST", "/api/keys", { name: "team admin", grants: [{ role: "admin", team: "search" }], team: "search" })).body) as { key: string }).key;
    for (const target of ["/api/audit", "/api/audit/verify"]) {
      assert.equal((await server.send("GET", target)).status, 401);
      assert.equal((await asViewer("GET", target)).status, 403);
      assert.equal((await server.send("GET", target, [`Host: ${server.host}`, `Authorization: Bearer ${teamAdmin}`])).status, 403);
      assert.equal((await server.asAdmin("GET", target)).status, 200);
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) assert.equal((await server.asAdmin(method, target, {})).status, 405, `${method} ${target}`);
    }
    for (const method of ["DELETE", "PUT", "PATCH"]) assert.equal((await server.asAdmin(method, "/api/audit/1", {})).status, 404);
  });

  it("has one entry for truth that corrects what was known, with the counts, and none for truth that is new", async () => {
    const id = (digit: string): string => `prd_${digit.repeat(26)}`;
    const send = async (...values: [string, number][]): Promise<unknown> =>
      JSON.parse((await server.asAdmin("POST", "/api/truth", { records: values.map(([digit, value]) => ({ predictionId: id(digit), value })) })).body);
    assert.deepEqual(await send(["1", 1], ["2", 1]), { added: 2, corrected: 0, unchanged: 0 });
    assert.deepEqual(await send(["1", 1]), { added: 0, corrected: 0, unchanged: 1 });
    assert.deepEqual(await entries("?action=sendTruth"), []);
    assert.deepEqual(await send(["1", 2], ["2", 2], ["3", 3]), { added: 1, corrected: 2, unchanged: 0 });
    assert.deepEqual((await entries("?action=sendTruth")).map(({ result, detail }) => [result, detail]), [["allowed", { added: 1, corrected: 2, unchanged: 0 }]]);
  });

  it("keeps its order and whole chain under many writers at once", async () => {
    await settle();
    const { broken: before, entries: count } = JSON.parse((await server.asAdmin("GET", "/api/audit/verify")).body) as { broken: unknown; entries: number };
    assert.equal(before, null);
    await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? asViewer("POST", "/api/teams", '{"name":"canary"}') : server.asAdmin("POST", "/api/teams", { name: `many-${index}` }))));
    await settle();
    const verified = JSON.parse((await server.asAdmin("GET", "/api/audit/verify")).body) as { broken: unknown; entries: number };
    assert.deepEqual([verified.broken, verified.entries], [null, count + 41]);
  });

  it("shows by the command who changed a row past the server, or cut the end", async () => {
    const kept = (await slipway("verify")) as { head: { sequence: number; hash: string } };
    const expect = `${kept.head.sequence}:${kept.head.hash}`;
    await settle();
    await slipway("verify", { expect });
    const shell = new DatabaseSync(join(directory, "data", "slipway.db"));
    assert.throws(() => shell.exec("update audit_entries set actor = 'somebody' where sequence = 3"), /never changed/);
    assert.throws(() => shell.exec("delete from audit_entries where sequence = 3"), /never changed/);
    const triggers = (shell.prepare("select name, sql from sqlite_schema where type = 'trigger' and tbl_name = 'audit_entries'").all() as { name: string; sql: string }[]);
    for (const { name } of triggers) shell.exec(`drop trigger ${name}`);
    const row = shell.prepare("select actor from audit_entries where sequence = 3").get() as { actor: string };
    shell.exec("update audit_entries set actor = 'somebody' where sequence = 3");
    await assert.rejects(slipway("verify"), { code: "AUDIT_BROKEN", message: /entry 3: .*changed.* 2 entries before it/ });
    shell.prepare("update audit_entries set actor = ? where sequence = 3").run(row.actor);
    await slipway("verify", { expect });
    // A cut end looks whole, but not to whoever kept an earlier head.
    shell.exec(`delete from audit_entries where sequence >= ${kept.head.sequence}`);
    shell.exec(`update audit_head set sequence = ${kept.head.sequence - 1}, hash = (select hash from audit_entries where sequence = ${kept.head.sequence - 1})`);
    await slipway("verify");
    await assert.rejects(slipway("verify", { expect }), { code: "AUDIT_BROKEN", message: /cut/ });
    shell.close();
  });
});

describe("the audit log under a flood of denials", () => {
  it("has the first hundred of a key whole, says of the rest how many of what, and keeps every change", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-audit-flood-"));
    const server = await startSecuredServer({}, { directory });
    const { id, key } = JSON.parse((await server.asAdmin("POST", "/api/keys", { name: "low", grants: [{ role: "contributor" }] })).body) as { id: string; key: string };
    const call = async (path: string, body: object): Promise<number> => {
      const response = await fetch(`${server.slipway.url}${path}`, { method: "POST", headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, body: JSON.stringify(body) });
      await response.arrayBuffer();
      return response.status;
    };
    const isCounted = (): boolean => server.logged.some((line) => line.includes("audit.denials_counted"));
    let denied = 0;
    // On a slow machine minutes begin anew meanwhile: it takes more until some are counted.
    while (!isCounted() && denied < 5000) denied += (await Promise.all(Array.from({ length: 20 }, () => call("/api/teams", { name: "canary" })))).filter((status) => status === 403).length;
    for (let count = 0; count < 7; count++, denied++) assert.equal(await call("/api/webhooks", {}), 403);
    assert.ok(isCounted(), `all of ${denied} denials are whole`);
    // The flood takes nothing from what the same key may do.
    assert.equal(await call("/api/keys", { name: "own", grants: [{ role: "viewer" }] }), 200);
    await server.stop();
    const database = new DatabaseSync(join(directory, "data", "slipway.db"));
    const rows = database.prepare("select action, result, detail_json from audit_entries where actor = ? order by sequence").all(`key:${id}`) as { action: string; result: string; detail_json: string }[];
    database.close();
    rmSync(directory, { recursive: true });
    const summaries = rows.filter(({ action }) => action === "audit.coalesced").map(({ result, detail_json }) => ({ result, ...(JSON.parse(detail_json) as { count: number; actions: Record<string, number> }) }));
    const whole = rows.filter(({ action, result }) => result === "denied" && action !== "audit.coalesced").length;
    assert.ok(whole >= 100, `${whole} whole`);
    assert.equal(whole + summaries.reduce((sum, { count }) => sum + count, 0), denied);
    for (const { result, count, actions } of summaries) assert.deepEqual([result, Object.values(actions).reduce((sum, each) => sum + each, 0)], ["denied", count]);
    assert.deepEqual(rows.filter(({ result }) => result === "allowed").map(({ action }) => action), ["createKey"]);
  });
});
