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
      assert.match(never.told, /its provider is looked for at http:\/\/127\.0\.0\.1:1\/v1 on the server's machine, and was not there since the server started\. Start it there/);
    });

    it("are said to be gone, with the address where they were and what brings them back, by their name and by routes", async () => {
      const target = { provider: "ollama", model: "llama3.2" };
      for (const [name, targets] of [["alone", [target]], ["first", [target, { provider: "echo", model: "echo", priority: 1 }]]] as const) {
        const made = await fetch(`${slipway.url}/api/gateway/routes/${name}`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ revision: 0, settings: { targets } }) });
        assert.equal(made.status, 200, await made.text());
        assert.deepEqual(await ask(name), { status: 200, told: "You said: hello" });
      }
      upstream.stop();
      while ((await found()).length > 0) await betweenLooks();
      const { status, told } = await ask("ollama/llama3.2");
      assert.equal(status, 404);
      const words = `its provider was found at http://127.0.0.1:${port} on the server's machine, and answers there no more. Start it there: it is found within a minute; or enter where else it is: \`slipway gateway set-provider ollama --kind ollama --base-url URL\`.`;
      assert.ok(told.includes(`: ${words}`), told);
      const alone = await ask("alone");
      assert.ok(alone.status === 503 && alone.told.startsWith(`ollama/llama3.2: I${words.slice(1)}`), alone.told);
      assert.equal((await ask("first")).status, 200);
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
