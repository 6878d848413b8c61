import { join } from "node:path";
import { SlipwayClient } from "../../src/index.ts";
import { startSlipway, type BenchProcess } from "../serving/processes.ts";
import type { ChatTarget } from "./chat-load.ts";

export interface StartedGateway extends ChatTarget {
  process: BenchProcess;
}

const environment = { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_FIND_PROVIDERS: "false" };
const limits = { requestsPerMinute: 1e9, tokensPerMinute: 1e12, concurrency: 100_000 };
const budget = { perQuery: 1, day: 1e6, month: 1e7 };
const model = "bench";

/** An open server, a route with one target and nothing else; of its traces none is kept but those of failures. */
export async function startAllOff(directory: string, upstream: number): Promise<StartedGateway> {
  const process = await started(join(directory, "all-off"), { SLIPWAY_TRACE_SAMPLE: "0", SLIPWAY_TRACE_CONTENT: "false" }, "--access", "open");
  await setUp(new SlipwayClient({ url: String(process.facts.url) }), upstream, { recordContent: false });
  return { process, port: process.facts.httpPort!, model };
}

/** A server that asks for keys: the key and the route have limits of requests, tokens and concurrency, and budgets of query, day and month; each call is looked up in the exact cache and traced whole. */
export async function startAllOn(directory: string, upstream: number, settings: Readonly<Record<string, string>> = {}): Promise<StartedGateway> {
  const data = join(directory, "all-on");
  const open = await started(data, settings, "--access", "open");
  const first = new SlipwayClient({ url: String(open.facts.url) }).api;
  const admin = await first.send<{ key: string }>("POST", "/api/keys", { name: "root", grants: [{ role: "admin" }] });
  await open.stop();
  const process = await started(data, settings, "--access", "keys");
  const client = new SlipwayClient({ url: String(process.facts.url), apiKey: admin.key });
  await setUp(client, upstream, { limits, budget, cache: { ttlSeconds: 60 }, recordContent: true });
  await client.api.send("POST", "/api/prices", { provider: "upstream", model: "*", rates: { input: 0.1, output: 0.4 } });
  const caller = await client.api.send<{ id: string; key: string }>("POST", "/api/keys", { name: "caller", grants: [{ role: "viewer" }] });
  await client.api.send("PUT", `/api/gateway/keys/${caller.id}`, { revision: 0, settings: { limits, budget } });
  return { process, port: process.facts.httpPort!, model, headers: { Authorization: `Bearer ${caller.key}` } };
}

/** An open server with its defaults, and a route `chaos` that falls back from each of the providers to the next. */
export async function startBetween(directory: string, upstreams: readonly string[]): Promise<StartedGateway> {
  const process = await started(join(directory, "between"), {}, "--access", "open");
  const { api } = new SlipwayClient({ url: String(process.facts.url) });
  for (const [index, baseUrl] of upstreams.entries()) await api.send("PUT", `/api/gateway/providers/p${index}`, { revision: 0, settings: { kind: "compatible", baseUrl } });
  const targets = upstreams.map((_, priority) => ({ provider: `p${priority}`, model, priority }));
  await api.send("PUT", "/api/gateway/routes/chaos", { revision: 0, settings: { targets, firstByteMs: 2000, sticky: false } });
  return { process, port: process.facts.httpPort!, model: "chaos" };
}

async function setUp({ api }: SlipwayClient, upstream: number, settings: object): Promise<void> {
  await api.send("PUT", "/api/gateway/providers/upstream", { revision: 0, settings: { kind: "compatible", baseUrl: `http://127.0.0.1:${upstream}/v1` } });
  await api.send("PUT", `/api/gateway/routes/${model}`, { revision: 0, settings: { targets: [{ provider: "upstream", model }], ...settings } });
}

/** Settings beside those of the command line come by the environment, for the moment of the start. */
async function started(data: string, further: Record<string, string>, ...flags: string[]): Promise<BenchProcess> {
  const settings: Record<string, string> = { ...environment, ...further };
  Object.assign(process.env, settings);
  try {
    return await startSlipway(data, ...flags);
  } finally {
    for (const name in settings) delete process.env[name];
  }
}
