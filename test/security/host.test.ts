import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { codeOf, parseReply, startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

describe("Host and target", () => {
  let server: SecuredServer;
  let port: number;
  before(async () => {
    server = await startSecuredServer({ access: "open", allowedHosts: ["slipway.internal:8080"] });
    port = server.slipway.httpPort;
  });
  after(() => server.stop());

  const teams = async (): Promise<string[]> => (JSON.parse((await server.send("GET", "/api/teams")).body) as { teams: { name: string }[] }).teams.map(({ name }) => name);
  const create = (name: string): string => JSON.stringify({ name });

  it("refuses every Host but its own, exactly", async () => {
    const refused = [
      "evil.example", `evil.example:${port}`, "localhost", "127.0.0.1", "[::1]", `localhost:${port + 1}`, `localhost:0${port}`, `localhost.:${port}`, `localhost.evil.example:${port}`, `127.0.0.1.evil.example:${port}`,
      `127.1:${port}`, `2130706433:${port}`, `0.0.0.0:${port}`, `[::]:${port}`, `::1:${port}`, `[::ffff:127.0.0.1]:${port}`, `user@localhost:${port}`, `localhost:${port}@evil.example`, `localhost:${port}/`, `localhost:${port}#`,
      `localhost:${port},evil.example`, `localhost:${port} evil.example`, "slipway.internal", "slipway.internal:80", "evilslipway.internal:8080", "",
    ];
    for (const host of refused) {
      const reply = await server.send("POST", "/api/teams", [`Host: ${host}`, "Content-Type: application/json"], create("canary"));
      assert.ok(reply.status === 421 || reply.status === 400, `${host}: ${reply.status}`);
      if (reply.status === 421) assert.equal(codeOf(reply), "HOST_REFUSED");
    }
    assert.deepEqual(await teams(), ["default"]);
    for (const [index, host] of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LocalHost:${port}`, "slipway.internal:8080"].entries()) {
      assert.equal((await server.send("POST", "/api/teams", [`Host: ${host}`, "Content-Type: application/json"], create(`t${index}`))).status, 200, host);
    }
    assert.equal((await teams()).length, 6);
  });

  it("refuses two Hosts, no Host, and targets of other forms, which Node takes", async () => {
    const own = `Host: localhost:${port}`;
    const raw = async (head: string): Promise<number> => parseReply(await server.raw(`${head}\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{"name":"canary"}`)).status;
    const heads = [
      `POST /api/teams HTTP/1.1\r\n${own}\r\nHost: evil.example`, `POST /api/teams HTTP/1.1\r\nHost: evil.example\r\n${own}`, `POST /api/teams HTTP/1.1\r\n${own}\r\n${own}`, `POST /api/teams HTTP/1.1\r\n${own}\r\nhOsT: localhost:${port}`,
      "POST /api/teams HTTP/1.1\r\nX: y", "POST /api/teams HTTP/1.0", `POST http://localhost:${port}/api/teams HTTP/1.1\r\n${own}`, `POST http://evil.example/api/teams HTTP/1.1\r\n${own}`, `POST //evil.example/api/teams HTTP/1.1\r\n${own}`,
      `POST api/teams HTTP/1.1\r\n${own}`, `POST * HTTP/1.1\r\n${own}`, `POST /api/teams HTTP/1.1\r\n${own}\r\n X: folded`, `POST /api/teams HTTP/1.1\r\nHost : localhost:${port}`, `POST /api/teams HTTP/1.1\r\n${own}\r\nTransfer-Encoding: chunked`,
      `POST /api/teams HTTP/1.1\r\n${own}\r\nContent-Length: 5`,
    ];
    const before = await teams();
    for (const head of heads) {
      const status = await raw(head);
      assert.ok(status >= 400 && status < 500, `${JSON.stringify(head)}: ${status}`);
    }
    assert.deepEqual(await teams(), before);
    assert.equal(await raw(`POST /api/teams HTTP/1.1\r\n${own}`), 200);
    assert.equal((await teams()).includes("canary"), true);
  });

  it("changes nothing on an open server for a page of another origin, and does for its own", async () => {
    const before = await teams();
    const post = (headers: readonly string[]): Promise<RawReply> => server.send("POST", "/api/teams", [`Host: ${server.host}`, "Content-Type: application/json", ...headers], create("from-a-page"));
    for (const headers of [["Origin: https://evil.example"], ["Origin: null"], [`Origin: http://localhost:${port + 1}`], [`Origin: ftp://localhost:${port}`], ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Sec-Fetch-Site: cross-site", `Origin: http://localhost:${port}`]]) {
      const reply = await post(headers);
      assert.deepEqual([reply.status, codeOf(reply)], [403, "CROSS_SITE_REFUSED"], headers.join());
    }
    assert.deepEqual(await teams(), before);
    assert.equal((await post([`Origin: http://localhost:${port}`, "Sec-Fetch-Site: same-origin"])).status, 200);
  });

  it("shares nothing with other origins", async () => {
    for (const origin of ["https://evil.example", "null", "http://localhost:1", `http://evil.example:${port}`]) {
      const preflight = await server.send("OPTIONS", "/api/teams", [`Host: ${server.host}`, `Origin: ${origin}`, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"]);
      assert.ok(preflight.status >= 400, origin);
      const read = await server.send("GET", "/api/teams", [`Host: ${server.host}`, `Origin: ${origin}`]);
      for (const reply of [preflight, read]) assert.equal(Object.keys(reply.headers).some((name) => name.startsWith("access-control-")), false);
    }
  });
});
