import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseReply, startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const consolePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const otherPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'";

/** On every answer, whatever it is. */
const always = {
  "x-content-type-options": "nosniff", "x-frame-options": "deny", "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
};

describe("headers of answers", () => {
  let server: SecuredServer;
  before(async () => {
    server = await startSecuredServer();
  });
  after(() => server.stop());

  function assertHeaders({ headers }: RawReply, expected: Record<string, string>, what: string): void {
    for (const [name, value] of Object.entries({ ...always, ...expected })) assert.deepEqual(headers[name], [value], `${what}: ${name}`);
    // There is no sharing with other origins, and nobody is told what serves here.
    for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^access-control-|^server$|^x-powered-by$/, what);
  }

  it("are whole on every kind of answer of the API", async () => {
    const host = `Host: ${server.host}`;
    const key = `Authorization: Bearer ${server.adminKey}`;
    const kinds: [what: string, status: number, reply: RawReply][] = [
      ["JSON", 200, await server.asAdmin("GET", "/api/models")],
      ["text", 200, await server.send("GET", "/version")],
      ["metrics", 200, await server.asAdmin("GET", "/metrics")],
      ["the reference", 200, await server.send("GET", "/openapi.json")],
      ["HEAD", 200, await server.send("HEAD", "/api/models", [host, key])],
      ["a change", 200, await server.asAdmin("POST", "/api/teams", { name: "search" })],
      ["a cookie", 200, await server.send("POST", "/api/session", [host, "Content-Type: application/json"], JSON.stringify({ key: server.adminKey }))],
      ["a redirect", 303, await server.send("GET", "/api/session/oidc/start")],
      ["401", 401, await server.send("GET", "/api/models")],
      ["a wrong key", 401, await server.send("GET", "/api/models", [host, "Authorization: Bearer slk_wrong"])],
      ["403", 403, await server.send("POST", "/api/teams", [host, key, "Sec-Fetch-Site: cross-site"], "{}")],
      ["404", 404, await server.asAdmin("GET", "/api/models/none")],
      ["no route", 404, await server.asAdmin("GET", "/api/nothing")],
      ["405", 405, await server.asAdmin("DELETE", "/api/models")],
      ["400", 400, await server.asAdmin("POST", "/api/teams", { name: "../x" })],
      ["413", 413, await server.send("POST", "/api/teams", [host, key, "Content-Type: application/json"], " ".repeat((1 << 20) + 1))],
      ["421", 421, await server.send("GET", "/api/models", ["Host: evil.example", key])],
      ["Open Inference", 404, await server.asAdmin("GET", "/v2/models/none")],
      ["no request", 400, parseReply(await server.raw("this is no request\r\n\r\n"))],
      ["too many headers", 431, parseReply(await server.raw(`GET / HTTP/1.1\r\n${host}\r\nX: ${"x".repeat(40_000)}\r\n\r\n`))],
      ["CONNECT", 405, parseReply(await server.raw(`CONNECT evil.example:443 HTTP/1.1\r\n${host}\r\n\r\n`))],
      ["backup", 200, await server.asAdmin("POST", "/api/backup")],
    ];
    for (const [what, status, reply] of kinds) {
      assert.equal(reply.status, status, `${what}: ${reply.body.slice(0, 300)}`);
      assertHeaders(reply, { "cache-control": "no-store", "content-security-policy": otherPolicy }, what);
    }
    assert.match(kinds.at(-1)![2].headers["content-disposition"]![0]!, /^attachment; /);
  });

  it("let the console run its own scripts and styles and nothing else", async (context) => {
    if (!existsSync(join(import.meta.dirname, "../../dist/console/index.html"))) return context.skip("the console is not built");
    const page = await server.send("GET", "/", [`Host: ${server.host}`, "Accept: text/html"]);
    const script = /<script[^>]+src="([^"]+)"/.exec(page.body)![1]!;
    for (const [path, status] of [["/", 200], ["/models", 200], ["/sign-in?error=SIGN_IN_FAILED", 200], ["/nowhere", 404], [script, 200]] as const) {
      const reply = await server.send("GET", path, [`Host: ${server.host}`, "Accept: text/html"]);
      assert.equal(reply.status, status, path);
      assertHeaders(reply, { "content-security-policy": consolePolicy }, path);
    }
    // What the policy would refuse is not there in the first place.
    assert.doesNotMatch(page.body, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|https?:\/\//i);
    const etag = (await server.send("GET", script)).headers.etag![0]!;
    const unchanged = await server.send("GET", script, [`Host: ${server.host}`, `If-None-Match: ${etag}`]);
    assert.equal(unchanged.status, 304);
    assertHeaders(unchanged, { "content-security-policy": consolePolicy }, "304");
  });
});
