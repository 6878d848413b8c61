import assert from "node:assert/strict";
import dns from "node:dns";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { createServer, type AddressInfo, type Server } from "node:net";
import { after, before, describe, it, mock } from "node:test";
import { codeOf, startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { GatewayUpstream } from "../server/gateway-upstream.ts";

const question = [{ role: "user", content: "hello" }];

/** What is judged and how is shown beside `src/adapters/egress`; here, that nothing of the gateway leads past that judge on a whole server. */
describe("addresses that the gateway is given", () => {
  /** Whoever comes here was let into this machine. */
  let canary: Server;
  let canaryPort: number;
  let touched = 0;
  /** An address of this machine that the configuration allows, and who came to it. */
  const allowed = "127.0.0.2";
  let reached = 0;
  let server: SecuredServer;
  const upstream = new GatewayUpstream((_call, response) => void response.end());
  let upstreamUrl: string;
  /** What each name resolves to, asked again for each connection. */
  const names = new Map<string, string[]>();
  before(async () => {
    canary = createServer((socket) => {
      if (socket.localAddress?.endsWith(allowed) === true) reached++;
      else touched++;
      socket.destroy();
    }).listen(0);
    await once(canary, "listening");
    canaryPort = (canary.address() as AddressInfo).port;
    upstreamUrl = await upstream.start();
    const real = dns.promises.lookup.bind(dns.promises);
    mock.method(dns.promises, "lookup", (name: string, ...rest: [dns.LookupAllOptions]) => {
      const found = names.get(name);
      return found === undefined ? real(name, ...rest) : Promise.resolve(found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })));
    });
    syncBuiltinESMExports();
    server = await startSecuredServer({ egressAllowed: [new URL(upstreamUrl).host, allowed] });
  });
  after(async () => {
    await server.stop();
    mock.restoreAll();
    syncBuiltinESMExports();
    upstream.stop();
    canary.close();
  });

  let revision = 0;
  async function setProvider(baseUrl: string): Promise<RawReply> {
    const reply = await server.asAdmin("PUT", "/api/gateway/providers/suspect", { revision, settings: { kind: "compatible", baseUrl, breaker: { failures: 1000, openSeconds: 1 } } });
    if (reply.status === 200) revision++;
    return reply;
  }
  const chat = (messages: unknown = question): Promise<RawReply> => server.asAdmin("POST", "/v1/chat/completions", { model: "suspect/m", messages });

  it("are refused when they are entered, under every spelling of a private address", async () => {
    const hosts = [
      "127.0.0.1", "2130706433", "017700000001", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "0", "0.0.0.0", "10.1", "169.254.169.254", "2852039166", "0251.0376.0251.0376", "192.168.0.1", "172.16.0.1", "100.64.0.1",
      "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]", "１２７.0.0.1", "127。0。0。1", "127.0.0.1.", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::7f00:1]", "[::ffff:0:127.0.0.1]", "user@127.0.0.1", "example.com@127.0.0.1", "[::1%25lo]",
    ];
    for (const host of hosts) {
      for (const scheme of ["http", "https"]) {
        const reply = await setProvider(`${scheme}://${host}:${canaryPort}/v1`);
        assert.equal(reply.status, 400, `${scheme}://${host}: ${reply.body}`);
      }
    }
    for (const url of ["file:///etc/passwd", "gopher://127.0.0.1:70/", "unix:/var/run/docker.sock", "data:,x", `https://user:password@models.example:${canaryPort}/v1`]) assert.equal((await setProvider(url)).status, 400, url);
    assert.deepEqual([touched, revision], [0, 0]);
  });

  it("are asked once for each connection: a name that leads elsewhere the second time leads nowhere", async () => {
    assert.equal((await setProvider(`https://models.example:${canaryPort}/v1`)).status, 200);
    let asked = 0;
    const found = names.get.bind(names);
    // One address for who judges it, another for who would ask once more to connect.
    const swapped = mock.method(names, "get", (name: string) => (name === "models.example" ? [asked++ % 2 === 0 ? allowed : "127.0.0.1"] : found(name)));
    for (let call = 0; call < 3; call++) assert.ok((await chat()).status >= 400);
    assert.ok(reached > 0);
    for (const name of ["localhost.", "LOCALHOST.", "sub.localhost"]) {
      assert.equal((await setProvider(`https://${name}:${canaryPort}/v1`)).status, 200, name);
      assert.match((await chat()).body, /egress_refused|provider_unavailable/, name);
    }
    swapped.mock.restore();
    assert.equal(touched, 0);
  });

  it("are refused when a name leads to a private address, also to one among public ones, and nothing is sent", async () => {
    const addresses = [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["fd00:ec2::254"], ["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["0.0.0.0"], ["93.184.215.14", "127.0.0.1"], ["2606:2800:220:1::1", "::1"]];
    assert.equal((await setProvider(`https://localhost:${canaryPort}/v1`)).status, 200);
    assert.match((await chat()).body, /egress_refused/);
    names.set("models.example", ["93.184.215.14"]);
    assert.equal((await setProvider(`https://models.example:${canaryPort}/v1`)).status, 200);
    for (const found of addresses) {
      names.set("models.example", found);
      const reply = await chat();
      assert.ok(reply.status >= 400 && /egress_refused/.test(reply.body), `${found.join()}: ${reply.body}`);
      for (const address of found) assert.ok(!reply.body.includes(address), reply.body);
      const tested = await server.asAdmin("POST", "/api/gateway/providers/suspect/test", {});
      assert.ok(!/"ok":true/.test(tested.body), tested.body);
      // Whoever sets the provider up is told which host it is and what would allow it, and nobody what its name resolved to.
      assert.match(tested.body, /models\.example:\d+ leads to an address that is not on the public internet, and the setting egressAllowed/);
      assert.ok(!reply.body.includes("models.example"), reply.body);
      for (const address of found) assert.ok(!tested.body.includes(address), tested.body);
    }
    assert.equal(touched, 0);
  });

  it("are not followed where a provider redirects to them", async () => {
    assert.equal((await setProvider(`${upstreamUrl}/v1`)).status, 200);
    for (const status of [301, 302, 303, 307, 308]) {
      for (const location of [`http://127.0.0.1:${canaryPort}/`, `http://[::1]:${canaryPort}/`, `//2130706433:${canaryPort}/`, "http://169.254.169.254/latest/meta-data/"]) {
        upstream.answer = (_call, response) => void response.writeHead(status, { location, "content-type": "application/json" }).end('{"choices":[{"message":{"content":"secret"}}]}');
        const reply = await chat();
        assert.ok(reply.status >= 500 && !reply.body.includes("secret"), `${status} ${location}: ${reply.status} ${reply.body}`);
      }
    }
    assert.equal(touched, 0);
  });

  it("are not handed on to a provider as those of images and documents", async () => {
    const asked = upstream.calls.length;
    for (const host of ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[fd00:ec2::254]", "localhost.", "sub.localhost", "127.0.0.1.", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "017700000001", "１２７.0.0.1", "user@127.0.0.1", "example.com@[::1]"]) {
      const url = `http://${host}:${canaryPort}/image.png`;
      const replies = [
        await chat([{ role: "user", content: [{ type: "image_url", image_url: { url } }] }]),
        await server.asAdmin("POST", "/v1/responses", { model: "suspect/m", input: [{ role: "user", content: [{ type: "input_image", image_url: url }] }] }),
        await server.asAdmin("POST", "/v1/responses", { model: "suspect/m", input: [{ role: "user", content: [{ type: "input_file", file_url: url }] }] }),
        ...(await Promise.all(["image", "document"].map((type) => server.asAdmin("POST", "/v1/messages", { model: "suspect/m", max_tokens: 5, messages: [{ role: "user", content: [{ type, source: { type: "url", url } }] }] })))),
      ];
      assert.deepEqual(replies.map(({ status }) => status), [400, 400, 400, 400, 400], `${url}: ${replies.map(({ body }) => body).join("\n")}`);
    }
    assert.deepEqual([touched, upstream.calls.length], [0, asked]);
  });

  it("say why, when they are entered", async () => {
    assert.equal(codeOf(await setProvider(`https://[::1]:${canaryPort}/v1`)), "EGRESS_REFUSED");
  });
});
