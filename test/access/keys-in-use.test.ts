import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ApiKey, NewKey } from "../../src/access/index.ts";
import { SlipwayClient } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** A whole server that asks for keys, started from one that was open. */
describe("keys in use", () => {
  let server: RunningServer;
  let admin: SlipwayClient;
  before(async () => {
    const open = await startServer();
    const { key } = await open.client.api.send<{ key: string }>("POST", "/api/keys", { name: "root", grants: [{ role: "admin" }] });
    await open.stop({ keep: true });
    server = await startServer({ directory: open.directory, flags: ["--access", "keys"] });
    admin = new SlipwayClient({ url: server.url, apiKey: key });
  });
  after(() => server.stop());

  const make = (grant: object = { role: "viewer" }, more: object = {}) => admin.api.send<ApiKey & { key: string }>("POST", "/api/keys", { name: "test", grants: [grant], ...more });
  const get = (path: string, headers: Record<string, string>) => fetch(server.url + path, { headers });

  it("end at once where they are revoked: requests, sessions, and answers that go on", async () => {
    const key = await make();
    const signedIn = await fetch(`${server.url}/api/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: key.key }) });
    const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
    const bearer = { Authorization: `Bearer ${key.key}` };
    for (const shown of [bearer, { Cookie: cookie }] as Record<string, string>[]) assert.equal((await get("/api/models", shown)).status, 200);
    const live = await get("/api/live", bearer);
    const others = await get("/api/live", { Authorization: `Bearer ${(await make()).key}` });
    const ended = (async () => {
      for await (const chunk of live.body as unknown as AsyncIterable<Uint8Array>) void chunk;
    })().catch(() => undefined);
    await admin.api.send("DELETE", `/api/keys/${key.id}`);
    for (const shown of [bearer, { Cookie: cookie }] as Record<string, string>[]) assert.equal((await get("/api/models", shown)).status, 401);
    await ended;
    const reader = others.body!.getReader();
    assert.equal((await reader.read()).done, false);
    await reader.cancel();
  });

  it("are revoked by themselves, their maker and their team's admins; to others they are not there", async () => {
    await admin.api.send("POST", "/api/teams", { name: "fraud" });
    const teamAdmin = await make({ role: "admin", team: "fraud" });
    const member = await make({ role: "contributor", team: "fraud" });
    const stranger = await make({ role: "contributor", team: "default" });
    const as = (key: { key: string }): SlipwayClient => new SlipwayClient({ url: server.url, apiKey: key.key });
    const child = await as(member).api.send<ApiKey>("POST", "/api/keys", { name: "child", grants: [{ role: "viewer", team: "fraud" }] });
    const listed = async (key: { key: string }): Promise<string[]> => (await as(key).api.get<{ keys: ApiKey[] }>("/api/keys")).keys.map(({ id }) => id).sort();
    assert.deepEqual(await listed(member), [member.id, child.id].sort());
    assert.deepEqual(await listed(stranger), [stranger.id]);
    assert.deepEqual(await listed(teamAdmin), [teamAdmin.id, member.id, child.id].sort());
    const hidden = await as(stranger).api.send("DELETE", `/api/keys/${child.id}`).catch((error: unknown) => error as Error);
    const none = await as(stranger).api.send("DELETE", `/api/keys/${child.id.slice(0, -4)}0000`).catch((error: unknown) => error as Error);
    assert.equal((hidden as Error).message.replace(child.id, "KEY"), (none as Error).message.replace(`${child.id.slice(0, -4)}0000`, "KEY"));
    await as(teamAdmin).api.send("DELETE", `/api/keys/${child.id}`);
    await as(member).api.send("DELETE", `/api/keys/${member.id}`);
    await assert.rejects(listed(member), { code: "UNAUTHENTICATED" });
  });

  it("take a new secret under the same id: the former one works for its grace and no more, changes nothing, and sessions end", async () => {
    const key = await make({ role: "contributor" });
    const as = (secret: string): SlipwayClient => new SlipwayClient({ url: server.url, apiKey: secret });
    const signIn = (secret: string): Promise<Response> => fetch(`${server.url}/api/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: secret }) });
    const actorOf = async (secret: string): Promise<string> => (await as(secret).api.get<{ caller: { actor: string } }>("/api/session")).caller.actor;
    const cookie = { Cookie: (await signIn(key.key)).headers.get("set-cookie")!.split(";")[0]! };
    assert.equal((await get("/api/models", cookie)).status, 200);

    const rotate = (by: SlipwayClient, rotation?: { graceSeconds: number }): Promise<NewKey> => by.keys.rotate(key.id, rotation);
    const next = await rotate(admin, { graceSeconds: 3600 });
    // When it was used last is noted beside the requests.
    const { key: _old, hint: _oldHint, ...before } = { ...key, formerUntil: next.formerUntil, lastUsedAt: next.lastUsedAt };
    const { key: _new, hint, ...after } = next;
    assert.deepEqual([after, hint, next.key === key.key], [before, next.key.slice(0, 8), false]);
    assert.deepEqual(await Promise.all([key.key, next.key].map(actorOf)), [`key:${key.id}`, `key:${key.id}`]);
    assert.equal((await get("/api/models", cookie)).status, 401);
    // Whoever has the former secret cannot stay longer than its grace, nor shut out the others.
    assert.deepEqual([(await signIn(key.key)).status, (await signIn(next.key)).status], [401, 200]);
    for (const change of [() => rotate(as(key.key)), () => as(key.key).keys.revoke(key.id)]) await assert.rejects(change, { code: "FORBIDDEN" });
    const child = await as(key.key).keys.create({ name: "child", grants: [{ role: "viewer", team: "*" }], expiresInDays: null });
    assert.equal(child.expiresAt, next.formerUntil);

    const last = await rotate(as(next.key));
    assert.equal(await actorOf(last.key), `key:${key.id}`);
    for (const [secret, message] of [[next.key, /was rotated/], [key.key, /no such API key/]] as const) await assert.rejects(actorOf(secret), message);
    const text = JSON.stringify(await Promise.all(["/api/keys", "/api/audit"].map((path) => admin.api.get(path)))) + server.logLines.join("");
    for (const { key: secret } of [key, next, last]) assert.ok(!text.includes(secret.slice(9)));
    const { entries } = await admin.api.get<{ entries: { action: string; object: string; result: string; detail: unknown }[] }>("/api/audit", { limit: 50 });
    assert.deepEqual(entries.filter(({ action, object, result }) => action === "rotateKey" && result === "allowed" && object === `key:${key.id}`).map(({ detail }) => detail), [
      { name: "test", graceSeconds: 0, expiresAt: key.expiresAt }, { name: "test", graceSeconds: 3600, expiresAt: key.expiresAt },
    ]);
    await admin.api.send("DELETE", `/api/keys/${key.id}`);
    await assert.rejects(rotate(admin), { code: "KEY_REVOKED" });
  });

  it("are never shown again, by hash or otherwise, and say when they were used", async () => {
    const key = await make();
    await get("/api/models", { Authorization: `Bearer ${key.key}` });
    for (const path of ["/api/keys", "/api/audit", "/api/session"]) {
      const text = JSON.stringify(await admin.api.get(path));
      assert.ok(!text.includes(key.key.slice(9)), path);
    }
    assert.ok(server.logLines.every((line) => !line.includes(key.key.slice(9))));
    // Written by the next tick of the server's clock.
    for (;;) {
      const { keys } = await admin.api.get<{ keys: ApiKey[] }>("/api/keys");
      if (keys.find(({ id }) => id === key.id)?.lastUsedAt !== null) break;
      await betweenLooks();
    }
  });

  it("are written down with who made and who revoked them, and so is who was denied", async () => {
    const key = await make({ role: "viewer" });
    await assert.rejects(new SlipwayClient({ url: server.url, apiKey: key.key }).api.send("POST", "/api/teams", { name: "mine" }), { code: "FORBIDDEN" });
    await admin.api.send("DELETE", `/api/keys/${key.id}`);
    for (;;) {
      const { entries } = await admin.api.get<{ entries: { action: string; object: string; result: string; actor: string }[] }>("/api/audit", { limit: 20 });
      const of = entries.filter(({ object, actor }) => object === `key:${key.id}` || actor === `key:${key.id}`).map(({ action, result }) => `${action} ${result}`);
      if (of.length < 3) {
        await betweenLooks();
        continue;
      }
      assert.deepEqual(of.sort(), ["createKey allowed", "createTeam denied", "revokeKey allowed"]);
      break;
    }
  });

  it("sign in by a cookie of the plain kind, and sign out", async () => {
    const key = await make();
    const signIn = (body: object) => fetch(`${server.url}/api/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const signedIn = await signIn({ key: key.key });
    assert.match(signedIn.headers.get("set-cookie")!, /^sid=sls_[0-9A-Za-z]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    const cookie = { Cookie: signedIn.headers.get("set-cookie")!.split(";")[0]! };
    const caller = async () => ((await (await get("/api/session", cookie)).json()) as { caller: { actor: string } | null }).caller;
    assert.equal((await caller())?.actor, `key:${key.id}`);
    assert.equal((await signIn({ key: "slk_short" })).status, 401);
    assert.equal((await signIn({ key: `slk_${"A".repeat(43)}` })).status, 401);
    const signedOut = await fetch(`${server.url}/api/session`, { method: "DELETE", headers: { ...cookie, Origin: server.url } });
    assert.match(signedOut.headers.get("set-cookie")!, /^sid=; .*Max-Age=0$/);
    assert.equal(await caller(), null);
  });
});
