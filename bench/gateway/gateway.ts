import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadResult } from "../serving/http-load.ts";
import { startFloor } from "../serving/processes.ts";
import { chaos } from "./chaos.ts";
import { chatLoad, type ChatTarget } from "./chat-load.ts";
import { startLiteLlm, startPortkey } from "./gateway-peers.ts";
import { processorSeconds, residentMiB } from "./processor-time.ts";
import { startAllOff, startAllOn } from "./slipway-servers.ts";

interface Line extends ChatTarget {
  name: string;
  /** Null for the provider itself: its time is no gateway's. */
  processId: number | null;
  stop(): Promise<void>;
}

/** One line under one load: medians of its rounds. */
interface Row {
  name: string;
  connections: number;
  stream: boolean;
  rate: number;
  p50: number;
  p99: number;
  /** Microseconds of processor time for a request. */
  processor: number;
  failures: number;
}

const direct = "direct";
const bare = "bare Node proxy";
const allOff = "Slipway, all off";
const allOn = "Slipway, all on";
const connectionCounts = [1, 32, 256];

/** Lines in front of one fake provider, in interleaved rounds on one machine; with `memory`, instead, so many calls through Slipway with all on and what it holds after each tenth; with `chaos`, what is lost between providers that fail. */
export async function run({ quick, memory, chaos: isChaos = false }: { quick: boolean; memory?: number; chaos?: boolean }): Promise<void> {
  if (isChaos) return chaos(quick);
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-gateway-"));
  const lines: Line[] = [];
  const upstream = await startFloor("../gateway/fake-upstream.ts");
  const port = upstream.facts.port!;
  try {
    if (memory !== undefined) return await memoryOver(directory, port, memory);
    lines.push({ name: direct, port, model: "bench", processId: null, stop: () => upstream.stop() });
    const proxy = await startFloor("../gateway/bare-proxy.ts", String(port));
    lines.push({ name: bare, port: proxy.facts.port!, model: "bench", processId: proxy.child.pid!, stop: () => proxy.stop() });
    for (const [name, start] of [[allOff, startAllOff], [allOn, startAllOn]] as const) {
      const { process, ...target } = await start(directory, port);
      lines.push({ ...target, name, processId: process.child.pid!, stop: () => process.stop() });
    }
    const absent: string[] = [];
    for (const [name, variable, start] of [["LiteLLM", "SLIPWAY_BENCH_LITELLM", () => startLiteLlm(directory, port)], ["Portkey", "SLIPWAY_BENCH_PORTKEY", () => startPortkey(port)]] as const) {
      const peer = await start();
      if (peer === null) absent.push(`${name} is absent: ${variable} does not name where it is installed.`);
      else lines.push({ ...peer, name });
    }
    console.log(`\nRequests of the gateway, ${new Date().toISOString().slice(0, 16)}Z; load of the machine before: ${loadavg()[0]!.toFixed(1)}`);
    for (const line of absent) console.log(line);
    const rows = await measure(lines, quick ? { seconds: 1, rounds: 1, warmSeconds: 4 } : { seconds: 2, rounds: 5, warmSeconds: 10 });
    report(rows);
    judge(rows, absent);
  } finally {
    for (const line of lines.reverse()) await line.stop();
    if (lines.length === 0) await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(lines: readonly Line[], { seconds, rounds, warmSeconds }: { seconds: number; rounds: number; warmSeconds: number }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const stream of [false, true]) {
    // Servers become faster for as long as V8 compiles what they do; what is measured is one that has been up for a while.
    for (const line of lines) await chatLoad(line, { connections: 32, stream, seconds: warmSeconds });
    for (const connections of connectionCounts) {
      const all = lines.map((): (LoadResult & { processor: number })[] => []);
      for (const line of lines) await chatLoad(line, { connections, stream, seconds: 1 }); // opens its connections
      for (let round = 0; round < rounds; round++) {
        for (const [index, line] of lines.entries()) {
          const before = line.processId === null ? NaN : processorSeconds(line.processId);
          const result = await chatLoad(line, { connections, stream, seconds });
          const after = line.processId === null ? NaN : processorSeconds(line.processId);
          all[index]!.push({ ...result, processor: ((after - before) * 1e6) / result.requests });
        }
      }
      for (const [index, { name }] of lines.entries()) {
        const results = all[index]!;
        const median = (value: (result: LoadResult & { processor: number }) => number): number => results.map(value).sort((one, other) => one - other)[results.length >> 1]!;
        rows.push({
          name, connections, stream, rate: median((result) => result.requestsPerSecond), p50: median((result) => result.p50), p99: median((result) => result.p99),
          processor: median((result) => result.processor), failures: results.reduce((sum, result) => sum + result.failures, 0),
        });
      }
    }
  }
  return rows;
}

/** Two tables in Markdown. */
function report(rows: readonly Row[]): void {
  for (const stream of [false, true]) {
    console.log(`\n${stream ? "Streams of 20 tokens; times until the first token" : "Whole answers"}:\n`);
    console.log("| connections | | requests/s | of the bare proxy | p50 ms | p99 ms | added p50 | added p99 | processor us a request | failures |");
    console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const row of rows.filter((each) => each.stream === stream)) {
      const { name, connections, rate, p50, p99, processor, failures } = row;
      const from = (other: string): Row => beside(rows, row, other)!;
      const isGateway = name !== direct;
      if (Number.isNaN(p50)) {
        console.log(`| ${connections} | ${name} | answered none of ${failures.toLocaleString("en")} |${" |".repeat(7)}`);
        continue;
      }
      const cells = [
        connections, name, Math.round(rate).toLocaleString("en"), isGateway && name !== bare ? `${((rate / from(bare).rate) * 100).toFixed(0)}%` : "", p50.toFixed(3), p99.toFixed(3),
        isGateway ? (p50 - from(direct).p50).toFixed(3) : "", isGateway ? (p99 - from(direct).p99).toFixed(3) : "", Number.isNaN(processor) ? "" : processor.toFixed(0), failures,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

function judge(rows: readonly Row[], absent: readonly string[]): void {
  const at = (name: string, connections: number): Row | undefined => rows.find((row) => row.name === name && row.connections === connections && !row.stream);
  const verdict = (text: string, isMet: boolean, result: string): void => console.log(`| ${text} | ${isMet ? "met" : "**missed**"}: ${result} |`);
  console.log("\nWhole answers:\n\n| target | result |\n| --- | --- |");
  const on = at(allOn, 1)!;
  const added = on.p50 - at(direct, 1)!.p50;
  verdict("added p50 under 0.5 ms with all on, one connection", added < 0.5, `${added.toFixed(3)} ms (the bare proxy adds ${(at(bare, 1)!.p50 - at(direct, 1)!.p50).toFixed(3)})`);
  const shares = (name: string): number[] => connectionCounts.map((connections) => at(name, connections)!.rate / at(bare, connections)!.rate);
  for (const [name, least] of [[allOff, 0.7], [allOn, 0.45]] as const) {
    const found = shares(name);
    verdict(`${name}: at least ${least * 100}% of the bare proxy's requests/s`, found.every((share) => share >= least), `${found.map((share) => `${(share * 100).toFixed(0)}%`).join(", ")} at ${connectionCounts.join(", ")} connections`);
  }
  for (const [peer, least] of [["LiteLLM", 10], ["Portkey", 3]] as const) {
    if (at(peer, 1) === undefined) {
      console.log(`| at least ${least} times ${peer}'s requests/s | not measured: ${absent.find((line) => line.startsWith(peer))} |`);
      continue;
    }
    for (const name of [allOff, allOn]) {
      const found = connectionCounts.map((connections) => at(name, connections)!.rate / at(peer, connections)!.rate);
      verdict(`${name}: at least ${least} times ${peer}'s requests/s`, found.every((times) => times >= least), `${found.map((times) => times.toFixed(1)).join(", ")} times at ${connectionCounts.join(", ")} connections`);
    }
  }
}

function beside(rows: readonly Row[], { connections, stream }: Row, name: string): Row | undefined {
  return rows.find((row) => row.name === name && row.connections === connections && row.stream === stream);
}

/** Whether memory grows with calls: it must be as large after the last tenth as after the second. */
async function memoryOver(directory: string, upstream: number, calls: number): Promise<void> {
  const { process, ...target } = await startAllOn(directory, upstream);
  try {
    console.log(`\n${calls.toLocaleString("en")} whole answers through Slipway with all on, 32 connections\n\n| calls | resident MiB | requests/s | failures |\n| --- | --- | --- | --- |\n| 0 | ${residentMiB(process.child.pid!).toFixed(0)} | | |`);
    for (let tenth = 1; tenth <= 10; tenth++) {
      const result = await chatLoad(target, { connections: 32, stream: false, seconds: Infinity, most: Math.ceil(calls / 10) });
      console.log(`| ${Math.round((calls * tenth) / 10).toLocaleString("en")} | ${residentMiB(process.child.pid!).toFixed(0)} | ${Math.round(result.requestsPerSecond).toLocaleString("en")} | ${result.failures} |`);
    }
  } finally {
    await process.stop();
  }
}
