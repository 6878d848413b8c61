import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { codeOf, startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

/** Names with which an object's prototype is reached in JavaScript. */
const names = ["__proto__", "constructor", "prototype", "__proto__.polluted", "constructor.prototype.polluted", "hasOwnProperty", "toString", "valueOf"];

describe("names that JavaScript gives a meaning", () => {
  let server: SecuredServer;
  before(async () => {
    server = await startSecuredServer();
  });
  after(() => server.stop());

  /** The server lives in this process: what it had polluted would be seen here. */
  function assertClean(): void {
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.deepEqual(Object.keys(Object.prototype), []);
    assert.deepEqual(Object.keys(Function.prototype), []);
  }

  const raw = (method: string, target: string, body: string): ReturnType<SecuredServer["send"]> =>
    server.send(method, target, [`Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, "Content-Type: application/json"], body);

  it("are no fields of a body", async () => {
    for (const body of [
      '{"__proto__":{"polluted":true},"name":"canary"}', '{"constructor":{"prototype":{"polluted":true}},"name":"canary"}', '{"name":"canary","__proto__":null}', '{"name":"canary","prototype":{}}',
      '{"__proto__":{"name":"canary"}}', '{"name":{"__proto__":{"polluted":true}}}',
    ]) {
      const reply = await raw("POST", "/api/teams", body);
      assert.deepEqual([reply.status, codeOf(reply)], [400, "INVALID_REQUEST"], body);
    }
    const key = await raw("POST", "/api/keys", '{"name":"x","grants":[{"role":"viewer","__proto__":{"team":"*","role":"admin"}}]}');
    assert.equal(key.status, 400);
    assertClean();
    assert.ok(!(await server.asAdmin("GET", "/api/teams")).body.includes("canary"));
    assert.equal((await raw("POST", "/api/teams", '{"name":"legitimate"}')).status, 200);
  });

  it("are no names of teams, models or aliases", async () => {
    for (const name of names.filter((text) => !text.includes("."))) {
      assert.equal((await server.asAdmin("POST", "/api/teams", { name })).status, 400, name);
      assert.equal((await server.asAdmin("GET", `/api/models/${name}`)).status, 400, name);
      assert.equal((await server.asAdmin("DELETE", `/api/teams/${name}`)).status, 400, name);
    }
    assertClean();
  });

  it("are data where people write what they like, and come back as they were", async () => {
    for (const name of names) {
      const made = await server.asAdmin("POST", "/api/keys", { name, grants: [{ role: "viewer", team: "legitimate", models: [name], experiments: [name] }], team: "legitimate" });
      assert.equal(made.status, 200, made.body);
      const { id, grants } = JSON.parse(made.body) as { id: string; grants: { models: string[] }[] };
      assert.deepEqual(grants[0]!.models, [name]);
      const { keys } = JSON.parse((await server.asAdmin("GET", "/api/keys")).body) as { keys: { id: string; name: string }[] };
      assert.equal(keys.find((key) => key.id === id)?.name, name);
      const { entries } = JSON.parse((await server.asAdmin("GET", "/api/audit?limit=1")).body) as { entries: { detail: { name: string } }[] };
      assert.equal(entries[0]!.detail.name, name);
    }
    assertClean();
  });

  it("are no parameters of a query, and nothing is looked up by them", async () => {
    for (const name of names) {
      for (const target of [`/api/audit?${name}=true`, `/api/audit?${name}[polluted]=true`]) assert.equal((await server.asAdmin("GET", target)).status, 400, target);
      for (const target of [`/api/audit?actor=${name}`, `/api/audit?object=${name}&action=${name}`]) {
        const reply = await server.asAdmin("GET", target);
        assert.deepEqual([reply.status, (JSON.parse(reply.body) as { entries: unknown[] }).entries], [200, []], target);
      }
      assert.equal((await server.asAdmin("GET", `/api/${name}`)).status, 404);
      assert.equal((await server.asAdmin("GET", `/${name}`, undefined, ["Accept: application/json"])).status, 404);
      assert.ok((await server.send("GET", "/api/models", [`Host: ${server.host}`, `Authorization: ${name} x`])).status === 401);
      assert.ok((await server.send("GET", "/api/models", [`Host: ${server.host}`, `Cookie: ${name}=x; sid=${name}`])).status === 401);
    }
    assert.equal((await server.asAdmin("GET", "/api/audit?action=createKey&limit=3")).status, 200);
    assertClean();
  });
});
