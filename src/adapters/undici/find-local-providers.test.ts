import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { findLocalProviders, localProviderHosts, usualSearch, usualServers, type LocalServer } from "./find-local-providers.ts";

describe("local servers of language models", () => {
  const servers: Server[] = [];
  after(() => servers.forEach((server) => server.close()));
  const serve = (status: number, body: string): Promise<number> =>
    new Promise((resolve) => {
      const server = createServer((request, response) => void response.writeHead(request.url === "/v1/models" ? status : 404).end(body));
      servers.push(server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
    });

  const at = (name: string, port: number): LocalServer => ({ ...usualServers.find((server) => server.name === name)!, port });

  it("are looked for at the ports that each takes by default, and nowhere else", () => {
    assert.deepEqual(usualServers.map(({ name, kind, port, base }) => [name, kind, port, base]), [["ollama", "ollama", 11_434, ""], ["llamacpp", "compatible", 8080, "/v1"], ["vllm", "compatible", 8000, "/v1"], ["lmstudio", "compatible", 1234, "/v1"]]);
    assert.deepEqual([usualSearch, localProviderHosts(usualServers)], [{ servers: usualServers, everyMs: 60_000, timeoutMs: 500 }, ["127.0.0.1:11434", "127.0.0.1:8080", "127.0.0.1:8000", "127.0.0.1:1234"]]);
  });

  it("are found where they list models, and nothing else is", async () => {
    const servers = [at("ollama", await serve(200, '{"object":"list","data":[{"id":"llama3"}]}')), at("llamacpp", await serve(200, "<html>")), at("vllm", await serve(500, '{"object":"list","data":[]}')), at("lmstudio", 1)];
    const found = [{ name: "ollama", kind: "ollama", baseUrl: `http://127.0.0.1:${servers[0]!.port}` }] as const;
    assert.deepEqual(await findLocalProviders({ servers, timeoutMs: 20_000 }), found);
    // One that was there and is another by now is gone.
    assert.deepEqual(await findLocalProviders({ servers, timeoutMs: 20_000 }, [...found, { name: "llamacpp", kind: "compatible", baseUrl: "http://127.0.0.1:1/v1" }]), found);
  });

  it("stay while they are too busy to answer, are not found so, and are gone when nobody listens", async () => {
    const busy = createServer(() => undefined);
    servers.push(busy);
    await new Promise<void>((resolve) => void busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as AddressInfo;
    const search = { servers: [at("vllm", port)], timeoutMs: 50 };
    const before = [{ name: "vllm", kind: "compatible", baseUrl: `http://127.0.0.1:${port}/v1` }] as const;
    assert.deepEqual([await findLocalProviders(search, before), await findLocalProviders(search)], [before, []]);
    busy.closeAllConnections();
    await new Promise((resolve) => void busy.close(resolve));
    assert.deepEqual(await findLocalProviders({ ...search, timeoutMs: 20_000 }, before), []);
  });
});
