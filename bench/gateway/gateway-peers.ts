import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../serving/peer.ts";
import type { ChatTarget } from "./chat-load.ts";

export interface StartedPeer extends ChatTarget {
  processId: number;
  stop(): Promise<void>;
}

const masterKey = "sk-bench";
const model = "bench";

/** LiteLLM's proxy with one worker, a master key and no database, and with answers and limits in the Redis at a port of this machine where one is named; SLIPWAY_BENCH_LITELLM is a virtual environment with `litellm[proxy]`. Null where there is none. */
export async function startLiteLlm(directory: string, upstream: number, redisPort?: number): Promise<StartedPeer | null> {
  const program = join(process.env.SLIPWAY_BENCH_LITELLM ?? "", "bin/litellm");
  if (process.env.SLIPWAY_BENCH_LITELLM === undefined || !existsSync(program)) return null;
  const settings = join(directory, "litellm.json");
  const redis = { host: "127.0.0.1", port: redisPort };
  // JSON is YAML.
  writeFileSync(settings, JSON.stringify({
    model_list: [{ model_name: model, litellm_params: { model: `openai/${model}`, api_base: `http://127.0.0.1:${upstream}/v1`, api_key: "none" } }],
    general_settings: { master_key: masterKey }, litellm_settings: { telemetry: false, set_verbose: false, ...(redisPort === undefined ? {} : { cache: true, cache_params: { type: "redis", ...redis, ttl: 60 } }) },
    ...(redisPort === undefined ? {} : { router_settings: { redis_host: redis.host, redis_port: redisPort } }),
  }));
  const port = await freePort();
  const environment = { LITELLM_MODE: "PRODUCTION", LITELLM_LOG: "ERROR", LITELLM_LOCAL_MODEL_COST_MAP: "True", NO_DOCS: "True" };
  return startPeer("LiteLLM", program, ["--config", settings, "--host", "127.0.0.1", "--port", String(port), "--num_workers", "1"], environment, { port, model, headers: { Authorization: `Bearer ${masterKey}` } });
}

/** Portkey's gateway; SLIPWAY_BENCH_PORTKEY is a folder where `@portkey-ai/gateway` was installed by npm. Null where there is none. */
export async function startPortkey(upstream: number): Promise<StartedPeer | null> {
  const program = join(process.env.SLIPWAY_BENCH_PORTKEY ?? "", "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (process.env.SLIPWAY_BENCH_PORTKEY === undefined || !existsSync(program)) return null;
  const port = await freePort();
  const headers = { Authorization: "Bearer none", "x-portkey-provider": "openai", "x-portkey-custom-host": `http://127.0.0.1:${upstream}/v1` };
  return startPeer("Portkey", process.execPath, [program, `--port=${port}`, "--headless"], { NODE_ENV: "production" }, { port, model, headers });
}

async function startPeer(name: string, program: string, parameters: string[], environment: Record<string, string>, target: ChatTarget): Promise<StartedPeer> {
  const child = spawn(program, parameters, { stdio: "ignore", env: { ...process.env, ...environment } });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Are you there?" }] });
  const end = performance.now() + 90_000;
  for (;;) {
    const answer = fetch(`http://127.0.0.1:${target.port}/v1/chat/completions`, { method: "POST", body, headers: { "Content-Type": "application/json", ...target.headers } });
    if (await answer.then(async (response) => (await response.text()).includes("chat.completion") && response.ok, () => false)) return { ...target, processId: child.pid!, stop };
    if (performance.now() > end || child.exitCode !== null) {
      await stop();
      throw new Error(`${name} did not answer a chat in 90 seconds.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
