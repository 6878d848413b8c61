import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { parseReply, startSecuredServer, type RawReply } from "../kit/secured-server.ts";

/** What no caller may read: folders of the machine, stacks, and the words of the libraries below. */
const leaks = [/\/(home|tmp|root|usr|var|etc|proc|work)\//, /\n\s+at /, /node_modules|\.ts:\d|\.js:\d/, /sqlite|kysely|no such table|constraint|SELECT|select \*/i, /\bE(NOENT|ACCES|CONN[A-Z]+|PIPE)\b/, /(Type|Syntax|Reference|Range)Error/, /\[object Object\]/, /undefined/];

function assertClean({ body, headers }: RawReply, what: string): void {
  for (const leak of leaks) assert.doesNotMatch(body, leak, what);
  for (const [name, values] of Object.entries(headers)) for (const leak of leaks.slice(0, 3)) assert.doesNotMatch(values.join(), leak, `${what}: ${name}`);
}

describe("errors", () => {
  it("tell the caller nothing of the machine, and the log the cause under the same request id", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-errors-"));
    const server = await startSecuredServer({}, { directory });
    assert.equal((await server.asAdmin("GET", "/api/teams")).status, 200);
    // The table of teams is not what the program expects: a failure that nobody foresaw.
    const shell = new DatabaseSync(join(directory, "data", "slipway.db"));
    /** The server, in this process too, may be writing at this moment. */
    const rename = async (from: string, to: string): Promise<void> => {
      for (;;) {
        try {
          return shell.exec(`alter table ${from} rename to ${to}`);
        } catch (error) {
          if (!String(error).includes("locked")) throw error;
          await betweenLooks();
        }
      }
    };
    await rename("teams", "teams_of_canary");
    for (const [method, body] of [["GET", undefined], ["POST", { name: "canary" }]] as const) {
      const reply = await server.asAdmin(method, "/api/teams", body);
      assert.equal(reply.status, 500, reply.body);
      assertClean(reply, method);
      const { error } = JSON.parse(reply.body) as { error: { code: string; requestId: string } };
      assert.deepEqual([error.code, reply.headers["x-request-id"]], ["INTERNAL", [error.requestId]]);
      const line = server.logged.find((text) => text.includes(error.requestId) && text.includes("request.failed"));
      assert.match(line ?? "", /no such table: teams/);
    }
    await rename("teams_of_canary", "teams");
    shell.close();
    assert.equal((await server.asAdmin("GET", "/api/teams")).status, 200);
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  it("say what was wrong with a request in the server's own words", async () => {
    const server = await startSecuredServer();
    const key = [`Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, "Content-Type: application/json"];
    const replies: [string, RawReply][] = [
      ["broken JSON", await server.send("POST", "/api/teams", key, '{"name":')], ["a wrong type", await server.asAdmin("POST", "/api/teams", { name: 7 })], ["an array", await server.asAdmin("POST", "/api/teams", [])],
      ["a wrong query", await server.asAdmin("GET", "/api/audit?limit=many")], ["no such thing", await server.asAdmin("GET", "/api/keys/../../etc/passwd")], ["a percent", await server.asAdmin("GET", "/api/models/%E0%A4%A")],
      ["NUL", await server.asAdmin("POST", "/api/teams", { name: "a\0b" })], ["half a pair", await server.asAdmin("POST", "/api/keys", { name: "\ud800", grants: [{ role: "viewer" }] })],
      ["no request", parseReply(await server.raw("GET\r\n\r\n"))], ["gzip", await server.send("POST", "/api/teams", [...key, "Content-Encoding: gzip"], "not gzip")], ["a large number", await server.asAdmin("GET", "/api/audit?before=99999999999999999999")],
    ];
    for (const [what, reply] of replies) {
      assert.ok(reply.status >= 400 && reply.status < 500, `${what}: ${reply.status} ${reply.body}`);
      assertClean(reply, what);
      const { error } = JSON.parse(reply.body) as { error: { message: string } };
      assert.ok(error.message.length >= 10, what);
    }
    // A workflow's input is read by the schema of its author; a schedule has one too.
    for (const [method, path, more] of [["POST", "/api/workflows/maintenance/runs", {}], ["PUT", "/api/schedules/own", { workflow: "maintenance", cron: "0 3 * * *" }]] as const) {
      const refused = async (input: unknown): Promise<unknown> => (JSON.parse((await server.asAdmin(method, path, { input, ...more })).body) as { error: { problems: unknown } }).error.problems;
      assert.deepEqual(await refused({ rows: 1 }), [{ path: "input", message: 'has the unknown field "rows"' }]);
      assert.deepEqual(await refused("all"), [{ path: "input", message: "must be an object, but is a string" }]);
    }
    assert.equal((await server.asAdmin("POST", "/api/teams", { name: "fine" })).status, 200);
    await server.stop();
  });
});
