import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { findLocalProviders } from "./find-local-providers.ts";

describe("local servers of language models", () => {
  const servers: Server[] = [];
  after(() => servers.forEach((server) => server.close()));
  const serve = (status: number, body: string): Promise<number> =>
    new Promise((resolve) => {
      const server = createServer((request, response) => void response.writeHead(request.url === "/v1/models" ? status : 404).end(body));
      servers.push(server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
    });

  it("are found where they list models, and nothing else is", async () => {
    const ports = { ollama: await serve(200, '{"object":"list","data":[{"id":"llama3"}]}'), llamacpp: await serve(200, "<html>"), vllm: await serve(500, '{"object":"list","data":[]}'), lmstudio: 1 };
    assert.deepEqual(await findLocalProviders(20_000, ports), [{ name: "ollama", kind: "ollama", baseUrl: `http://127.0.0.1:${ports.ollama}` }]);
  });
});
