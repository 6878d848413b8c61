import assert from "node:assert/strict";
import dns from "node:dns";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { createServer, type AddressInfo, type Server } from "node:net";
import { after, before, describe, it, mock } from "node:test";
import { codeOf, startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const privateHosts = [
  "127.0.0.1", "localhost", "2130706433", "017700000001", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "0", "0.0.0.0", "10.1", "169.254.169.254", "2852039166", "192.168.0.1", "172.16.0.1", "100.64.0.1", "[::1]", "[::]",
  "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]", "１２７.0.0.1", "127。0。0。1", "127.0.0.1.", "LOCALHOST.",
];

/** As in egress.test.ts for webhooks and in gateway-egress.test.ts for providers: here, that these addresses come to the same judge. */
describe("addresses of servers upstream and of imports", () => {
  let canary: Server;
  let port = 0;
  let touched = 0;
  let server: SecuredServer;
  /** What each name resolves to. */
  const names = new Map<string, string[]>();
  before(async () => {
    canary = createServer((socket) => {
      touched++;
      socket.destroy();
    }).listen(0);
    await once(canary, "listening");
    port = (canary.address() as AddressInfo).port;
    const real = dns.promises.lookup.bind(dns.promises);
    mock.method(dns.promises, "lookup", (name: string, ...rest: [dns.LookupAllOptions]) => {
      const found = names.get(name);
      return found === undefined ? real(name, ...rest) : Promise.resolve(found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })));
    });
    syncBuiltinESMExports();
    server = await startSecuredServer();
  });
  after(async () => {
    await server.stop();
    mock.restoreAll();
    syncBuiltinESMExports();
    canary.close();
  });

  const ways: Record<string, (url: string) => Promise<RawReply>> = {
    "a server upstream": (url) => server.asAdmin("POST", "/api/models/canary/versions", { upstream: { url, protocol: "open-inference", headers: { Authorization: "Bearer kept" } } }),
    "an import": (url) => server.asAdmin("POST", "/api/imports", { kind: "mlflow", from: url }),
  };

  /** Where the name had to be looked up first, a server upstream is one that this server may not reach. */
  function assertRefused(reply: RawReply, of: string): void {
    const code = codeOf(reply);
    assert.ok((reply.status === 400 && code === "EGRESS_REFUSED") || (reply.status === 503 && code === "UPSTREAM_UNREACHABLE" && reply.body.includes("may not reach")), `${of}: ${reply.body}`);
  }

  for (const [way, ask] of Object.entries(ways)) {
    it(`are refused under every spelling of a private one: ${way}`, async () => {
      for (const host of privateHosts) {
        for (const scheme of ["http", "https"]) {
          const reply = await ask(`${scheme}://${host}:${port}`);
          assertRefused(reply, `${scheme}://${host}`);
        }
      }
      for (const url of ["file:///etc/passwd", "gopher://127.0.0.1:70/", "unix:/var/run/docker.sock", "data:,x", `https://user:password@models.example:${port}`, `https://example.com@127.0.0.1:${port}`, `http:127.0.0.1:${port}`]) assert.equal((await ask(url)).status, 400, url);
      assert.equal(touched, 0);
    });

    it(`are refused where their name leads to a private one, also to one among public ones: ${way}`, async () => {
      const found = [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["fd00:ec2::254"], ["64:ff9b::7f00:1"], ["0.0.0.0"], ["93.184.215.14", "127.0.0.1"], ["2606:2800:220:1::1", "::1"]];
      for (const [index, addresses] of found.entries()) {
        // A name of its own: what one resolved to is remembered for seconds.
        const name = `m${index}.${way.replaceAll(" ", "-")}.example`;
        names.set(name, addresses);
        const reply = await ask(`https://${name}:${port}`);
        assertRefused(reply, addresses.join());
        for (const address of addresses) assert.ok(!reply.body.includes(address), reply.body);
      }
      assert.equal(touched, 0);
    });
  }

  it("leave nothing behind", async () => {
    const { models } = JSON.parse((await server.asAdmin("GET", "/api/models")).body) as { models: unknown[] };
    assert.deepEqual(models, []);
  });
});
