import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { codeOf, startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

/** The addresses themselves are judged in `src/adapters/egress`; here, that every URL of a user comes to that judge. */
describe("addresses that users set", () => {
  let canary: Server;
  let port: number;
  let touched = 0;
  before(async () => {
    canary = createServer((request, response) => {
      touched++;
      request.resume();
      response.end();
    }).listen(0, "127.0.0.1");
    await once(canary, "listening");
    port = (canary.address() as AddressInfo).port;
  });
  after(() => canary.close());

  const webhooks = async (server: SecuredServer): Promise<number> => (JSON.parse((await server.asAdmin("GET", "/api/webhooks")).body) as { webhooks: unknown[] }).webhooks.length;

  it("lead no webhook into this machine or its network, under no spelling", async () => {
    const server = await startSecuredServer();
    const hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "0.0.0.0", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.1.1", "100.64.0.1", "localhost.", "LOCALHOST", "127.0.0.1.", "017700000001", "0x7f000001", "[::]", "[::127.0.0.1]", "[::ffff:7f00:1]", "[2002:7f00:1::]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::7f00:1]", "[fe80::1]", "[ff02::1]", "１２７.0.0.1", "127。0。0。1"];
    for (const host of hosts) {
      const reply = await server.asAdmin("POST", "/api/webhooks", { name: "canary", url: `http://${host}:${port}/` });
      assert.equal(reply.status, 400, `${host}: ${reply.body}`);
      assert.equal(codeOf(reply), "EGRESS_REFUSED", host);
    }
    for (const url of ["file:///etc/passwd", "ftp://example.com/", "https://user:password@example.com/", "gopher://127.0.0.1/", `https://127.0.0.1:${port}/`, `https://example.com@127.0.0.1:${port}/`, `https://user@example.com:${port}/`, `http://[fe80::1%25lo]:${port}/`, `http://[::1%lo]:${port}/`, `http:127.0.0.1:${port}`, `http:/\\127.0.0.1:${port}/`, "data:text/plain,x", "unix:/var/run/docker.sock", "javascript:1", "dict://127.0.0.1:11211/", "jar:http://127.0.0.1!/", `\thttp://127.0.0.1:${port}/`]) {
      const reply = await server.asAdmin("POST", "/api/webhooks", { name: "canary", url });
      assert.equal(reply.status, 400, url);
    }
    assert.equal(await webhooks(server), 0);
    assert.equal(touched, 0);
    await server.stop();
  });

  it("lead there over MLflow's wire neither: not when a webhook is made, nor when it is changed", async () => {
    const server = await startSecuredServer();
    const mlflow = (method: string, path: string, fields: object) => server.asAdmin(method, `/api/2.0/mlflow/webhooks${path}`, fields);
    const webhook = (url: string) => ({ name: "canary", url, events: [{ entity: "MODEL_VERSION", action: "CREATED" }] });
    const made = await mlflow("POST", "", webhook("https://example.com/"));
    assert.equal(made.status, 200, made.body);
    const { webhook: { webhook_id: id } } = JSON.parse(made.body) as { webhook: { webhook_id: string } };
    for (const url of [`http://127.0.0.1:${port}/`, `http://[::1]:${port}/`, `https://2130706433:${port}/`, "https://169.254.169.254/", "http://example.com/", "https://user:password@example.com/", "file:///etc/passwd"]) {
      for (const reply of [await mlflow("POST", "", webhook(url)), await mlflow("PATCH", `/${id}`, { url })]) {
        assert.equal(reply.status, 400, `${url}: ${reply.body}`);
        assert.equal((JSON.parse(reply.body) as { error_code: string }).error_code, "INVALID_PARAMETER_VALUE", url);
      }
    }
    // A name is judged when it is called.
    assert.equal((await mlflow("PATCH", `/${id}`, { url: `https://localhost:${port}/` })).status, 200);
    const tested = await mlflow("POST", `/${id}/test`, {});
    assert.deepEqual(JSON.parse(tested.body), { result: { success: false, error_message: `Failed to test webhook: localhost:${port} leads to an address that is not on the public internet, and the setting egressAllowed (SLIPWAY_EGRESS_ALLOWED) names neither localhost:${port} nor the block of that address.` } });
    assert.equal(touched, 0);
    await server.stop();
  });

  it("lead there when the configuration says so", async () => {
    const server = await startSecuredServer({ egressAllowed: `127.0.0.1:${port}` });
    assert.equal((await server.asAdmin("POST", "/api/webhooks", { name: "other port", url: `http://127.0.0.1:${port + 1}/` })).status, 400);
    const made = await server.asAdmin("POST", "/api/webhooks", { name: "allowed", url: `http://127.0.0.1:${port}/hook` });
    assert.equal(made.status, 200, made.body);
    const { id } = JSON.parse(made.body) as { id: string };
    assert.equal((await server.asAdmin("POST", `/api/webhooks/${id}/test`, {})).status, 200);
    while (touched === 0) await betweenLooks();
    await server.stop();
  });
});
