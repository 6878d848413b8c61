import { loadavg } from "node:os";
import type { LoadResult } from "../serving/http-load.ts";
import { chatLoad, type ChatTarget } from "./chat-load.ts";
import { processorSeconds } from "./processor-time.ts";

export interface Line extends ChatTarget {
  name: string;
  /** Null for the provider itself: its time is no gateway's. */
  processId: number | null;
  /** Of what works for this line alone: its Redis. */
  besideIds?: readonly number[];
  stop(): Promise<void>;
}

/** One line under one load: medians of its rounds. */
export interface Row {
  name: string;
  connections: number;
  stream: boolean;
  rate: number;
  p50: number;
  p99: number;
  /** Microseconds of processor time for a request. */
  processor: number;
  /** The same of what works beside it; NaN where nothing does. */
  processorBeside: number;
  failures: number;
}

/** Names of lines that others are compared with. */
export const direct = "direct";
export const bare = "bare Node proxy";
export const connectionCounts = [1, 32, 256];

type Round = LoadResult & { processor: number; processorBeside: number };

/** Interleaved rounds of all lines under each load. */
export async function measure(lines: readonly Line[], quick: boolean, streams: readonly boolean[] = [false, true]): Promise<Row[]> {
  console.log(`\nRequests of the gateway, ${new Date().toISOString().slice(0, 16)}Z; load of the machine before: ${loadavg()[0]!.toFixed(1)}`);
  const { seconds, rounds, warmSeconds } = quick ? { seconds: 1, rounds: 1, warmSeconds: 4 } : { seconds: 2, rounds: 5, warmSeconds: 10 };
  const rows: Row[] = [];
  for (const stream of streams) {
    // Servers become faster for as long as V8 compiles what they do; what is measured is one that has been up for a while.
    for (const line of lines) await chatLoad(line, { connections: 32, stream, seconds: warmSeconds });
    for (const connections of connectionCounts) {
      const all = lines.map((): Round[] => []);
      for (const line of lines) await chatLoad(line, { connections, stream, seconds: 1 }); // opens its connections
      for (let round = 0; round < rounds; round++) for (const [index, line] of lines.entries()) all[index]!.push(await oneRound(line, { connections, stream, seconds }));
      for (const [index, { name }] of lines.entries()) {
        const results = all[index]!;
        const median = (value: (result: Round) => number): number => results.map(value).sort((one, other) => one - other)[results.length >> 1]!;
        rows.push({
          name, connections, stream, rate: median((result) => result.requestsPerSecond), p50: median((result) => result.p50), p99: median((result) => result.p99),
          processor: median((result) => result.processor), processorBeside: median((result) => result.processorBeside), failures: results.reduce((sum, result) => sum + result.failures, 0),
        });
      }
    }
  }
  return rows;
}

async function oneRound(line: Line, load: { connections: number; stream: boolean; seconds: number }): Promise<Round> {
  const spent = (): [number, number] => [line.processId === null ? NaN : processorSeconds(line.processId), line.besideIds === undefined ? NaN : line.besideIds.reduce((sum, id) => sum + processorSeconds(id), 0)];
  const before = spent();
  const result = await chatLoad(line, load);
  const [processor, processorBeside] = spent().map((after, index) => ((after - before[index]!) * 1e6) / result.requests) as [number, number];
  return { ...result, processor, processorBeside };
}

/** Tables in Markdown. */
export function report(rows: readonly Row[]): void {
  const hasBeside = rows.some(({ processorBeside }) => !Number.isNaN(processorBeside));
  for (const stream of [false, true]) {
    const shown = rows.filter((each) => each.stream === stream);
    if (shown.length === 0) continue;
    const titles = ["connections", "", "requests/s", "of the bare proxy", "p50 ms", "p99 ms", "added p50", "added p99", "processor us a request", ...(hasBeside ? ["of Redis"] : []), "failures"];
    console.log(`\n${stream ? "Streams of 20 tokens; times until the first token" : "Whole answers"}:\n`);
    console.log(`| ${titles.join(" | ")} |\n|${" --- |".repeat(titles.length)}`);
    for (const row of shown) {
      const { name, connections, rate, p50, p99, processor, processorBeside, failures } = row;
      const from = (other: string): Row => rows.find((each) => each.connections === connections && each.stream === stream && each.name === other)!;
      const isGateway = name !== direct;
      const told = (value: number): string => (Number.isNaN(value) ? "" : value.toFixed(0));
      if (Number.isNaN(p50)) {
        console.log(`| ${connections} | ${name} | answered none of ${failures.toLocaleString("en")} |${" |".repeat(titles.length - 3)}`);
        continue;
      }
      const cells = [
        connections, name, Math.round(rate).toLocaleString("en"), isGateway && name !== bare ? `${((rate / from(bare).rate) * 100).toFixed(0)}%` : "", p50.toFixed(3), p99.toFixed(3),
        isGateway ? (p50 - from(direct).p50).toFixed(3) : "", isGateway ? (p99 - from(direct).p99).toFixed(3) : "", told(processor), ...(hasBeside ? [told(processorBeside)] : []), failures,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}
