import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, rmSync } from "node:fs";
import type { ClientRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { usualServers } from "../../src/adapters/undici/find-local-providers.ts";
import { startSlipway, type Slipway } from "../../src/compose.ts";
import { Config } from "../../src/config/index.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { seedDataDirectory } from "../kit/empty-database.ts";
import { GatewayUpstream, speakOpenAi } from "./gateway-upstream.ts";

type Options = NonNullable<Parameters<typeof startSlipway>[1]>;

describe("servers of language models on the machine of an open server", () => {
  const directory = mkdtempSync(join(tmpdir(), "slipway-local-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  let starts = 0;
  const start = (settings: Record<string, unknown>, options: Options = {}): Promise<Slipway> => {
    const config = Config.parse({ port: 0, grpcPort: 0, data: join(directory, `data-${++starts}`), drainMs: 0, ...settings });
    seedDataDirectory(config.data);
    return startSlipway(config, { logger: silentLogger, ...options });
  };

  describe("as they come and go", () => {
    const upstream = new GatewayUpstream(speakOpenAi);
    let slipway: Slipway;
    let port = 0;
    const get = async <Answer>(path: string): Promise<Answer> => (await fetch(slipway.url + path)).json() as Promise<Answer>;
    const found = async (): Promise<string[]> => (await get<{ providers: { name: string; origin: string; settings: { kind: string; baseUrl: string } }[] }>("/api/gateway/providers")).providers.filter(({ origin }) => origin === "found").map(({ name, settings }) => `${name} ${settings.kind} ${settings.baseUrl}`);
    const ask = async (model: string): Promise<{ status: number; told: string }> => {
      const reply = await fetch(`${slipway.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] }) });
      const { choices, error } = await reply.json() as { choices?: [{ message: { content: string } }]; error?: { message: string } };
      return { status: reply.status, told: choices?.[0].message.content ?? error!.message };
    };
    before(async () => {
      port = Number(new URL(await upstream.start()).port);
      // vLLM's place is where nobody listens.
      const servers = usualServers.filter(({ name }) => name === "ollama" || name === "vllm").map((server) => ({ ...server, port: server.name === "ollama" ? port : 1 }));
      slipway = await start({}, { localSearch: { servers, everyMs: 20, timeoutMs: 60_000 } });
    });
    after(async () => {
      await slipway.stop();
      upstream.stop();
    });

    it("are called by name with no setting at all, past the rule that keeps other servers of this machine away", async () => {
      while ((await found()).length === 0) await betweenLooks();
      assert.deepEqual(await found(), [`ollama ollama http://127.0.0.1:${port}`]);
      assert.deepEqual(await ask("ollama/llama3.2"), { status: 200, told: "You said: hello" });
      assert.equal(upstream.calls.find(({ path }) => path === "/v1/chat/completions")?.body.model, "llama3.2");
      const never = await ask("vllm/m");
      assert.equal(never.status, 404);
      assert.doesNotMatch(never.told, /no more/);
    });

    it("are said to be gone, with the address where they were", async () => {
      upstream.stop();
      while ((await found()).length > 0) await betweenLooks();
      const { status, told } = await ask("ollama/llama3.2");
      assert.equal(status, 404);
      assert.match(told, new RegExp(`its provider was found at http://127\\.0\\.0\\.1:${port} on the server's machine, and answers there no more`));
    });
  });

  it("are looked for at their usual ports, unless that is turned off or the server asks for keys", async () => {
    const asked: string[] = [];
    const listen = (message: unknown): void => {
      const { host, path } = (message as { request: ClientRequest }).request;
      if (path === "/v1/models") asked.push(String((message as { request: ClientRequest }).request.getHeader("host") ?? host));
    };
    subscribe("http.client.request.start", listen);
    try {
      for (const settings of [{ findProviders: false }, { access: "keys" }]) await (await start(settings)).stop();
      assert.deepEqual(asked, []);
      await (await start({})).stop();
      assert.deepEqual(asked, ["127.0.0.1:11434", "127.0.0.1:8080", "127.0.0.1:8000", "127.0.0.1:1234"]);
    } finally {
      unsubscribe("http.client.request.start", listen);
    }
  });
});
