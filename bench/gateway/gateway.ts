import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFloor } from "../serving/processes.ts";
import { chaos } from "./chaos.ts";
import { chatLoad } from "./chat-load.ts";
import { startLiteLlm, startPortkey } from "./gateway-peers.ts";
import { bare, connectionCounts, direct, measure, report, type Line, type Row } from "./lines.ts";
import { residentMiB } from "./processor-time.ts";
import { shared } from "./shared.ts";
import { startAllOff, startAllOn } from "./slipway-servers.ts";

const allOff = "Slipway, all off";
const allOn = "Slipway, all on";

/** Lines in front of one fake provider, in interleaved rounds on one machine; with `memory`, instead, so many calls through Slipway with all on and what it holds after each tenth; with `chaos`, what is lost between providers that fail; with `shared`, what a database and a Redis that servers share cost. */
export async function run({ quick, memory, chaos: isChaos = false, shared: isShared = false }: { quick: boolean; memory?: number; chaos?: boolean; shared?: boolean }): Promise<void> {
  if (isChaos) return chaos(quick);
  if (isShared) return shared(quick);
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
    for (const line of absent) console.log(line);
    const rows = await measure(lines, quick);
    report(rows);
    judge(rows, absent);
  } finally {
    for (const line of lines.reverse()) await line.stop();
    if (lines.length === 0) await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
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
