import { hash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import type { Credentials } from "../../src/core/request-gate.ts";
import { SlipwayClient } from "../../src/index.ts";
import { linearModel } from "../../test/kit/onnx-models.ts";
import { httpLoad, requestBytes, type LoadResult } from "../serving/http-load.ts";
import { startSlipway, type BenchProcess } from "../serving/processes.ts";
import { openKeys, type OpenedKeys } from "./keys.ts";

const model = "tabular";
const keyCount = 10_000;

/** What authentication and policy cost: in this process alone, then in a server that asks for keys beside the same one open. */
export async function run({ quick }: { quick: boolean }): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  try {
    mkdirSync(join(directory, "keys"));
    const file = join(directory, "tabular.onnx");
    writeFileSync(file, linearModel({ weights: Array.from({ length: 10 }, (_, index) => index / 10) }));
    const preparing = await startSlipway(join(directory, "keys"));
    await new SlipwayClient({ url: String(preparing.facts.url) }).deploy({ file, name: model });
    await preparing.stop();
    cpSync(join(directory, "keys"), join(directory, "open"), { recursive: true });
    const opened = await openKeys(join(directory, "keys"), model);
    const keys = await opened.make(keyCount);
    await inProcess(opened, keys, quick ? 100_000 : 1_000_000);
    await opened.close();
    await endToEnd(directory, keys, quick ? { seconds: 1, rounds: 1 } : { seconds: 3, rounds: 5 });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function inProcess({ access: { gate } }: OpenedKeys, keys: readonly string[], requests: number): Promise<void> {
  const on = { kind: "model", parameter: "model" } as const;
  const shown = (authorization: string): Credentials => ({ authorization, cookie: undefined, address: "127.0.0.1" });
  const bearer = keys.map((key) => shown(`Bearer ${key}`));
  const basic = keys.map((key) => shown(`Basic ${Buffer.from(`user:${key}`).toString("base64")}`));
  const ask = async ({ ...credentials }: Credentials): Promise<void> => {
    const now = systemClock.now();
    const caller = await gate.identify(credentials, now);
    await gate.authorize(caller, "viewer", on, { model });
  };
  const first = performance.now();
  for (const credentials of bearer) await ask(credentials);
  const firstUs = ((performance.now() - first) * 1000) / keys.length;
  console.log(`\nIn process, ${keys.length} keys, ${requests} requests by keys in random order\n`);
  console.log(["", "us a request", "p99 of groups of 100, us"].map((text, index) => text.padEnd(index === 0 ? 46 : 28)).join(""));
  const line = (name: string, each: (index: number) => void): void => {
    const groups: number[] = [];
    let seed = 1;
    const begin = performance.now();
    for (let done = 0; done < requests; done += 100) {
      const start = performance.now();
      for (let index = 0; index < 100; index++) each((seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) % keys.length);
      groups.push((performance.now() - start) * 10);
    }
    const us = ((performance.now() - begin) * 1000) / requests;
    groups.sort((left, right) => left - right);
    console.log(name.padEnd(46) + us.toFixed(2).padEnd(28) + groups[Math.floor(groups.length * 0.99)]!.toFixed(2));
  };
  const both = (credentials: Credentials): void => {
    const caller = gate.identify(credentials, systemClock.now());
    // The keys that refresh beside the requests keep every answer synchronous; one that is not would be measured wrongly.
    if (caller instanceof Promise) return void caller.catch(() => undefined);
    void gate.authorize(caller, "viewer", on, { model });
  };
  line("floor: SHA-256 of the key", (index) => void hash("sha256", keys[index]!, "hex"));
  line("identify and authorize, Bearer", (index) => both(bearer[index]!));
  line("identify and authorize, Basic", (index) => both(basic[index]!));
  console.log(`${"the first request of a key (read from SQLite)".padEnd(46)}${firstUs.toFixed(1)}`);
}

async function endToEnd(directory: string, keys: readonly string[], { seconds, rounds }: { seconds: number; rounds: number }): Promise<void> {
  const body = Buffer.from(JSON.stringify({ inputs: [{ name: "features", shape: [1, 10], datatype: "FP32", data: Array.from({ length: 10 }, (_, index) => index) }], outputs: [{ name: "score" }] }));
  const headers = { "Content-Type": "application/json" };
  const path = `/v2/models/${model}/infer`;
  const servers: { name: string; server: BenchProcess; requests: Buffer[]; headers: Record<string, string> }[] = [];
  for (const name of ["open", "keys"]) {
    const server = await startSlipway(join(directory, name), "--access", name);
    const shown = (key: string): Record<string, string> => (name === "keys" ? { Authorization: `Bearer ${key}` } : {});
    const requests = (name === "keys" ? keys : keys.slice(0, 1)).map((key) => requestBytes(server.facts.httpPort!, path, { ...headers, ...shown(key) }, body));
    servers.push({ name, server, requests, headers: shown(keys[0]!) });
  }
  try {
    console.log(`\nEnd to end: one row of ${model}, JSON, ${rounds} interleaved rounds of ${seconds} s; keys in turn\n`);
    console.log(["connections", "server", "requests/s", "p50 ms", "p99 ms", "server CPU, us a request"].map((text) => text.padEnd(14)).join(""));
    // Every key is known before it is measured, as after the first minutes of a server.
    for (const { server, requests } of servers) await httpLoad(server.facts.httpPort!, requests, 8, 60, Math.max(requests.length, 5000));
    for (const connections of [1, 32]) {
      const results: Record<string, (LoadResult & { cpuUs: number })[]> = { open: [], keys: [] };
      for (let round = 0; round < rounds; round++) {
        for (const { name, server, requests, headers: shown } of servers) {
          const before = await cpuSeconds(server, shown);
          const result = await httpLoad(server.facts.httpPort!, requests, connections, seconds);
          if (result.failures > 0) throw new Error(`${result.failures} requests of ${name} failed.`);
          results[name]!.push({ ...result, cpuUs: (((await cpuSeconds(server, shown)) - before) * 1e6) / result.requests });
        }
      }
      const [open, keyed] = ["open", "keys"].map((name) => medians(results[name]!)) as [ReturnType<typeof medians>, ReturnType<typeof medians>];
      for (const [name, { rate, p50, p99, cpuUs }] of [["open", open], ["keys", keyed]] as const) {
        console.log([connections, name, Math.round(rate), p50.toFixed(3), p99.toFixed(3), cpuUs.toFixed(1)].map((text) => String(text).padEnd(14)).join(""));
      }
      console.log(`  added: ${((keyed.p50 - open.p50) * 1000).toFixed(1)} us at p50, ${(keyed.cpuUs - open.cpuUs).toFixed(1)} us of CPU; ${((keyed.rate / open.rate) * 100).toFixed(1)}% of the rate`);
    }
  } finally {
    for (const { server } of servers) await server.stop();
  }
}

function medians(results: readonly (LoadResult & { cpuUs: number })[]): { rate: number; p50: number; p99: number; cpuUs: number } {
  const median = (value: (result: LoadResult & { cpuUs: number }) => number): number => results.map(value).sort((left, right) => left - right)[Math.floor(results.length / 2)]!;
  return { rate: median((result) => result.requestsPerSecond), p50: median((result) => result.p50), p99: median((result) => result.p99), cpuUs: median((result) => result.cpuUs) };
}

/** CPU time of the server's process, as it says itself. */
async function cpuSeconds({ facts }: BenchProcess, headers: Record<string, string>): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${facts.httpPort}/metrics`, { headers })).text();
  return Number(/^process_cpu_seconds_total ([0-9.e+]+)$/m.exec(text)![1]);
}
