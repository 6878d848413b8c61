import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { declaredRoutes } from "../../scripts/declared-routes.ts";
import { codeOf, startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

describe("what a browser is made to send", () => {
  let server: SecuredServer;
  let cookie: string;
  before(async () => {
    server = await startSecuredServer();
    cookie = (await signIn()).headers["set-cookie"]![0]!.split(";")[0]!;
  });
  after(() => server.stop());

  const own = (): string => `Origin: http://${server.host}`;
  const signIn = (more: readonly string[] = []): Promise<RawReply> =>
    server.send("POST", "/api/session", [`Host: ${server.host}`, "Content-Type: application/json", ...more], JSON.stringify({ key: server.adminKey }));
  const createTeam = (name: string, more: readonly string[]): Promise<RawReply> =>
    server.send("POST", "/api/teams", [`Host: ${server.host}`, "Content-Type: application/json", ...more], JSON.stringify({ name }));
  const teams = async (): Promise<string> => (await server.asAdmin("GET", "/api/teams")).body;

  it("is told to keep the session from scripts and other sites", async () => {
    const line = (await signIn()).headers["set-cookie"]![0]!;
    assert.match(line, /^sid=sls_[A-Za-z0-9]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  });

  it("changes nothing with the cookie of a person when another site sends it, and does when the console does", async () => {
    const before = await teams();
    const attacks: string[][] = [
      ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Sec-Fetch-Site: none, cross-site"], ["Origin: https://evil.example"], ["Origin: null"], ["Origin: "],
      [`Origin: http://${server.host}.evil.example`], [`Origin: http://evil.example/http://${server.host}`], [`Origin: https://evil.example?${server.host}`], ["Origin: file://"], [],
      [own(), "Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: "], ["Sec-Fetch-Mode: navigate"],
    ];
    for (const headers of attacks) {
      const reply = await createTeam("canary", [`Cookie: ${cookie}`, ...headers]);
      assert.ok(reply.status === 403 || reply.status === 401, `${headers.join()}: ${reply.status}`);
    }
    assert.equal(await teams(), before);
    assert.equal((await createTeam("one", [`Cookie: ${cookie}`, own()])).status, 200);
    assert.equal((await createTeam("two", [`Cookie: ${cookie}`, "Sec-Fetch-Site: same-origin"])).status, 200);
    // Whoever shows a key is no browser that somebody tricks.
    assert.equal((await createTeam("three", [`Authorization: Bearer ${server.adminKey}`])).status, 200);
  });

  it("gets no page of a form, a link or an image to change something: GET never does", async () => {
    const before = (await server.asAdmin("GET", "/api/audit?limit=1")).body;
    const gets = declaredRoutes().filter(({ method, response }) => method === "GET" && !("mediaType" in response && response.mediaType === "text/event-stream"));
    assert.ok(gets.length > 20);
    for (const { path } of gets) {
      const target = path.replaceAll(/:[a-zA-Z]+/g, "x").replaceAll(/\(.*?\)/g, "");
      // Parameters that mean something to other routes change nothing here.
      await server.send("GET", `${target}?delete=1&_method=DELETE`, [`Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, "X-HTTP-Method-Override: DELETE"]);
    }
    assert.equal((await server.asAdmin("GET", "/api/audit?limit=1")).body, before);
  });

  it("makes no request of a form: bodies are JSON by their type", async () => {
    const before = await teams();
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]) {
      const reply = await server.send("POST", "/api/teams", [`Host: ${server.host}`, `Cookie: ${cookie}`, own(), `Content-Type: ${type}`], '{"name":"canary"}');
      assert.deepEqual([reply.status, codeOf(reply)], [415, "UNSUPPORTED_MEDIA_TYPE"], type);
    }
    assert.equal(await teams(), before);
  });

  it("is out when it signs out, whoever kept the cookie", async () => {
    const kept = (await signIn()).headers["set-cookie"]![0]!.split(";")[0]!;
    const who = (): Promise<RawReply> => server.send("GET", "/api/keys", [`Host: ${server.host}`, `Cookie: ${kept}`]);
    assert.equal((await who()).status, 200);
    await server.send("DELETE", "/api/session", [`Host: ${server.host}`, `Cookie: ${kept}`, own()]);
    assert.equal((await who()).status, 401);
  });
});
